"""A job's events over HTTP, as they happen."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx

from shared.jobs.keys import events_key
from tests.support.calls import finished, post, problem, server_sent_events
from tests.support.images import encoded, noise
from tests.support.processes import Service


def events_of(client: httpx.Client, href: str, after: str | None = None) -> list[dict[str, str]]:
    """All events to the end of the stream."""
    headers = {} if after is None else {"Last-Event-ID": after}
    with client.stream("GET", href, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        return list(server_sent_events(answer.iter_lines()))


def position(event: dict[str, str]) -> tuple[int, ...]:
    return tuple(int(word) for word in event["id"].split("-"))


def test_events_while_a_job_runs(client: httpx.Client) -> None:
    """Events come in order, ids and fractions grow, stages follow the flow, and the end is the last one."""
    job = post(client, encoded(noise(500, 500)), wait=None, n_clusters=6).json()
    events = events_of(client, job["links"]["events"])
    names = [event["event"] for event in events]
    assert names[:2] == ["queued", "running"]
    assert names[-1] == "succeeded"
    assert set(names[2:-1]) == {"progress"}
    assert [position(event) for event in events] == sorted({position(event) for event in events})
    data = [json.loads(event["data"]) for event in events]
    stages = list(dict.fromkeys(entry["stage"] for entry in data[2:-1]))
    flow = ["decode", "count", "cluster", "measure", "render"]
    assert stages == [stage for stage in flow if stage in stages]  # one that is over at once is not told
    assert "cluster" in stages
    fractions = [entry["fraction"] for entry in data[2:-1]]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1
    assert [entry["status"] for entry in data] == ["queued", *["running"] * (len(data) - 2), "succeeded"]


def test_events_of_a_finished_job(client: httpx.Client) -> None:
    """Who comes late gets all events, and the stream ends by itself."""
    job = finished(client)
    names = [event["event"] for event in events_of(client, job["links"]["events"])]
    assert (names[0], names[-1]) == ("queued", "succeeded")


def test_a_stream_resumes(client: httpx.Client) -> None:
    """With Last-Event-ID the stream goes on after that event; after the last one an EventSource is told to stop."""
    href = finished(client)["links"]["events"]
    whole = events_of(client, href)
    assert client.get(href, headers={"Last-Event-ID": whole[-1]["id"]}).status_code == 204
    assert client.get(href).text.startswith("retry: 2000\n\n")
    for place, event in enumerate(whole[:-1]):
        assert events_of(client, href, event["id"]) == whole[place + 1 :]


def test_a_job_that_goes_while_it_is_asked_for(client: httpx.Client, service: Service) -> None:
    """Its record was still there, its events are not: it is told as unknown, and not that its last event was heard."""
    job = finished(client)
    with service.store.client() as redis:
        redis.delete(events_key(job["id"]))
    problem(client.get(job["links"]["events"]), 404, "not_found")


def test_many_listeners_hear_the_same(client: httpx.Client) -> None:
    """A stream is nobody's own: eight listeners get the same events."""
    href = post(client, encoded(noise(200, 200)), wait=None, n_clusters=4).json()["links"]["events"]
    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(lambda _: events_of(client, href), range(8)))
    assert len(heard[0]) > 3
    assert all(events == heard[0] for events in heard)


def test_a_failed_job_ends_its_stream_with_the_reason(client: httpx.Client) -> None:
    """The last event of a failed job has the error's code."""
    transparent = noise(4, 4, channels=4)
    transparent[..., 3] = 0
    job = post(client, encoded(transparent)).json()
    last = events_of(client, job["links"]["events"])[-1]
    assert last["event"] == "failed"
    assert json.loads(last["data"])["code"] == "nothing_to_cluster"
