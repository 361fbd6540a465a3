"""A store with nothing in it, for tests of records and moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.runtime.settings import Settings
from tests.conftest import require
from tests.support.bench import Bench, guard_store, worker_store
from tests.support.calling import RECEIVER, Calling, calling
from tests.support.processes import SERVERS, StoreServer
from tests.support.web import Web, at_one_port, gives


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    """A store of this module's own: other tests' workers would take the jobs away."""
    require(request.param)
    server = StoreServer(request.param, tmp_path_factory.mktemp(request.param))
    yield server
    server.kill()


@pytest.fixture
def bench(server: StoreServer, tmp_path: Path) -> Bench:
    """A store with nothing in it, and no worker."""
    with server.client() as client:
        client.flushall()
    settings = Settings(redis_url=server.url, blob_url=(tmp_path / "blobs").as_uri(), max_attempts=2)
    return Bench(settings, worker_store(settings, "mill:1/2"), guard_store(settings), server)


@pytest.fixture
def webs() -> Iterator[dict[str, Web]]:
    """Servers at one port of two addresses that may be called, and of two that may not."""
    with at_one_port(RECEIVER, "127.0.0.3", "127.0.0.1", "::1") as made:
        yield made


@pytest.fixture
def web(webs: dict[str, Web]) -> Web:
    """A receiver at an address that may be called."""
    webs[RECEIVER].answers["/hook"] = gives(b"thanks")
    return webs[RECEIVER]


@pytest.fixture
def calls(bench: Bench, web: Web) -> Iterator[Calling]:
    with calling(bench, web) as made:
        yield made
