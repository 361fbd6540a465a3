"""A service that asks for keys: what its clients see of each other."""

from typing import Any

import httpx
import pytest

from api.http.access import is_open
from shared.access.model import Made
from tests.conftest import ONE_STORE
from tests.support.calls import finished, problem, server_sent_events
from tests.support.images import SMALL_PNG, encoded, noise
from tests.support.keys import (
    UNKNOWN_IMAGE,
    UNKNOWN_JOB,
    all_routes,
    bearer,
    closed_with,
    filled,
    names,
)
from tests.support.processes import Service
from tests.support.waiting import until

pytestmark = ONE_STORE

ASKED = [(method, path) for method, path in all_routes() if method != "WEBSOCKET" and not is_open(path)]
# What is about one job or image, which somebody else may try to name.
NAMED = [(method, path) for method, path in ASKED if "{job_id}" in path or "{sha256}" in path]
# As long as a client waits for an answer of a stream, which may not come to its end.
BRIEF = httpx.Timeout(10)


@pytest.mark.parametrize(("method", "path"), NAMED)
def test_what_is_anothers_is_not_there(
    guarded: Service, hers: httpx.Client, his: httpx.Client, method: str, path: str
) -> None:
    """On every route that names a job or an image, somebody else's is 404 as one that there is not, word for word but
    for the id; and it is untouched.
    """
    job = finished(hers, encoded(noise(5, 5)))
    sha256 = hers.post("/v1/images", files={"image": SMALL_PNG}).json()["sha256"]
    if path.endswith("/ws"):
        assert his.get(job["links"]["ws"]).status_code == 426  # for any id, there or not
        return
    foreign = his.request(method, filled(path, **names(job["id"], sha256)), timeout=BRIEF)
    unknown = his.request(method, filled(path, **names(UNKNOWN_JOB, UNKNOWN_IMAGE)), timeout=BRIEF)
    assert foreign.status_code == unknown.status_code == 404
    told = foreign.text.replace(job["id"], UNKNOWN_JOB).replace(sha256, UNKNOWN_IMAGE)
    assert told == unknown.text
    fields = [sorted(set(answer.headers) - {"date"}) for answer in (foreign, unknown)]
    assert fields[0] == fields[1]
    assert hers.get(job["links"]["self"]).json() == hers.get(job["links"]["self"]).json()
    assert hers.get(job["links"]["self"]).json()["status"] == "succeeded"
    assert hers.get(f"/v1/images/{sha256}").status_code == 200
    problem(his.post("/v1/jobs", json={"image_sha256": sha256}), 422, "unknown_image")


def test_a_socket_of_anothers_job(guarded: Service, hers: httpx.Client, bob: Made) -> None:
    """It is closed as that of a job that there is not."""
    job = finished(hers)
    foreign = closed_with(guarded, job["links"]["ws"], **bearer(bob))
    assert foreign == closed_with(guarded, f"/v1/jobs/{UNKNOWN_JOB}/ws", **bearer(bob)) == (4404, [])


def test_the_same_steps(guarded: Service, hers: httpx.Client, his: httpx.Client) -> None:
    """Redis is asked the same for somebody else's job as for none, and for somebody else's image: no time tells."""
    job = finished(hers)
    sha256 = hers.post("/v1/images", files={"image": SMALL_PNG}).json()["sha256"]
    his.get(f"/v1/jobs/{UNKNOWN_JOB}")  # his key is known for two seconds, and the script for ever

    def steps(path: str) -> list[str]:
        with guarded.store.client() as redis, redis.monitor() as monitor:
            assert his.get(path).status_code == 404
            with guarded.store.client() as other:
                other.echo("done")
            heard = []
            for command in monitor.listen():
                text = command["command"].replace(job["id"], UNKNOWN_JOB).replace(sha256, UNKNOWN_IMAGE)
                if text.startswith("ECHO"):
                    return heard
                if UNKNOWN_JOB in text or UNKNOWN_IMAGE in text:
                    heard.append(text)
        raise AssertionError("the monitor ended")

    for foreign, unknown, looks in (
        (f"/v1/jobs/{job['id']}/result", f"/v1/jobs/{UNKNOWN_JOB}/result", 1),
        (f"/v1/images/{sha256}", f"/v1/images/{UNKNOWN_IMAGE}", 2),
    ):
        none = steps(unknown)
        assert len(none) == 1 + looks, "a script and its looks: at a job, at an image's record and its expiry"
        # Now and then the sweep has to do with a job that there is.
        until(lambda foreign=foreign, none=none: steps(foreign) == none, "the steps are the same", 10)


def test_lists_keys_of_requests_and_work_are_each_ones_own(hers: httpx.Client, his: httpx.Client) -> None:
    """Nobody's list shows another's jobs, the same Idempotency-Key of two is two, and nobody gets a result that was
    computed for another, nor learns of a stored image that another has.
    """
    image = encoded(noise(9, 9))
    anew = {"Cache-Control": ""}
    first = hers.post("/v1/jobs", content=image, headers={"Content-Type": "image/png", "Idempotency-Key": "k", **anew})
    again = his.post("/v1/jobs", content=image, headers={"Content-Type": "image/png", "Idempotency-Key": "k", **anew})
    assert first.json()["id"] != again.json()["id"]
    assert "idempotent-replayed" not in again.headers
    assert not again.json()["cached"]
    for client, mine, other in ((hers, first, again), (his, again, first)):
        listed = {job["id"] for job in client.get("/v1/jobs?limit=100").json()["jobs"]}
        assert mine.json()["id"] in listed
        assert other.json()["id"] not in listed
    stored = [client.post("/v1/images", files={"image": image}) for client in (hers, hers, his)]
    assert [answer.status_code for answer in stored] == [201, 200, 201]
    sha256 = stored[0].json()["sha256"]
    assert his.delete(f"/v1/images/{sha256}").status_code == 204
    assert hers.get(f"/v1/images/{sha256}").status_code == 200
    assert finished_by_name(hers, sha256)["status"] == "succeeded"


def finished_by_name(client: httpx.Client, sha256: str) -> dict[str, Any]:
    answer = client.post("/v1/jobs", json={"image_sha256": sha256}, headers={"Prefer": "wait=30"})
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    return job


def test_events_are_told_to_their_owner(guarded: Service, hers: httpx.Client, his: httpx.Client) -> None:
    """A stream is the owner's, from its first event to its last."""
    job = finished(hers)
    with hers.stream("GET", job["links"]["events"]) as answer:
        assert [event["event"] for event in server_sent_events(answer.iter_lines())][-1] == "succeeded"
    problem(his.get(job["links"]["events"]), 404, "not_found")
