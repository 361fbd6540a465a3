"""What a job says when its time is over: what is gone, since when, and what to do."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.jobs.model import now
from tests.support.calls import problem
from tests.support.processes import Service, running
from tests.support.records import ID, VERSIONS, place

SELF = f"/v1/jobs/{ID}"
SINCE = now() - timedelta(hours=1)
WORDS = f"expired at {SINCE:%Y-%m-%d %H:%M:%S} UTC"


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("expired"), workers=0) as made:
        yield made


@pytest.fixture
def gateway(lasting: Service) -> Service:
    """On a store with nothing in it."""
    with lasting.store.client() as redis:
        redis.flushall()
    return lasting


@pytest.fixture
def client(gateway: Service) -> Iterator[httpx.Client]:
    with gateway.client() as http:
        yield http


def expired(gateway: Service, **changes: bytes) -> None:
    """The record of a job that succeeded, and expired an hour ago."""
    fields = VERSIONS["this"]["succeeded"] | {b"expires_at": SINCE.isoformat().encode()}
    with gateway.store.client() as redis:
        place(redis, fields | {name.encode(): value for name, value in changes.items()})


def test_a_result_that_expired(gateway: Service, client: httpx.Client) -> None:
    """The job says that its result is expired; so do the result and all that is made of it, with 410."""
    expired(gateway)
    job: dict[str, Any] = client.get(SELF).json()
    assert (job["status"], job["result"]) == ("succeeded", None)
    assert job["expired"]["since"] == job["expires_at"]
    detail = job["expired"]["detail"]
    assert detail.startswith("The result of this job (kmeans of ")
    assert WORDS in detail
    assert "Post the image again" in detail
    for part in ("result", "result?labels=inline", "labels", "files/labels.png", "palette.css"):
        for conditions in ({}, {"If-None-Match": "*"}):
            assert problem(client.get(f"{SELF}/{part}", headers=conditions), 410, "expired")["detail"] == detail
        assert client.head(f"{SELF}/{part}").status_code == 410
    events = problem(client.get(f"{SELF}/events"), 410, "expired")["detail"]
    assert WORDS in events
    assert f"GET {SELF} tells" in events


@pytest.mark.parametrize(("status", "code"), [(b"failed", "job_failed"), (b"cancelled", "job_cancelled")])
def test_what_never_had_a_result(gateway: Service, client: httpx.Client, status: bytes, code: str) -> None:
    """Of a job that has none no result is expired: it goes on to say why it has none."""
    expired(gateway, status=status, error=b'{"code": "timeout", "message": "It took too long."}')
    assert client.get(SELF).json()["expired"] is None
    problem(client.get(f"{SELF}/result"), 422, code)
    problem(client.get(f"{SELF}/events"), 410, "expired")


def test_what_is_forgotten(client: httpx.Client) -> None:
    """Of a job that is gone altogether it is said that it may have been there."""
    detail = problem(client.get(SELF), 404, "not_found")["detail"]
    assert ID in detail
    assert "(any more)" in detail
