"""Redis behind Sentinels: its server is lost in the middle of jobs, and another takes over."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest

from tests.conftest import require
from tests.faults.test_redis import probe
from tests.support.calls import post
from tests.support.images import encoded, noise
from tests.support.jobs import IMPATIENT, LONGER, ended, event_names, posted, running_job
from tests.support.processes import ANEW, Service, log_lines
from tests.support.sentinels import DOWN_SECONDS, Sentinels
from tests.support.tls import Authority
from tests.support.waiting import until

MOST_SECONDS = 30.0
# What Redis may still be about to send to its replica when it dies; measured at 1 to 2 s where a machine is busy.
ON_THE_WAY_SECONDS = 3.0
ENDS = ("succeeded", "failed", "cancelled")

Saw = Callable[..., None]


def killed(stores: Sentinels) -> None:
    """With one of the Sentinels, as when a machine is lost that has both."""
    primary = stores.primary
    stores.kill_one()
    primary.kill()


def silent(stores: Sentinels) -> None:
    """So is one of the Sentinels: a network that drops packets. Later it comes back, and has to learn its new place."""
    primary = stores.primary
    stores.freeze_one()
    primary.freeze()


def asked_to(stores: Sentinels) -> None:
    """For maintenance: the server lives on as the other's replica, with the same jobs, and takes no writes."""
    stores.fail_over()


@pytest.fixture(params=["valkey", "redis-server", "redis-server with TLS"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sentinels]:
    kind, _, tls = request.param.partition(" ")
    require(kind)
    made = Sentinels(kind, tmp_path, Authority(tmp_path / "authority") if tls else None)
    yield made
    made.kill()


class Poster:
    """Posts small jobs, one after the other, whatever becomes of them; keeps those that were accepted, and when."""

    def __init__(self, url: str) -> None:
        self._url, self._stop = url, Event()
        self.accepted: list[tuple[float, str]] = []
        self.refused = 0

    def run(self) -> None:
        with httpx.Client(base_url=self._url, headers=ANEW, timeout=30, trust_env=False) as client:
            while not self._stop.wait(0.2):
                answer = post(client, wait=None)
                if answer.status_code == 202:
                    self.accepted.append((time.monotonic(), answer.json()["links"]["self"]))
                else:
                    assert answer.status_code == 503, answer.text
                    self.refused += 1

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Posts meanwhile."""
        with ThreadPoolExecutor(1) as threads:
            posting = threads.submit(self.run)
            try:
                yield
            finally:
                self._stop.set()
            posting.result()

    def accepted_since(self, moment: float) -> bool:
        return any(when > moment for when, _ in self.accepted)


@pytest.mark.parametrize("loss", [killed, silent, asked_to], ids=lambda loss: loss.__name__)
def test_a_failover(
    stores: Sentinels, own_service: Callable[..., Service], saw: Saw, loss: Callable[[Sentinels], None]
) -> None:
    """Gateways and workers find the new server by themselves within 30 s; what was replicated is there, and ends."""
    service = own_service(stores, **{**IMPATIENT, "lease_seconds": 15}).start_gateway()
    workers = [service.start_worker() for _ in range(2)]
    service.wait_for_workers(2)
    poster = Poster(service.url)
    with service.client() as client, ThreadPoolExecutor(1) as threads:
        running = running_job(client, encoded(noise(450, 450)), **LONGER)
        queued = [posted(client) for _ in range(4)]
        follower = threads.submit(event_names, client, running)
        with poster.at_work():
            until(lambda: len(poster.accepted) > 5, "jobs are being accepted")
            stores.replicated()
            lost_at = time.monotonic()
            loss(stores)
            until(lambda: poster.accepted_since(lost_at + DOWN_SECONDS), "jobs are accepted again", MOST_SECONDS)
        probe(client)
        worked_after = time.monotonic() - lost_at
        assert worked_after < MOST_SECONDS
        assert ended(client, running)["status"] == "succeeded"
        assert follower.result(60)[-1] == "succeeded"
        forgotten, ends = _ends_of(client, poster.accepted)
        assert all(when - lost_at > -ON_THE_WAY_SECONDS for when in forgotten)
        others = [end for end in [*ends, *(ended(client, job) for job in queued)] if end["status"] != "succeeded"]
        # The operations guide says so: an end that only the old server knows, and an image that is gone since.
        done = {line["job_id"] for worker in workers for line in log_lines(worker.text(), "succeeded")}
        assert all(end["error"]["code"] == "not_found" and end["id"] in done for end in others), others[0]
        assert loss is asked_to or not others, others[0]
        for worker in workers:
            worker.check()
        attempts = ended(client, running)["attempt"]
    saw(
        worked_again_after_s=worked_after,
        accepted=len(poster.accepted),
        refused=poster.refused,
        forgotten=len(forgotten),
        between_s=(min(forgotten) - lost_at, max(forgotten) - lost_at) if forgotten else "-",
        ends_forgotten=len(others),
        attempts_of_the_running_job=attempts,
    )


def _ends_of(client: httpx.Client, accepted: list[tuple[float, str]]) -> tuple[list[float], list[dict[str, Any]]]:
    """When those jobs were accepted that are not known any more; and all others, which have ended."""
    forgotten, ends = [], []
    for when, address in accepted:
        answer: Any = until(lambda address=address: _end_of(client, address), f"{address} has ended", 60)
        if answer.status_code == 404:
            forgotten.append(when)
        else:
            ends.append(answer.json())
    return forgotten, ends


def _end_of(client: httpx.Client, address: str) -> httpx.Response | None:
    """The answer once the job has ended, or is not known."""
    answer = client.get(address)
    return answer if answer.status_code == 404 or answer.json()["status"] in ENDS else None
