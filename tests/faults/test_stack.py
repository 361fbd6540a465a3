"""The embedded stack, whose own processes are killed: fault 28."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
import redis

from shared.jobs.model import ENDED
from tests.support.calls import post
from tests.support.images import encoded, noise
from tests.support.jobs import ended, event_names, now_of, posted
from tests.support.serving import STOP_SECONDS, Serving
from tests.support.waiting import until

Serve = Callable[..., Serving]
Saw = Callable[..., None]

# As often as it takes: what is shown here is that the stack goes on, not when a job is given up.
ATTEMPTS = {"HUEMILL_MAX_ATTEMPTS": "100"}
KILL_SECONDS = 2.0
RESTARTED = "it is started again"
SMALL = [encoded(noise(60, 60, seed)) for seed in range(4)]
CLIENTS = 4


@contextmanager
def killing(serving: Serving, victims: Sequence[str]) -> Iterator[list[str]]:
    """Kill one of these parts every 2 s, at random among those that are up, until the block ends; the names of those
    that were killed."""
    chance, struck, over = random.Random(28), [], threading.Event()

    def strike() -> None:
        while not over.wait(KILL_SECONDS):
            up = serving.parts()
            if standing := [name for name in victims if name in up]:
                name = chance.choice(standing)
                with suppress(ProcessLookupError):
                    os.killpg(up[name], signal.SIGKILL)
                    struck.append(name)

    thread = threading.Thread(target=strike)
    thread.start()
    try:
        yield struck
    finally:
        over.set()
        thread.join()


def killed(serving: Serving) -> list[str]:
    """The parts that the stack says it has started again after a kill."""
    return [line["part"] for line in serving.said(RESTARTED) if "SIGKILL" in line["event"]]


def judge(client: httpx.Client, jobs: list[dict[str, Any]]) -> list[int]:
    """All jobs succeed, each ends once; how many attempts each took."""
    for job in jobs:
        assert ended(client, job)["status"] == "succeeded"
    for job in jobs:
        assert len([name for name in event_names(client, job) if name in ENDED]) == 1
    return [now_of(client, job)["attempt"] for job in jobs]


def test_28_whole_workers_killed(serve: Serve, saw: Saw) -> None:
    """A whole worker is killed every 2 s until 60 jobs have ended, or for 20 s: all of them end, each once."""
    serving = serve("--workers", "2", **ATTEMPTS)
    with serving.client() as client:
        jobs = [posted(client, encoded(noise(300, 300, seed)), n_clusters=32, seed=seed) for seed in range(50)]
        jobs += [posted(client, SMALL[seed % 4], algorithm="hdbscan", seed=seed) for seed in range(10)]
        begin = time.monotonic()
        with killing(serving, ["worker-1", "worker-2"]) as struck:
            while time.monotonic() < begin + 20 and any(now_of(client, job)["status"] not in ENDED for job in jobs):
                time.sleep(0.2)
        meanwhile = sum(now_of(client, job)["status"] in ENDED for job in jobs)
        attempts = judge(client, jobs)
        took = time.monotonic() - begin
    serving.child.check()
    assert sorted(killed(serving)) == sorted(struck)
    lost = sum(attempts) - len(jobs)
    saw(kills=len(struck), jobs=len(jobs), ended_meanwhile=meanwhile, attempts_lost=lost, all_done_after_s=took)


class Load:
    """Clients that post small jobs all the time, and post again where there is no answer."""

    def __init__(self, serving: Serving) -> None:
        self._serving, self._over = serving, threading.Event()
        self.accepted: list[dict[str, Any]] = []
        self.unanswered = 0
        self.silent_seconds = 0.0
        """The longest time in which no job was accepted."""
        self._threads = [threading.Thread(target=self._post, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> "Load":
        self._last = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _post(self, number: int) -> None:
        with self._serving.client() as client:
            while not self._over.wait(0.5):
                try:
                    answer = post(client, SMALL[number], wait=None, n_clusters=4)
                except httpx.TransportError:
                    self.unanswered += 1
                    continue
                if answer.status_code == 202:
                    now = time.monotonic()
                    self.silent_seconds, self._last = max(self.silent_seconds, now - self._last), now
                    self.accepted.append(answer.json())
                else:
                    assert answer.status_code == 503, answer.text
                    self.unanswered += 1


def sync_every_write(serving: Serving) -> None:
    """Let the stack's Valkey keep all that it has acknowledged, after its restarts too.

    With `everysec` one that is killed while it waits for the disk may forget its last second: its promise, not ours.
    """
    config = serving.data / "valkey" / "valkey.conf"
    values = dict(line.split(maxsplit=1) for line in config.read_text().splitlines())
    config.write_text(config.read_text() + "appendfsync always\n")
    with redis.Redis(port=int(values["port"]), password=values["requirepass"]) as client:
        client.config_set("appendfsync", "always")


@pytest.mark.timeout(180)
def test_28_anything_killed(serve: Serve, saw: Saw) -> None:
    """Whole workers, the gateway and Valkey are killed at random for a minute under load: what was accepted ends once,
    and the stack is the same process throughout."""
    serving = serve("--workers", "2", **ATTEMPTS)
    sync_every_write(serving)
    victims = ["worker-1", "worker-2", "gateway", "valkey"]
    with Load(serving) as load, killing(serving, victims) as struck:
        time.sleep(60)
    begin = time.monotonic()
    with serving.client() as client:
        until(lambda: ready(client), "all is up again", 30, 0.1)
        attempts = judge(client, load.accepted)
        took = time.monotonic() - begin
        assert client.get("/readyz").json()["workers"] == 2
    serving.child.check()
    assert sorted(killed(serving)) == sorted(struck)
    assert len(struck) > 20
    assert serving.stop(signal.SIGTERM) < STOP_SECONDS
    saw(
        kills=", ".join(f"{struck.count(name)} of {name}" for name in victims),
        accepted=len(load.accepted),
        lost=0,
        posts_without_an_answer=load.unanswered,
        longest_without_an_accepted_job_s=load.silent_seconds,
        attempts_lost=sum(attempts) - len(attempts),
        most_attempts=max(attempts),
        all_done_after_s=took,
    )


def ready(client: httpx.Client) -> bool:
    try:
        answer = client.get("/readyz")
    except httpx.TransportError:
        return False
    return answer.is_success and answer.json()["workers"] == 2
