"""Jobs over HTTP while other things happen: begun, followed, ended."""

from typing import Any

import httpx

from tests.support.calls import post, server_sent_events
from tests.support.images import encoded, noise
from tests.support.waiting import until

IMPATIENT: dict[str, Any] = {"lease_seconds": 1, "sweep_seconds": 0.2, "resend_seconds": 1}
# About a second of work: long enough to be killed in, short enough to be done again.
LONG: dict[str, Any] = {"n_clusters": 48, "n_init": 8, "tol": 0, "max_iter": 40}
LONG_IMAGE = encoded(noise(500, 500))
# A quarter of a minute with that image.
LONGER: dict[str, Any] = {"algorithm": "agglomerative", "linkage": "average"}
# Half a minute in which scikit-learn says nothing and cannot be told anything.
MUTE: dict[str, Any] = {"algorithm": "optics", "engine": "reference", "cluster_method": "xi", "min_samples": 20}
MUTE_IMAGE = encoded(noise(200, 200))


def posted(client: httpx.Client, image: bytes = LONG_IMAGE, **params: Any) -> dict[str, Any]:
    """An accepted job."""
    answer = post(client, image, wait=None, **(params or LONG))
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def now_of(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """The job as it is now."""
    answer = client.get(job["links"]["self"])
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def running_job(client: httpx.Client, image: bytes = LONG_IMAGE, **params: Any) -> dict[str, Any]:
    """A posted job that a worker is clustering."""
    job = posted(client, image, **params)
    until(lambda: now_of(client, job)["progress"]["stage"] == "cluster", "the job is being clustered", 30)
    return job


def ended(client: httpx.Client, job: dict[str, Any], seconds: float = 60) -> dict[str, Any]:
    """The job once it has ended."""
    until(
        lambda: now_of(client, job)["status"] in ("succeeded", "failed", "cancelled"),
        "the job has ended",
        seconds,
        0.05,
    )
    return now_of(client, job)


def event_names(client: httpx.Client, job: dict[str, Any]) -> list[str]:
    with client.stream("GET", job["links"]["events"]) as answer:
        return [event["event"] for event in server_sent_events(answer.iter_lines())]


def reasons(job: dict[str, Any]) -> list[str | None]:
    return [attempt["reason"] for attempt in job["attempts"]]
