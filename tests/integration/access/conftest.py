"""A service that asks for keys, and two who have one each."""

from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from shared.access.model import Made
from tests.support.calling import RECEIVER, may_call
from tests.support.keys import Operator, client_of
from tests.support.processes import Service, StoreServer, running
from tests.support.web import Web


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with closing(Web(RECEIVER)) as made:
        yield made


@pytest.fixture(scope="module")
def guarded(store_server: StoreServer, web: Web, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that asks for keys, and may call one address of this machine."""
    with running(tmp_path_factory.mktemp("guarded"), store_server.kind, auth="keys", **may_call(web)) as made:
        yield made


@pytest.fixture(scope="module")
def operator(guarded: Service) -> Operator:
    return Operator(guarded.store)


@pytest.fixture(scope="module")
def alice(operator: Operator) -> Made:
    return operator.make("alice")


@pytest.fixture(scope="module")
def bob(operator: Operator) -> Made:
    return operator.make("bob")


@pytest.fixture(scope="module")
def hers(guarded: Service, alice: Made) -> Iterator[httpx.Client]:
    with client_of(guarded, alice) as client:
        yield client


@pytest.fixture(scope="module")
def his(guarded: Service, bob: Made) -> Iterator[httpx.Client]:
    with client_of(guarded, bob) as client:
        yield client


@pytest.fixture
def anybody(guarded: Service) -> Iterator[httpx.Client]:
    with guarded.client() as client:
        yield client
