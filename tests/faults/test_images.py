"""Files that mean harm, are broken, or lie: faults 18 to 20."""

import time
from collections import Counter
from collections.abc import Callable

import httpx
import numpy as np
import pytest

from tests.support.bombs import BOMBS
from tests.support.broken import changes, cuts
from tests.support.calls import finished, post, problem
from tests.support.corpus import corpus
from tests.support.images import SMALL_PNG, encoded, noise
from tests.support.processes import Service, StoreServer, children_of, reset_peak, resident_bytes

Saw = Callable[..., None]

MB = 2**20
MOST_SECONDS = 10
TYPES = {"unsupported_image": 415, "broken_image": 422, "image_too_large": 413}
LIES = {
    "text": b"These are the colours of no image.\n" * 20,
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n0 0 10 10 rectfill\n",
    "SVG": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "HTML with a PNG in it": b"<html><script>alert(1)</script>" + SMALL_PNG,
    "PDF with a JPEG in it": b"%PDF-1.7\n1 0 obj\nstream\n" + encoded(noise(9, 9), "JPEG") + b"\nendstream",
    "ZIP with a PNG in it": b"PK\x03\x04\x14" + bytes(25) + SMALL_PNG,
    "program": b"\x7fELF\x02\x01\x01" + bytes(200),
}


@pytest.fixture
def running(own_store: Callable[..., StoreServer], own_service: Callable[..., Service]) -> Service:
    """A gateway and a worker, ready."""
    service = own_service(own_store()).start_gateway()
    service.start_worker()
    return service.wait_for_workers()


def test_18_bombs(running: Service, saw: Saw) -> None:
    """Each bomb is refused when it is posted, within a second; the gateway's memory grows by less than 50 MB."""
    assert running.gateway is not None
    pid = running.gateway.pid
    growth, seconds = [], []
    with running.client() as client:
        post(client, encoded(noise(4, 4)), wait=None)
        for name, data in BOMBS.items():
            reset_peak(pid)
            before, begin = resident_bytes(pid), time.perf_counter()
            answer = post(client, data)
            seconds.append(time.perf_counter() - begin)
            problem(answer, answer.status_code, {413: "image_too_large", 422: "broken_image"}[answer.status_code])
            growth.append((resident_bytes(pid, "VmHWM") - before) / MB)
            # The upload of 40 MB is in it, on a machine with other work.
            assert seconds[-1] < (5 if len(data) > MB else 1), name
            assert growth[-1] < 50, name
        assert finished(client)["attempt"] == 1
    assert running.orphans() == []
    saw(bombs=len(BOMBS), slowest_s=max(seconds), most_growth_mb=max(growth))


def test_19_broken_images(running: Service, saw: Saw) -> None:
    """Cut and changed files of all kinds end as a result or a typed error, none over 10 s; every process lives on."""
    (worker,) = running.workers
    children = children_of(worker.pid)
    ends: Counter[str] = Counter()
    slowest = 0.0
    with running.client() as client:
        for sample in corpus():
            for data in [*cuts(sample.data, 3), *changes(sample.data, 2, seed=5)]:
                begin = time.perf_counter()
                ends[how_it_ended(post(client, data, n_clusters=1))] += 1
                slowest = max(slowest, time.perf_counter() - begin)
        assert finished(client)["attempt"] == 1
    assert slowest < MOST_SECONDS
    worker.check()
    assert children_of(worker.pid) == children
    assert ends.keys() <= {"succeeded", *TYPES}
    saw(files=ends.total(), **ends, slowest_s=slowest)


def how_it_ended(answer: httpx.Response) -> str:
    """`succeeded`, or the code of the error, be it told at once or by the job."""
    if answer.status_code != 200:
        code = str(answer.json()["code"])
        problem(answer, TYPES[code], code)
        return code
    job = answer.json()
    assert job["attempt"] == 1
    return str(job["error"]["code"]) if job["status"] == "failed" else str(job["status"])


def test_20_lies(running: Service, saw: Saw) -> None:
    """What calls itself a PNG and is none is 415; a JPEG that is cut off is 422, and never half a picture."""
    picture = noise(64, 64)
    picture[32:] = 255
    whole = encoded(picture, "JPEG")
    with running.client() as client:
        for data in LIES.values():
            answer = client.post("/v1/jobs", content=data, headers={"Content-Type": "image/png"})
            problem(answer, 415, "unsupported_image")
        shares = np.linspace(0.3, 0.999, 30)
        for share in shares:
            problem(post(client, whole[: int(len(whole) * share)]), 422, "broken_image")
        # Its end is there, its middle is not: what can be told only when it is decoded.
        hollow = post(client, whole[: len(whole) // 2] + whole[-2:])
        assert how_it_ended(hollow) == "broken_image"
        assert finished(client)["attempt"] == 1
    saw(lies=len(LIES), cut_off=len(shares))
