"""Redis with TLS: the whole service over `rediss://`, and who is not trusted."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.jobs.clients import heard_workers
from shared.runtime import connections
from shared.runtime.settings import Settings
from tests.conftest import require
from tests.support.calls import finished, post, problem
from tests.support.processes import Service, StoreServer
from tests.support.tls import Authority, TlsStore

Services = Callable[..., Service]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def tls_store(tmp_path: Path, authority: Authority) -> Iterator[Callable[..., TlsStore]]:
    """Makes stores that speak TLS alone; the embedded Valkey cannot, Debian's Redis can."""
    require("redis-server")
    stores: list[TlsStore] = []

    def make(**options: Any) -> TlsStore:
        stores.append(TlsStore("redis-server", tmp_path / f"tls-{len(stores)}", authority, **options))
        return stores[-1]

    yield make
    for store in stores:
        store.kill()


def test_a_job_over_tls(tls_store: Callable[..., TlsStore], own_service: Services) -> None:
    """Gateway, worker, its guard and Celery's broker speak TLS, each with the certificate that the server wants."""
    store = tls_store(clients=True)
    service = own_service(store).start_gateway()
    service.start_worker()
    service.wait_for_workers()
    with service.client() as client, store.client() as redis:
        assert finished(client)["attempt"] == 1
        # Nobody else can have been there: it listens nowhere without TLS, and to nobody without a certificate.
        assert redis.config_get("port", "tls-auth-clients") == {"port": "0", "tls-auth-clients": "yes"}


def reached(store: StoreServer, url: str) -> Settings:
    assert store.password in url
    settings = Settings(redis_url=url)
    connections.check(settings)
    return settings


@pytest.mark.parametrize("wrong", ["authority", "name", "no certificate", "without TLS"])
def test_who_is_not_trusted(
    tls_store: Callable[..., TlsStore], tmp_path: Path, own_service: Services, authority: Authority, wrong: str
) -> None:
    """A server of another authority or name is not talked to, and one that wants a certificate is not without; the
    gateway says that it is not available."""
    store = tls_store(clients=wrong == "no certificate", name="127.0.0.2" if wrong == "name" else "127.0.0.1")
    plain, _, query = store.url.partition("?")
    queries = {"authority": Authority(tmp_path / "another").query(), "no certificate": authority.query()}
    url = f"{plain}?{queries.get(wrong, query)}"
    if wrong == "without TLS":
        url = plain.replace("rediss", "redis")
    with pytest.raises(connections.RedisError):
        reached(store, url)
    service = own_service(store)
    service.environment["HUEMILL_REDIS_URL"] = url
    with service.start_gateway().client() as client:
        problem(post(client, wait=None), 503, "unavailable")


def test_the_files_may_be_left_out(
    tls_store: Callable[..., TlsStore], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a file of authorities the system's are trusted, as SSL_CERT_FILE has them."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    store = tls_store()
    settings = reached(store, store.url.partition("?")[0])

    async def heard() -> list[str]:
        async with connections.gateway(settings) as redis:
            return await heard_workers(redis)

    assert asyncio.run(heard()) == []
