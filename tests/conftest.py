"""What all tests share: real stores, real gateways, real workers, started once for as many tests as is honest."""

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest

from tests.support.processes import SERVERS, Service, Store, StoreServer
from tests.support.scheduling import ByService
from tests.support.serving import Serving, starting

# What a single example takes depends on what else the machine does.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def compile_kernels() -> None:
    subprocess.run([sys.executable, "-m", "worker.warmup"], check=True, stdout=subprocess.DEVNULL)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the kernels once, before the processes that `-n` asks for would each do it.

    Where tests are collected nobody looks for garbage until that is done: nearly all that is made stays to the end.
    """
    if session.config.getoption("numprocesses", None) and not hasattr(session.config, "workerinput"):
        compile_kernels()
    else:
        gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Compile the kernels, or find them compiled, before a test that starts workers is on the clock."""
    real = any({"integration", "e2e", "faults", "page"} & set(item.path.parts) for item in session.items)
    if real and not hasattr(session.config, "workerinput"):
        compile_kernels()
    gc.freeze()
    gc.enable()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Leave a note of how it ended beside what failed: make tells nobody, and CI repeats failures of tests alone."""
    if not hasattr(session.config, "workerinput") and hasattr(session.config, "cache"):
        session.config.cache.set("huemill/exitstatus", int(exitstatus))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByService:
    return ByService(config, log)


def require(kind: str) -> None:
    """Skip without the server on a laptop, fail without it in CI."""
    if kind == "valkey" or shutil.which(kind):
        return
    message = f"there is no {kind} here: apt-get install {kind}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


# Both stores are for what is said to them. A module with this mark is about images, bytes and numbers: it would try
# the same again.
ONE_STORE = pytest.mark.parametrize("store_server", SERVERS[:1], indirect=True, scope="session")


@pytest.fixture(scope="session", params=SERVERS)
def store_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    """A running store: the embedded Valkey, then Debian's Redis."""
    require(request.param)
    server = StoreServer(request.param, tmp_path_factory.mktemp(request.param))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def service(store_server: StoreServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A gateway and a worker on the store, for tests that leave both as they were."""
    made = Service(store_server, tmp_path_factory.mktemp("service"))
    try:
        made.start_gateway()
        made.start_worker()
        yield made.wait_for_workers()
    finally:
        made.kill()


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as http:
        yield http


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[Callable[..., StoreServer]]:
    """Makes stores for one test alone, to be killed or frozen."""
    servers: list[StoreServer] = []

    def make(kind: str = "valkey", **options: Any) -> StoreServer:
        require(kind)
        servers.append(StoreServer(kind, tmp_path / f"{kind}-{len(servers)}", **options))
        return servers[-1]

    yield make
    for server in servers:
        server.kill()


@pytest.fixture
def own_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Makes services for one test alone, with settings of its own; nothing in them is started yet."""
    services: list[Service] = []

    def make(store: Store, **settings: object) -> Service:
        services.append(Service(store, tmp_path / f"service-{len(services)}", **settings))
        return services[-1]

    yield make
    for made in services:
        made.kill()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Serving]]:
    """Starts `huemill serve` for one test alone."""
    with starting(tmp_path) as start:
        yield start
