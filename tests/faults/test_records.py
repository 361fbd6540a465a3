"""Records of later versions, and broken ones, in a running service: fault 29."""

import itertools
from collections.abc import Callable

import httpx
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from shared.jobs.keys import DUE, job_key
from shared.jobs.message import message_of
from shared.jobs.model import Job, Upload, new_job_id, now
from tests.support.calls import finished, problem
from tests.support.images import SMALL_PNG
from tests.support.jobs import IMPATIENT, ended, event_names, posted
from tests.support.processes import Service, StoreServer
from tests.support.records import (
    ARCHIVED,
    BROKEN,
    NEARLY_KNOWN,
    PAUSED,
    VERSIONS,
    WRONG_TYPES,
    Hash,
    named,
    place,
    place_wrong_type,
)
from tests.support.waiting import until

Stores = Callable[..., StoreServer]
Services = Callable[..., Service]
Saw = Callable[..., None]

KNOWN = ("queued", "running", "succeeded")


def counted(client: httpx.Client, name: str) -> float:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)


def sent(service: Service, job_id: str) -> None:
    """A message of the job is in its queue."""
    upload = Upload(key="k", size=1, sha256="0")
    job = Job(id=job_id, params={"algorithm": "kmeans"}, upload=upload, created_at=now())  # type: ignore[arg-type]
    with service.store.client() as redis:
        redis.lpush(job.queue, message_of(job))


def placed(service: Service, redis: Redis, fields: Hash, due: float | None = None, upload: bytes = b"png") -> str:
    """A job of these fields and an id of its own, its upload, and a message that tells of it."""
    job_id = new_job_id()
    (service.blobs / "uploads").mkdir(parents=True, exist_ok=True)
    (service.blobs / "uploads" / job_id).write_bytes(upload)
    place(redis, named(fields, job_id), job_id, due)
    sent(service, job_id)
    return job_id


def test_29_later_and_broken_records(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """Records of a later version and broken ones, due and sent, queued, running and ended: each is passed over and
    counted, gateway and worker stay the same, and jobs of this version are done.
    """
    store = own_store()
    service = own_service(store, **IMPATIENT, collect_seconds=0.5, orphan_seconds=1).start_gateway()
    worker = service.start_worker()
    service.wait_for_workers()
    with service.client() as client, store.client() as redis:
        later = [placed(service, redis, VERSIONS["later"][state]) for state in KNOWN]
        later += [placed(service, redis, fields) for fields in (PAUSED, ARCHIVED)]
        broken = [placed(service, redis, fields) for fields in BROKEN.values()]
        for kind in WRONG_TYPES:
            broken.append(new_job_id())
            place_wrong_type(redis, kind, broken[-1])
            sent(service, broken[-1])
        redis.set("huemill:image:" + "0" * 64, "{")
        redis.zadd("huemill:images", {"0" * 64: 0})
        until(lambda: counted(client, "huemill_unreadable_records_total") >= len(broken) + 2, "all are counted", 20)
        until(lambda: not redis.zcard("huemill:images"), "the image's record is gone", 10)
        jobs = [posted(client, n_clusters=2) for _ in range(5)]
        assert {ended(client, job)["status"] for job in jobs} == {"succeeded"}
        assert counted(client, "huemill_unreadable_records_total") == len(broken) + 2  # the paused one; the image
        assert counted(client, "huemill_background_failures_total") == 0
        for job_id in broken:
            # Who was quicker, the worker or the sweep, has told of it; the other finds it set aside.
            assert len(worker.said("is passed over", job_id=job_id)) <= 1
            problem(client.get(f"/v1/jobs/{job_id}"), 500, "unreadable_record")
        for job_id in itertools.chain(broken, later):
            assert client.delete(f"/v1/jobs/{job_id}").status_code == 204
            problem(client.get(f"/v1/jobs/{job_id}"), 404, "not_found")
            assert not redis.keys(f"*{job_id}*")
        until(lambda: not [p for p in service.blob_files() if "uploads" in p.parts], "their uploads are gone", 20)
        assert finished(client)["attempt"] == 1
        assert client.get("/readyz").json()["standing_still"] == []
        worker.check()
    saw(later=len(later), broken=len(broken), counted=len(broken) + 2, failures=0)


def test_a_later_job_over_http(own_store: Stores, own_service: Services) -> None:
    """A job of a later version is shown as it is, followed, cancelled and expired by this one, and is not begun."""
    store = own_store()
    service = own_service(store, **IMPATIENT).start_gateway()
    worker = service.start_worker()
    service.wait_for_workers()
    with service.client() as client, store.client() as redis:
        queued, running, succeeded = (
            placed(service, redis, VERSIONS["later"][state], due=redis.time()[0] + 1000) for state in KNOWN
        )
        until(lambda: worker.said("left for another worker", job_id=queued), "it is refused", 10)
        shown = client.get(f"/v1/jobs/{queued}").json()
        assert shown["status"] == "queued"
        assert shown["attempts"] == []
        assert "host" not in client.get(f"/v1/jobs/{running}").json()["attempts"][0]
        assert shown["params"]["affinity"] == {"kind": "rbf", "gamma": 0.5}
        assert shown["image"]["filename"] == "a.png"
        until(lambda: len(worker.said("left for another worker", job_id=queued)) > 1, "it is sent again", 20)
        redis.hset(job_key(queued), "refused_at", "2026-11-21T10:00:00+00:00")
        redis.zadd(DUE, {queued: 1})
        links = {"links": {"self": f"/v1/jobs/{queued}", "events": f"/v1/jobs/{queued}/events"}}
        assert ended(client, links)["error"]["code"] == "unknown_parameters"
        assert event_names(client, links) == ["queued", "failed"]
        assert client.get(f"/v1/jobs/{running}").json()["status"] == "running"
        assert client.post(f"/v1/jobs/{running}/cancel").json()["status"] == "cancelled"
        problem(client.post(f"/v1/jobs/{succeeded}/cancel"), 409, "already_ended")
        assert finished(client)["attempt"] == 1


def test_jobs_that_waited_for_this_version(own_store: Stores, own_service: Services) -> None:
    """Jobs as the version before this one, this one, and one that only adds parameters have left them in Redis: each is
    shown, and done when a worker comes; one that an earlier worker had begun is taken up again.
    """
    store = own_store()
    service = own_service(store, **IMPATIENT).start_gateway()
    with service.client() as client, store.client() as redis:
        waiting = [
            VERSIONS["earlier"]["queued"],
            VERSIONS["this"]["queued"],
            NEARLY_KNOWN,
            VERSIONS["earlier"]["running"],
        ]
        jobs = [placed(service, redis, fields, upload=SMALL_PNG) for fields in waiting]
        for job_id in jobs:
            assert client.get(f"/v1/jobs/{job_id}").json()["params"]["n_clusters"] == 3
        service.start_worker()
        done = [ended(client, {"links": {"self": f"/v1/jobs/{job_id}"}}) for job_id in jobs]
        assert [job["status"] for job in done] == ["succeeded"] * len(jobs)
        assert [job["attempt"] for job in done] == [1, 1, 1, 2]
        assert len({job["result"]["digest"] for job in done}) == 1
