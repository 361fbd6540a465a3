"""Many posts at once, results that expire: nothing is lost, nothing is done twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.support.calls import finished, post_form, problem
from tests.support.images import encoded, two_colors
from tests.support.jobs import IMPATIENT, event_names
from tests.support.processes import Service, StoreServer
from tests.support.waiting import until

POSTS = 200


def test_many_posts_at_once(own_store: Callable[..., StoreServer], own_service: Callable[..., Service]) -> None:
    """Of 200 concurrent posts all succeed, none runs twice, none is lost, and each gets its own image's result."""
    service = own_service(own_store()).start_gateway()
    for _ in range(2):
        service.start_worker()
    service.wait_for_workers(2)
    images = [encoded(two_colors(6, 8 + number)) for number in range(POSTS)]
    limits = httpx.Limits(max_connections=POSTS)
    with service.client(limits=limits) as client, ThreadPoolExecutor(POSTS) as pool:
        answers = list(pool.map(lambda image: post_form(client, image, wait=60, n_clusters=2), images))
        jobs = [answer.json() for answer in answers]
        assert [answer.status_code for answer in answers] == [200] * POSTS
        assert len({job["id"] for job in jobs}) == POSTS
        assert {(job["status"], job["attempt"]) for job in jobs} == {("succeeded", 1)}
        assert [job["result"]["image"]["width"] for job in jobs] == list(range(8, 8 + POSTS))
        for job in jobs[:: POSTS // 10]:
            assert event_names(client, job).count("running") == 1
    begun = [len(worker.said(" begins")) for worker in service.workers]
    assert sum(begun) == POSTS
    assert all(begun)


def test_a_result_expires(own_store: Callable[..., StoreServer], own_service: Callable[..., Service]) -> None:
    """After its time a result is 410, and its files are gone; the job's record stays a while to say so."""
    service = own_service(own_store(), **{**IMPATIENT, "result_ttl_seconds": 2}).start_gateway()
    service.start_worker()
    service.wait_for_workers()
    with service.client() as client:
        job = finished(client)
        assert client.get(job["links"]["result"]).is_success
        until(lambda: client.get(job["links"]["result"]).status_code == 410, "the result expires", 10)
        problem(client.get(job["links"]["result"]), 410, "expired")
        problem(client.get(job["links"]["labels"]), 410, "expired")
        until(lambda: not service.blob_files(), "its files are gone", 5)
        answer = client.get(job["links"]["self"])
        assert answer.json()["status"] == "succeeded"
        assert answer.json()["result"] is None
