"""Jobs that share their work, while the one that does it is cancelled, deleted, expires or loses its worker."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.support.calls import post
from tests.support.images import encoded, noise
from tests.support.jobs import IMPATIENT, LONG, ended, event_names, running_job
from tests.support.processes import Service, children_of, running
from tests.support.waiting import until

Saw = Callable[..., None]
SEEDS = iter(range(1000))


@pytest.fixture(scope="module")
def sharing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("sharing"), **IMPATIENT) as service:
        yield service


@pytest.fixture
def client(sharing: Service) -> Iterator[httpx.Client]:
    with sharing.client(headers={}) as http:
        yield http


def end_of(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """The job that succeeded, told once, its result and files readable."""
    found = ended(client, job)
    assert found["status"] == "succeeded", found
    assert event_names(client, job)[-1] == "succeeded"
    assert event_names(client, job).count("succeeded") == 1
    assert client.get(job["links"]["result"]).is_success
    assert client.get(job["links"]["labels"]).is_success
    return found


@pytest.mark.parametrize("how", ["cancel", "delete"])
def test_the_one_that_does_the_work_leaves(client: httpx.Client, how: str, saw: Saw) -> None:
    """At whatever moment, before it runs, while it does, or about when it ends: the others' jobs are done."""
    led = 0
    for seconds in (0, 0.3, 0.6, 0.9, 1.2):
        image = encoded(noise(500, 500, seed=next(SEEDS)))
        first, *others = (post(client, image, wait=None, **LONG).json() for _ in range(3))
        time.sleep(seconds)
        if how == "cancel":
            assert client.post(first["links"]["cancel"]).status_code in (200, 409)
        else:
            assert client.delete(first["links"]["self"]).status_code == 204
        found = [end_of(client, job) for job in others]
        led += [job["cached"] for job in found] == [False, True]
        assert found[1]["cached"]
    saw(rounds=5, succeeded_to=led)


def test_the_worker_of_all_is_killed(client: httpx.Client, sharing: Service, saw: Saw) -> None:
    """The attempt is the first one's; the others wait on, and have its end."""
    image = encoded(noise(500, 500, seed=next(SEEDS)))
    first = running_job(client, image, **LONG)
    others = [post(client, image, wait=None, **LONG).json() for _ in range(3)]
    for child in children_of(sharing.workers[0].pid):
        os.kill(child, signal.SIGKILL)
    done, *found = (end_of(client, job) for job in (first, *others))
    assert done["attempt"] == 2
    assert [job["cached"] for job in found] == [True] * 3
    assert {job["finished_at"] for job in found} == {done["finished_at"]}
    saw(attempts=done["attempt"], shared_by=1 + len(found))


def test_the_one_that_did_the_work_expires(own_service: Callable[..., Service], sharing: Service, saw: Saw) -> None:
    """Its files live as long as the last job that has them; then nothing is left."""
    short = own_service(sharing.store, blob_url=sharing.blobs.as_uri(), **IMPATIENT, result_ttl_seconds=4)
    short.start_gateway()
    image = encoded(noise(20, 20, seed=next(SEEDS)))
    with sharing.client(headers={}) as long_lived, short.client(headers={}) as short_lived:
        first = post(long_lived, image).json()
        second = post(short_lived, image).json()
        assert (first["cached"], second["cached"]) == (False, True)
        assert long_lived.delete(first["links"]["self"]).status_code == 204
        assert short_lived.get(second["links"]["labels"]).is_success
        until(lambda: short_lived.get(second["links"]["result"]).status_code == 410, "it expires", 20)

        def left() -> list[str]:
            return [str(path) for path in sharing.blob_files() if first["id"] in str(path)]

        until(lambda: not left(), "its files go", 20)
    saw(files_left=0)
