"""A store with nothing in it, for tests of records and moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.runtime.settings import Settings
from tests.conftest import require
from tests.support.bench import Bench, guard_store, worker_store
from tests.support.processes import SERVERS, StoreServer


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    """A store of this module's own: other tests' workers would take the jobs away."""
    require(request.param)
    server = StoreServer(request.param, tmp_path_factory.mktemp(request.param))
    yield server
    server.stop()


@pytest.fixture
def bench(server: StoreServer, tmp_path: Path) -> Bench:
    """A store with nothing in it, and no worker."""
    with server.client() as client:
        client.flushall()
    settings = Settings(redis_url=server.url, blob_url=(tmp_path / "blobs").as_uri(), max_attempts=2)
    return Bench(settings, worker_store(settings, "mill:1/2"), guard_store(settings), server)
