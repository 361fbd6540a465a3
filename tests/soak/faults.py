"""What is done to the processes of a soak: one thing every few seconds, chosen by a seeded generator."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import cycle

from tests.soak.ledger import Ledger
from tests.support.processes import Child, Service, StoreServer, children_of
from tests.support.sentinels import Sentinels
from tests.support.waiting import until

RESTART_SECONDS = 1.0
MOST_SECONDS_TO_RECOVER = 30.0
# Sentinels begin no failover before twice their `failover-timeout` has passed since the last one.
FIRST_FAILOVER_SECONDS, FAILOVER_EVERY_SECONDS = 20.0, 50.0
# A worker that is told to stop has this long: what its drain allows, and a few seconds for a busy machine.
EXIT_SECONDS = 20.0


class Tormentor:
    """Kills, stops and freezes. Call it from the main thread alone: what a thread has started dies with it.

    The first worker is spared all but frost: so there is one whose memory can be watched from beginning to end.
    """

    def __init__(self, service: Service, store: StoreServer, seed: int, ledger: Ledger) -> None:
        self._service, self._store, self._ledger = service, store, ledger
        self._chance = random.Random(seed)
        self._kinds: dict[Callable[[], None], int] = {
            self.kill_child: 8,
            self.kill_worker: 4,
            self.kill_store: 4,
            self.stop_worker: 2,
            self.freeze_worker: 2,
            self.freeze_child: 2,
            self.freeze_store: 1,
        }

    def strike(self) -> None:
        """One fault, and what is needed to go on."""
        kind = self._chance.choices(list(self._kinds), list(self._kinds.values()))[0]
        kind()

    def kill_child(self) -> None:
        worker = self._victim()
        children = children_of(worker.pid)
        if children:
            child = self._chance.choice(children)
            with self._ledger.fault("worker child killed", worker.pid), suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def kill_worker(self) -> None:
        worker = self._victim()
        with self._ledger.fault("worker killed", worker.pid):
            worker.kill()
        self._replace(worker)

    def stop_worker(self) -> None:
        worker = self._victim()
        # One that has only begun to start has nothing to end, and is ended by the signal itself.
        allowed = {0} if children_of(worker.pid) else {0, -signal.SIGTERM}
        with self._ledger.fault("worker told to stop", worker.pid):
            worker.process.terminate()
            try:
                worker.process.wait(EXIT_SECONDS)
            except subprocess.TimeoutExpired:
                self._ledger.find(f"worker {worker.pid} did not end in {EXIT_SECONDS:g} s after SIGTERM")
                worker.kill()
            else:
                if worker.process.returncode not in allowed:
                    self._ledger.find(f"worker {worker.pid} ended with {worker.process.returncode} after SIGTERM")
        self._replace(worker)

    def freeze_worker(self) -> None:
        """The whole worker stands still, for longer than its lease or not."""
        worker = self._chance.choice(self._service.workers)
        pids = [worker.pid, *children_of(worker.pid)]
        self._freeze("worker frozen", worker, pids, self._chance.uniform(1, 9))

    def freeze_child(self) -> None:
        worker = self._chance.choice(self._service.workers)
        self._freeze("worker child frozen", worker, children_of(worker.pid), self._chance.uniform(1, 5))

    def kill_store(self) -> None:
        with self._ledger.fault("Redis killed"):
            self._store.kill()
            time.sleep(self._chance.uniform(0, 2))
            self._store.start()

    def freeze_store(self) -> None:
        with self._ledger.fault("Redis frozen"):
            self._store.freeze()
            time.sleep(self._chance.uniform(0.5, 2))
            self._store.thaw()

    def check(self) -> None:
        """All workers, the gateway and the store live: nothing has ended by itself."""
        for child in [*self._service.workers, self._service.gateway]:
            if child is not None and child.process.poll() is not None:
                self._ledger.find(f"{child.name} {child.pid} ended by itself with {child.process.returncode}")
                if child in self._service.workers:
                    self._replace(child)

    def _victim(self) -> Child:
        return self._chance.choice(self._service.workers[1:])

    def _freeze(self, kind: str, worker: Child, pids: list[int], seconds: float) -> None:
        with self._ledger.fault(kind, worker.pid):
            _signal(pids, signal.SIGSTOP)
            time.sleep(seconds)
            _signal(reversed(pids), signal.SIGCONT)

    def _replace(self, worker: Child) -> None:
        time.sleep(RESTART_SECONDS)
        self._service.workers.remove(worker)
        self._service.start_worker()


class FailoverTormentor(Tormentor):
    """Torments workers, and lets the store's replica take over, again and again."""

    def __init__(self, service: Service, stores: Sentinels, seed: int, ledger: Ledger) -> None:
        super().__init__(service, stores.primary, seed, ledger)
        self._stores = stores
        for kind in (self.kill_store, self.freeze_store):
            del self._kinds[kind]
        self._losses = cycle([self.lose_primary, self.hand_over])
        self._next = time.monotonic() + FIRST_FAILOVER_SECONDS

    def strike(self) -> None:
        """A failover where it is time for one, else what is done to workers."""
        if time.monotonic() < self._next:
            super().strike()
            return
        self._next = time.monotonic() + FAILOVER_EVERY_SECONDS
        next(self._losses)()

    def lose_primary(self) -> None:
        """The store is killed. Later it is started again, and finds another in its place."""
        primary = self._stores.primary

        def kill() -> None:
            primary.kill()
            until(lambda: self._stores.named() not in (None, primary), "another takes over", MOST_SECONDS_TO_RECOVER)

        self._fail_over("failover: killed", kill)
        primary.start()
        self._stores.wait_until_whole(primary)

    def hand_over(self) -> None:
        """The Sentinels are asked for it, for maintenance. The one that was takes writes until they tell it too."""
        primary = self._stores.primary

        def ask() -> None:
            self._stores.fail_over()
            self._stores.wait_until_followed(primary)

        self._fail_over("failover: by hand", ask)
        self._stores.wait_until_whole(primary)

    def _fail_over(self, kind: str, act: Callable[[], None]) -> None:
        """`act` comes to its end when one store alone takes writes."""
        # A lease that was not renewed meanwhile is nobody's fault.
        everyone = [worker.pid for worker in self._service.workers]
        with self._ledger.fault(kind, *everyone), self._ledger.failover() as failover:
            act()
            alone = time.time()
            with suppress(AssertionError):
                until(lambda: self._ledger.newest > alone, "jobs are done again", 2 * MOST_SECONDS_TO_RECOVER)
        if (took := failover.end - failover.begin) > MOST_SECONDS_TO_RECOVER:
            self._ledger.find(f"{kind}: jobs were done again after {took:.1f} s")


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
