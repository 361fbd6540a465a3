"""Redis behind Sentinels, with a password each; what happens when it is lost is in tests/faults/test_failover.py."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.runtime import connections
from shared.runtime.settings import Settings
from tests.support.calls import finished
from tests.support.sentinels import NAME, SENTINEL_PASSWORD, Sentinels
from tests.support.serving import Serving


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sentinels]:
    """Once for all that only ask them: they take seconds to hear of each other."""
    made = Sentinels("valkey", tmp_path_factory.mktemp("sentinels"))
    yield made
    made.kill()


@pytest.fixture
def own_stores(tmp_path: Path) -> Iterator[Sentinels]:
    made = Sentinels("valkey", tmp_path / "sentinels")
    yield made
    made.kill()


def test_serve_on_sentinels(own_stores: Sentinels, serve: Callable[..., Serving]) -> None:
    """`huemill serve` takes their address as it takes a server's, and finds the server also with one of them gone."""
    own_stores.kill_one()
    serving = serve("--workers", "1", HUEMILL_REDIS_URL=own_stores.url)
    with serving.client() as client:
        assert finished(client)["attempt"] == 1
    with own_stores.client() as redis:
        assert redis.keys("huemill:job:*")


@pytest.mark.parametrize(("right", "wrong"), [(f"={NAME}&", "=other&"), (SENTINEL_PASSWORD, "x"), (":tests@", ":x@")])
def test_what_they_do_not_know(stores: Sentinels, right: str, wrong: str) -> None:
    """Another name, and a wrong password of theirs or of the server, are errors in short words, without a secret."""
    url = stores.url.replace(right, wrong)
    assert url != stores.url
    with pytest.raises(connections.RedisError) as told:
        connections.check(Settings(redis_url=url))
    assert len(str(told.value)) < 150
    assert not {stores.stores[0].password, SENTINEL_PASSWORD} & set(str(told.value).split())


def test_a_sentinel_is_no_server(stores: Sentinels) -> None:
    """A URL that leads to a Sentinel, as if it were the server, is refused with what to write instead."""
    url = f"redis://:{SENTINEL_PASSWORD}@127.0.0.1:{stores.port}/0"
    with pytest.raises(connections.WrongServer, match="write sentinel://HOST:PORT"):
        connections.check(Settings(redis_url=url))
