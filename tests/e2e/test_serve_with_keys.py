"""`huemill serve` that asks for keys, as a person sets it up: keys from its data folder, commands with a key."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from cli.main import main
from tests.support.images import SMALL_PNG
from tests.support.processes import free_port
from tests.support.serving import STOP_SECONDS, Serving, huemill
from tests.support.waiting import until


def keys(served: Serving, *arguments: str) -> Result:
    """The command, in this process: it would take seconds to start in its own."""
    return CliRunner().invoke(main, ["keys", *arguments, "--data-dir", str(served.data)])


def test_serve_with_keys(serve: Callable[..., Serving], tmp_path: Path) -> None:
    """A key made in the data folder lets its holder in, by HUEMILL_KEY; without, or with one that is cut off, the
    commands say so in a line. After a restart it is the same key, until it is revoked.
    """
    served = serve(HUEMILL_AUTH="keys")
    (tmp_path / "a.png").write_bytes(SMALL_PNG)
    key = json.loads(keys(served, "create", "me", "--json").stdout)
    assert "asks for no keys" not in served.child.text()

    def cluster(**environment: str) -> "subprocess.CompletedProcess[str]":
        return huemill("cluster", str(tmp_path / "a.png"), "--json", "--url", served.url, **environment)

    done = cluster(HUEMILL_KEY=key["key"])
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "succeeded"), done.stderr
    without = cluster()
    assert (without.returncode, json.loads(without.stdout)["error"]["code"]) == (1, "unauthorized")
    cut_off = cluster(HUEMILL_KEY=key["key"][:-1])
    assert cut_off.returncode == 2
    assert "HUEMILL_KEY" in cut_off.stderr
    assert key["key"][:-1] not in cut_off.stderr

    assert served.stop(signal.SIGINT) < STOP_SECONDS
    again = serve("--workers", "1", HUEMILL_AUTH="keys")
    with again.client() as client:
        client.headers["Authorization"] = f"Bearer {key['key']}"
        assert client.get("/v1/jobs").json()["jobs"][0]["id"] == json.loads(done.stdout)["id"]
        assert keys(again, "revoke", key["id"]).exit_code == 0
        until(lambda: client.get("/v1/jobs").status_code == 401, "the key is over", 10)


def test_serve_for_others(tmp_path: Path) -> None:
    """Without keys it does not listen where other machines reach it: a line says what to do, and nothing is started."""
    refused = huemill("serve", "--host", "0.0.0.0", "--port", str(free_port()), "--data-dir", str(tmp_path / "data"))
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "HUEMILL_AUTH=keys" in refused.stderr
    assert not (tmp_path / "data").exists()
