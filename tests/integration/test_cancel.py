"""Cancelling, deleting, and a queue that is full, over HTTP."""

from collections.abc import Callable

import httpx

from tests.support.calls import finished, post, problem
from tests.support.jobs import LONGER, ended, event_names, posted
from tests.support.processes import Service, StoreServer


def test_a_running_job_is_cancelled(client: httpx.Client) -> None:
    """A cancelled job says so at once, again when it is cancelled again, and its events end with it."""
    job = posted(client, **LONGER)
    for _ in range(2):
        answer = client.post(job["links"]["cancel"])
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "cancelled"
    assert event_names(client, job)[-1] == "cancelled"
    problem(client.get(job["links"]["result"]), 422, "job_cancelled")
    assert finished(client)["attempt"] == 1


def test_a_job_that_has_ended_is_not_cancelled(client: httpx.Client) -> None:
    """What is done stays done, and the answer says which state that is."""
    job = finished(client)
    assert "succeeded" in problem(client.post(job["links"]["cancel"]), 409, "already_ended")["detail"]
    assert client.get(job["links"]["result"]).is_success


def test_a_deleted_job_is_unknown(client: httpx.Client, service: Service) -> None:
    """A deleted job leaves no file, and its id is unknown like one that never was."""
    job = finished(client)
    assert client.delete(job["links"]["self"]).status_code == 204
    problem(client.get(job["links"]["self"]), 404, "not_found")
    problem(client.delete(job["links"]["self"]), 404, "not_found")
    problem(client.post(job["links"]["cancel"]), 404, "not_found")
    assert [path for path in service.blob_files() if job["id"] in str(path)] == []


def test_a_job_has_the_time_that_its_client_gives_it(client: httpx.Client) -> None:
    """A job with a time limit of its own fails when that is over; the digest of a result does not depend on it."""
    job = posted(client, **LONGER, timeout=0.2)
    done = ended(client, job)
    assert (done["status"], done["error"]["code"], done["attempt"]) == ("failed", "timeout", 1)
    assert "0.2 s" in done["error"]["message"]
    with_limit, without = finished(client, timeout=20), finished(client)
    assert with_limit["result"]["digest"] == without["result"]["digest"]


def test_a_full_queue_takes_no_more(own_store: Callable[..., StoreServer], own_service: Callable[..., Service]) -> None:
    """Over `max_queued` a post is refused before its image is read, and taken again when there is room."""
    service = own_service(own_store(), max_queued=2).start_gateway()
    with service.client() as client:
        jobs = [post(client, wait=None).json() for _ in range(2)]
        refused = post(client, b"no image at all", wait=None)
        problem(refused, 503, "queue_full")
        assert int(refused.headers["retry-after"]) >= 1
        assert len(service.blob_files()) == 2
        client.post(jobs[0]["links"]["cancel"])
        assert post(client, wait=None).status_code == 202
