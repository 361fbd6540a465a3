"""`huemill serve` that asks for keys, as a person sets it up: keys from its data folder, commands with a key."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.images import SMALL_PNG
from tests.support.processes import free_port
from tests.support.serving import STOP_SECONDS, Serving, huemill
from tests.support.waiting import until


def keys(served: Serving, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return huemill("keys", *arguments, "--data-dir", str(served.data))


def test_serve_with_keys(serve: Callable[..., Serving], tmp_path: Path) -> None:
    """A key made in the data folder lets its holder in, by HUEMILL_KEY; without, with a wrong or a revoked one the
    commands say so in a line. After a restart it is the same key.
    """
    served = serve(HUEMILL_AUTH="keys")
    assert "asks for no keys" not in served.child.text()
    (tmp_path / "a.png").write_bytes(SMALL_PNG)
    key = json.loads(keys(served, "create", "me", "--json").stdout)

    def cluster(**environment: str) -> "subprocess.CompletedProcess[str]":
        url = environment.pop("url", served.url)
        return huemill("cluster", str(tmp_path / "a.png"), "--json", "--url", url, **environment)

    done = cluster(HUEMILL_KEY=key["key"])
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "succeeded"), done.stderr
    listed = huemill("jobs", "--url", served.url, "--json", HUEMILL_KEY=key["key"])
    assert json.loads(listed.stdout)["id"] == json.loads(done.stdout)["id"]
    without = cluster()
    assert (without.returncode, json.loads(without.stdout)["error"]["code"]) == (1, "unauthorized")
    no_key = cluster(HUEMILL_KEY=key["key"][:-1])
    assert no_key.returncode == 2
    assert "HUEMILL_KEY" in no_key.stderr
    assert key["key"][:-1] not in no_key.stderr

    assert served.stop(signal.SIGINT) < STOP_SECONDS
    again = serve(HUEMILL_AUTH="keys")
    assert cluster(url=again.url, HUEMILL_KEY=key["key"]).returncode == 0
    assert keys(again, "revoke", key["id"]).returncode == 0
    until(lambda: cluster(url=again.url, HUEMILL_KEY=key["key"]).returncode == 1, "the key is over", 20)


def test_serve_for_others(tmp_path: Path) -> None:
    """Without keys it does not listen where other machines reach it: a line says what to do, and nothing is started."""
    refused = huemill("serve", "--host", "0.0.0.0", "--port", str(free_port()), "--data-dir", str(tmp_path / "data"))
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "HUEMILL_AUTH=keys" in refused.stderr
    assert not (tmp_path / "data").exists()
