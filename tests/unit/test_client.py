"""The command's client, where the other side is not as it should be."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from cli.client import Client, ServiceError
from tests.support.processes import free_port


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Something that gives this answer to one connection and then closes it; its host and port."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def give() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        pool.submit(give)
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_download_that_is_cut_off_leaves_nothing(tmp_path: Path) -> None:
    """What was there stays as it was, no half of the new one is left beside it, and the error is the service's."""
    path = tmp_path / "card.png"
    path.write_bytes(b"the one before")
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"
    with answering(cut) as url, Client(url) as client, pytest.raises(ServiceError) as caught:
        client.download("/v1/jobs/1/files/card.png", path)
    assert caught.value.code == "unreachable"
    assert [each.name for each in tmp_path.iterdir()] == ["card.png"]
    assert path.read_bytes() == b"the one before"


def test_a_download_from_nobody(tmp_path: Path) -> None:
    """Where nobody answers it says so, as everything else does."""
    with Client(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(ServiceError, match="huemill serve"):
        client.download("/v1/jobs/1/files/card.png", tmp_path / "card.png")
    assert not list(tmp_path.iterdir())


def test_an_address_without_its_scheme() -> None:
    """`--url localhost:8000` is what people type."""
    for given in ("localhost:8000", "http://localhost:8000", "http://localhost:8000/"):
        assert Client(given).url == "http://localhost:8000"


@pytest.mark.parametrize("url", ["http://[::1", "http://localhost:port", "http://\x01"])
def test_an_address_that_is_none(url: str) -> None:
    """It is an error of usage, in one sentence."""
    with pytest.raises(click.UsageError, match=r"is no address: .*[^.]\.$"):
        Client(url)


def test_a_host_that_cannot_be_looked_up() -> None:
    """A name that no name server could know is told like one that none knows."""
    with Client("http://a..b") as client, pytest.raises(ServiceError, match=r"No huemill answers at http://a\.\.b"):
        client.job("1")


def test_a_pipe_without_end() -> None:
    """It is given up instead of kept in memory; nothing is sent."""
    with Client(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(ServiceError, match=r"no file.*64 MiB"):
        client.submit(Path("/dev/zero"), {})
