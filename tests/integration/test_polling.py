"""How a job is, asked for again and again: only what is new is sent, and a question may wait for it."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.calls import finished, post, problem
from tests.support.processes import Service, running
from tests.support.raw import connect
from tests.support.waiting import until


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A gateway without a worker: what is posted waits."""
    with running(tmp_path_factory.mktemp("idle"), workers=0) as made:
        yield made


@pytest.fixture
def queued(idle: Service) -> Iterator[tuple[httpx.Client, str]]:
    """A client and the address of a job that waits."""
    with idle.client() as client:
        yield client, post(client, wait=None).json()["links"]["self"]


def test_what_a_client_has_is_not_sent_again(queued: tuple[httpx.Client, str]) -> None:
    """A job has the same tag until something about it changes; who names it gets 304, by GET as by HEAD.

    While it is queued the tag is a weak one: its place in the queue is no part of it.
    """
    client, address = queued
    first = client.get(address)
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    assert first.headers["cache-control"] == "private, no-cache"
    for ask in (client.get, client.head):
        same = ask(address, headers={"If-None-Match": f'"other", {tag}'})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert client.head(address).headers["etag"] == tag
    assert client.post(f"{address}/cancel").is_success
    changed = client.get(address, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["status"]) == (200, "cancelled")
    assert changed.headers["etag"].startswith('"')


def test_the_tag_of_a_job_with_its_result(client: httpx.Client) -> None:
    """A succeeded job comes with its result, and is not sent again either; other jobs have other tags."""
    one, other = (client.get(finished(client)["links"]["self"]) for _ in range(2))
    assert one.json()["result"]["palette"] == other.json()["result"]["palette"]
    assert one.headers["etag"] != other.headers["etag"]
    again = client.get(one.url, params={"wait": 20}, headers={"If-None-Match": one.headers["etag"]})
    assert again.status_code == 304, "nothing will change any more, and nothing is waited for"


def test_a_question_that_waits(queued: tuple[httpx.Client, str]) -> None:
    """With `?wait` the answer comes when the job is another than the client's, or without a tag when it has ended."""
    client, address = queued
    tag = client.get(address).headers["etag"]
    with ThreadPoolExecutor(2) as pool:
        changed = pool.submit(client.get, address, params={"wait": 20}, headers={"If-None-Match": tag})
        ended = pool.submit(client.get, address, params={"wait": 20})
        time.sleep(0.5)
        assert not changed.done()
        assert not ended.done()
        cancelled = client.post(f"{address}/cancel").json()
        assert changed.result(5).json() == ended.result(5).json() == cancelled


def test_a_wait_has_an_end(queued: tuple[httpx.Client, str]) -> None:
    """After its seconds it is answered as it is: 304 where nothing changed. Another tag than the job's needs none."""
    client, address = queued
    tag = client.get(address).headers["etag"]
    begin = time.monotonic()
    assert client.get(address, params={"wait": 1}, headers={"If-None-Match": tag}).status_code == 304
    still = client.get(address, params={"wait": 1})
    assert (still.status_code, still.json()["status"]) == (200, "queued")
    assert int(still.headers["retry-after"]) >= 1
    assert time.monotonic() - begin >= 2
    begin = time.monotonic()
    assert client.get(address, params={"wait": 20}, headers={"If-None-Match": '"older"'}).status_code == 200
    assert client.get(address, params={"wait": 0}).status_code == 200
    assert time.monotonic() - begin < 10


def test_a_wait_for_a_job_that_is_deleted(queued: tuple[httpx.Client, str]) -> None:
    """Who waits for a job that is deleted is told that there is none."""
    client, address = queued
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.get, address, params={"wait": 20})
        time.sleep(0.5)
        assert client.delete(address).is_success
        gone = waiting.result(5)
    assert gone.status_code == 404 or gone.json()["status"] == "cancelled", "before or after its record went"
    problem(client.get(address, params={"wait": 20}), 404, "not_found")


@pytest.mark.parametrize("wrong", ["-1", "soon", "nan", "inf", ""])
def test_a_wait_that_is_no_time(client: httpx.Client, wrong: str) -> None:
    """What is no number of seconds is refused, with the name of the parameter."""
    address = finished(client)["links"]["self"]
    assert problem(client.get(address, params={"wait": wrong}), 422, "invalid_params")["errors"][0]["field"] == "wait"


def test_who_goes_away_is_waited_for_no_longer(idle: Service) -> None:
    """A client that hangs up while its question waits is not waited for any more within seconds."""
    with idle.client() as client:
        job = post(client, wait=None).json()
    waiting = connect(idle.port)
    waiting.sendall(f"GET {job['links']['self']}?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    until(lambda: followers(idle) == 1, "it waits")
    waiting.close()
    until(lambda: followers(idle) == 0, "nothing waits any more", 10)


def followers(service: Service) -> int:
    with service.client() as client:
        figures = client.get("/metrics").text
    return int(float(next(line.split()[1] for line in figures.splitlines() if line.startswith("huemill_followers "))))
