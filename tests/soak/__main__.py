"""`python -m tests.soak --minutes 10`: mixed jobs for a while, and something is killed every few seconds.

Every job that was accepted must end once, with the result of a direct computation, and be told of where that is wanted,
with one id and a signature; nothing may be left, or grow.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from shared.access.limits import Rate
from tests.soak.cases import Expectations, cases
from tests.soak.census import MOST_GROWTH, Census, bookkeeping, processes_of, wait_until_expired
from tests.soak.clients import KEPT_SECONDS, Client
from tests.soak.faults import FailoverTormentor, Tormentor
from tests.soak.following import MOST_SECONDS_TO_END
from tests.soak.ledger import Ledger
from tests.soak.receiver import Receiver
from tests.soak.who import Who
from tests.support.keys import Operator, bearer
from tests.support.processes import Service, Store, StoreServer
from tests.support.sentinels import Sentinels

CLIENTS = 6
WORKERS = 3
KILL_EVERY_SECONDS = 5.0
# The times of a service, made short.
SETTINGS: dict[str, object] = {
    "lease_seconds": 5,
    "resend_seconds": 5,
    "sweep_seconds": 0.5,
    "drain_seconds": 4,
    "result_ttl_seconds": KEPT_SECONDS,
    "collect_seconds": 5,
    "orphan_seconds": 30,
    "threads": 1,
    "auth": "keys",
}
# Owners, and what each may use: more than is used, all of it counted.
OWNERS = 3
LIMITS: dict[str, Any] = {
    "requests": Rate(count=10_000, seconds=1),
    "max_queued": 1_000,
    "pixels_per_hour": 10**11,
}
LEFT_SECONDS = 120.0  # until all of them have passed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long jobs are posted")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of all that is chosen at random")
    parser.add_argument("--store", choices=["valkey", "redis-server"], default="valkey")
    parser.add_argument("--sentinel", action="store_true", help="a store that others take over from, again and again")
    arguments = parser.parse_args()
    behind = ", behind Sentinels" if arguments.sentinel else ""
    say(f"soak: {arguments.minutes:g} minutes, seed {arguments.seed}, on {arguments.store}{behind}")
    with tempfile.TemporaryDirectory(prefix="huemill-soak-") as name:
        folder = Path(name)
        if arguments.sentinel:
            store: StoreServer | Sentinels = Sentinels(arguments.store, folder / "stores")
        else:
            # With `everysec` a store that is killed while it waits for the disk may forget what it has acknowledged in
            # the last second or two: its promise, not ours. Here it keeps all of it: whatever is lost is our defect.
            store = StoreServer(arguments.store, folder / "store", appendfsync="always")
        ledger = soak(folder, arguments.minutes * 60, arguments.seed, store)
        for finding in ledger.findings:
            say(f"FOUND {finding}")
        if ledger.findings:
            keep(folder)
    say("nothing lost, nothing left" if not ledger.findings else f"{len(ledger.findings)} findings")
    return 1 if ledger.findings else 0


def soak(folder: Path, seconds: float, seed: int, store: StoreServer | Sentinels) -> Ledger:
    (folder / "tmp").mkdir()
    ledger = Ledger()
    receiver = Receiver(seed, ledger)
    service = Service(store, folder / "service", **SETTINGS, **receiver.settings)
    service.environment["TMPDIR"] = str(folder / "tmp")
    try:
        subprocess.run([sys.executable, "-m", "worker.warmup"], check=True, stdout=subprocess.DEVNULL)
        service.start_gateway()
        for _ in range(WORKERS):
            service.start_worker()
        begin = time.monotonic()
        expected = Expectations(cases())
        operator = Operator(store)
        made = [operator.make(f"owner {number}", **LIMITS) for number in range(OWNERS)]
        owners = [Who(bearer(key), key.callback_secret) for key in made]
        say(f"{len(expected)} results computed directly in {time.monotonic() - begin:.1f} s")
        service.wait_for_workers(WORKERS)
        ledger.begin = time.monotonic()
        census = Census(service, store)
        census.start()
        clients = []
        for number in range(CLIENTS):
            who, another = (owners[each % OWNERS] for each in (number, number + 1))
            clients.append(Client(service, number, seed, expected, ledger, receiver, who, another))
        if isinstance(store, Sentinels):
            tormentor: Tormentor = FailoverTormentor(service, store, seed, ledger)
        else:
            tormentor = Tormentor(service, store, seed, ledger)
        torment(clients, tormentor, seconds, ledger)
        receiver.judge()
        census.stopping.set()
        census.join()
        say(ledger.table())
        judge_growth(census, ledger)
        judge_remains(service, store, ledger)
    finally:
        service.stop()
        store.kill()
        receiver.close()
    for process in processes_of(folder):
        ledger.find(f"a process is left: {process}")
    for path in (folder / "tmp").rglob("*"):
        # A killed process cannot take away the empty folder that multiprocessing has made for it.
        if path.is_file() or not path.name.startswith("pymp-"):
            ledger.find(f"a temporary file is left: {path.name}")
    return ledger


def torment(clients: list[Client], tormentor: Tormentor, seconds: float, ledger: Ledger) -> None:
    """Post and kill for `seconds`, then let the clients finish what they have begun."""
    for client in clients:
        client.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.monotonic()
        tormentor.check()
        tormentor.strike()
        time.sleep(max(0.0, min(KILL_EVERY_SECONDS - (time.monotonic() - begin), end - time.monotonic())))
    for client in clients:
        client.stopping.set()
    for client in clients:
        client.join(2 * MOST_SECONDS_TO_END)
        if client.is_alive():
            ledger.find(f"{client.name} does not come to an end")
    tormentor.check()


def judge_growth(census: Census, ledger: Ledger) -> None:
    for name, (early, late) in census.growth().items():
        say(f"{name:36} {early:.0f}, later {late:.0f} (may grow by {MOST_GROWTH[name]:.0f})")
        if late > early + MOST_GROWTH[name]:
            ledger.find(f"{name} grew from {early:.0f} to {late:.0f}")


def judge_remains(service: Service, store: Store, ledger: Ledger) -> None:
    begin = time.monotonic()
    for thing in wait_until_expired(service, store, LEFT_SECONDS):
        ledger.find(f"left behind: {thing}")
    say(f"{'all expired and collected after':36} {time.monotonic() - begin:.0f} s")
    kept = bookkeeping(store)
    say(f"{'kept in Redis':36} {', '.join(f'{key} {size}' for key, size in kept.items())}")
    for key, size in kept.items():
        if key != "huemill:workers" and size > WORKERS:
            ledger.find(f"{key} has {size} members")
    assert service.gateway is not None
    for child in [service.gateway, *service.workers]:
        for words in ("a defect of huemill", "Exception in ASGI application", "its record cannot be read"):
            if words in child.text():
                ledger.find(f"{child.log.name} says «{words}»")


def keep(folder: Path) -> None:
    """Logs outlive the run that has found something."""
    kept = Path(tempfile.mkdtemp(prefix="huemill-soak-logs-"))
    for log in folder.rglob("*.log"):
        log.rename(kept / log.name)
    say(f"logs: {kept}")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
