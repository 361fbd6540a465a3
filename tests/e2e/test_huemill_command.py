"""`huemill`, the command, as a person runs it: real processes from the first to the last."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.support.calls import finished, post
from tests.support.images import SMALL_PNG, encoded, noise, photograph
from tests.support.processes import Child, free_port
from tests.support.proxy import Proxy
from tests.support.serving import HUEMILL, STOP_SECONDS, Serving, huemill, huemill_here
from tests.support.waiting import until

LONG = {"algorithm": "agglomerative", "linkage": "average"}


def one_line(done: "subprocess.CompletedProcess[str]") -> str:
    """What a command that gave up said: exit code 1, nothing on stdout, one line on stderr."""
    assert done.returncode == 1, done
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    return line


def test_serve_ends_with_all_its_processes(serve: Callable[..., Serving]) -> None:
    """`huemill serve` says where it is, works, and ends within 5 s with every process that it started."""
    serving = serve("--workers", "1")
    assert f"{serving.url}/docs" in serving.child.text()
    with serving.client() as client:
        assert finished(client)["status"] == "succeeded"
        assert client.get("/readyz").json()["workers"] == 1
    assert set(serving.parts()) == {"valkey", "gateway", "worker-1"}
    assert serving.stop(signal.SIGINT) < STOP_SECONDS


def test_serve_says_that_it_asks_for_no_keys(served: Serving) -> None:
    """Who starts it reads on the terminal, and in the gateway's log, that whoever reaches it may use it."""
    until(lambda: "asks for no keys (HUEMILL_AUTH=none)" in served.child.text(), "the second line")
    until(lambda: served.said("HUEMILL_AUTH is none"), "the line of the log")


def test_the_data_folder_is_one_servers_own(served: Serving) -> None:
    """A second server on the same data folder is refused with one line."""
    done = huemill("serve", "--port", str(free_port()), "--data-dir", str(served.data))
    assert "in use" in one_line(done)


def test_a_taken_port(tmp_path: Path) -> None:
    """A port that is taken: one line that names it, exit code 1, nothing started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = huemill("serve", "--port", port, "--data-dir", str(tmp_path / "data"))
    assert port in one_line(done)
    assert "--port" in one_line(done)


def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A data folder that cannot be made: one line that names it, exit code 1."""
    (tmp_path / "file").write_text("no folder")
    done = huemill("serve", "--port", str(free_port()), "--data-dir", str(tmp_path / "file" / "data"))
    assert "--data-dir" in one_line(done)


def test_a_host_that_is_not_ours(tmp_path: Path) -> None:
    """An address that cannot be listened on: one line, exit code 1."""
    host = "192.0.2.1"
    arguments = ("serve", "--host", host, "--port", str(free_port()), "--data-dir", str(tmp_path / "data"))
    assert host in one_line(huemill(*arguments, HUEMILL_ALLOW_OPEN="true"))


def test_a_redis_url_that_leads_nowhere(tmp_path: Path) -> None:
    """With a Redis that does not answer, serve gives up with one line instead of waiting for ever."""
    url = f"redis://127.0.0.1:{free_port()}/0"
    done = huemill("serve", "--port", str(free_port()), "--data-dir", str(tmp_path / "data"), "--redis-url", url)
    assert "edis" in one_line(done)


def test_a_worker_that_cannot_start(tmp_path: Path) -> None:
    """A worker that fails to start: one line that says so and where its log is, exit code 1, nothing left."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "numba.py").write_text("raise ImportError('numba is broken here')\n")
    path = os.pathsep.join([str(broken), str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    arguments = ("serve", "--workers", "1", "--port", str(free_port()), "--data-dir", str(tmp_path / "data"))
    line = one_line(huemill(*arguments, PYTHONPATH=path))
    assert "The worker-" in line
    assert "numba is broken here" in line
    assert str(tmp_path / "data" / "logs") in line


def test_a_setting_that_is_wrong(tmp_path: Path) -> None:
    """A wrong HUEMILL_* variable: one line that names it, exit code 1."""
    arguments = ("serve", "--port", str(free_port()), "--data-dir", str(tmp_path / "data"))
    assert "HUEMILL_MAX_PIXELS" in one_line(huemill(*arguments, HUEMILL_MAX_PIXELS="many"))


def test_cluster_shows_palettes(served: Serving, tmp_path: Path) -> None:
    """`huemill cluster` takes images and a mask, shows each image's palette, and its exit code tells the outcome."""
    good, other, bad, mask = (tmp_path / f"{name}.png" for name in ("good", "other", "bad", "mask"))
    good.write_bytes(SMALL_PNG)
    other.write_bytes(encoded(noise(30, 30)))
    bad.write_bytes(b"no image")

    done = huemill("cluster", str(good), str(other), "--url", served.url, "--n-clusters", "2")
    assert done.returncode == 0, done
    assert "good.png" in done.stdout
    assert "other.png" in done.stdout
    assert "#ff0000" in done.stdout
    assert "75.0 %" in done.stdout

    right = np.zeros((6, 8), np.uint8)
    right[:, 4:] = 255
    mask.write_bytes(encoded(right))
    options = ("--mask", str(mask), "--priority", "batch")
    done = huemill("cluster", str(good), *options, "--json", "--url", served.url)
    assert json.loads(done.stdout)["priority"] == "batch"
    assert json.loads(done.stdout)["result"]["proportions"] == [0.5, 0.5]
    done = huemill("cluster", str(good), "--mask", str(tmp_path / "missing.png"), "--url", served.url)
    assert (done.returncode, done.stderr.count("The mask cannot be read")) == (1, 1)

    done = huemill("cluster", str(good), str(bad), str(tmp_path / "missing.png"), "--json", "--url", served.url)
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["file"] for line in lines] == [str(good), str(bad), str(tmp_path / "missing.png")]
    assert lines[0]["result"]["proportions"] == [0.75, 0.25]
    assert lines[1]["error"]["code"] == "unsupported_image"
    assert lines[2]["error"]["code"] == "unreadable"

    done = huemill("cluster", str(good), "--url", served.url, "--n-clusters", "0")
    assert done.returncode == 2
    assert "--n-clusters" in done.stderr
    assert "256" in done.stderr


@pytest.mark.parametrize("arguments", [("--algorithm", "dbscan"), ("--linkage", "ward"), ("--nonsense", "1")])
def test_cluster_with_wrong_options(tmp_path: Path, arguments: tuple[str, str]) -> None:
    """Wrong options are exit code 2, before anything is sent."""
    image = tmp_path / "a.png"
    image.write_bytes(SMALL_PNG)
    done = huemill("cluster", str(image), *arguments)
    assert done.returncode == 2
    assert arguments[0] in done.stderr


def test_cluster_ends_at_once_on_ctrl_c(served: Serving, tmp_path: Path) -> None:
    """Ctrl-C ends `huemill cluster`, and its job is cancelled, even if the answer that names it is still on its way."""
    (tmp_path / "noise.png").write_bytes(encoded(noise(700, 700)))
    options = [f"--{name.replace('_', '-')}={value}" for name, value in LONG.items()]
    proxy = Proxy(served.port, answer_seconds=0.4)
    command = [*HUEMILL, "cluster", str(tmp_path / "noise.png"), "--url", f"http://127.0.0.1:{proxy.port}", *options]
    before = len(served.said(" begins"))
    child = Child("huemill cluster", command, tmp_path / "cluster.log", {})
    until(lambda: child.check() or len(served.said(" begins")) > before, "the job begins")
    os.kill(child.pid, signal.SIGINT)
    child.process.wait(STOP_SECONDS)
    proxy.close()
    assert "Aborted" in child.text()
    job_id = max(served.said(" begins"), key=lambda line: line["timestamp"])["job_id"]
    with served.client() as client:
        assert client.get(f"/v1/jobs/{job_id}").json()["status"] == "cancelled"
    assert job_id not in {line["job_id"] for line in served.said("succeeded")}, "it had nothing to wait for"


def test_cluster_without_a_service(tmp_path: Path) -> None:
    """Where no service answers the exit code is 3, and the line says how to start one."""
    image = tmp_path / "a.png"
    image.write_bytes(SMALL_PNG)
    done = huemill("cluster", str(image), "--url", f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 3
    assert "huemill serve" in done.stderr
    assert "Traceback" not in done.stderr


def test_demo(tmp_path: Path) -> None:
    """`huemill demo` does all of it on china.jpg: palette, links, files that stay; and it leaves no process."""
    done = huemill("demo", "--n-clusters", "4", cwd=tmp_path)
    assert done.returncode == 0, done
    assert "china.jpg" in done.stdout
    assert done.stdout.count("#") >= 4
    for word in (
        "/docs",
        "/result",
        "stopped",
        "huemill-demo/china.json",
        "huemill-demo/china-labels.png",
        "huemill-demo/china-card.png",
    ):
        assert word in done.stdout
    assert "://" not in done.stdout + done.stderr, "an address that is dead by now"
    result = json.loads((tmp_path / "huemill-demo" / "china.json").read_bytes())
    assert len(result["palette"]) == 4
    for name in ("labels", "recolored", "card", "scatter"):
        assert (tmp_path / "huemill-demo" / f"china-{name}.png").read_bytes().startswith(b"\x89PNG")


def test_demo_of_an_image_that_is_none(tmp_path: Path) -> None:
    """`huemill demo` of what is no image says so and exits with 1."""
    (tmp_path / "a.txt").write_text("text")
    done = huemill("demo", "a.txt", cwd=tmp_path)
    assert done.returncode == 1
    assert "not an image" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize("options", [[], ["--first"]])
def test_warmup(options: list[str]) -> None:
    """`huemill warmup` says that the kernels are ready, all or the first ones."""
    done = huemill("warmup", *options)
    assert done.returncode == 0
    assert "ready" in done.stdout


def test_the_photograph_of_the_demo_is_there() -> None:
    """The default image is on the disk: nothing is downloaded."""
    assert photograph("china.jpg").stat().st_size > 100_000


def test_jobs_are_listed_and_cancelled(serve: Callable[..., Serving], tmp_path: Path) -> None:
    """`huemill jobs` shows what there is, by state and tag, for people and programs; `huemill cancel` ends jobs, and
    says which it could not end.
    """
    shown = partial(huemill_here, cwd=tmp_path)
    serving = serve("--workers", "1")
    url = ("--url", serving.url)
    assert "no such jobs" in huemill("jobs", *url).stdout
    with serving.client() as client:
        done = finished(client, tags="shop,summer", client_reference="order 4711", priority="batch")
        os.kill(serving.parts()["worker-1"], signal.SIGSTOP)
        waits = [post(client, wait=None, n_clusters=count).json()["id"] for count in (2, 3)]
        listed = shown("jobs", *url).stdout
        assert [line.split()[0] for line in listed.splitlines()[1:]] == [*reversed(waits), done["id"]]
        assert "order 4711 #shop #summer" in listed
        wanted = ("--tag", "shop", "--tag", "summer", "--reference", "order 4711", "--priority", "batch")
        found = shown("jobs", *url, *wanted, "--json").stdout
        assert [json.loads(line)["id"] for line in found.splitlines()] == [done["id"]]
        assert len(shown("jobs", *url, "--limit", "2", "--json").stdout.splitlines()) == 2
        ended = huemill("cancel", *url, waits[0], "../x", done["id"], waits[1])
        assert ended.returncode == 1
        assert ended.stdout.splitlines() == [f"{job_id}: cancelled" for job_id in waits]
        assert [line.split(":")[0] for line in ended.stderr.splitlines()] == ["../x", done["id"]]
        assert shown("cancel", *url, *waits).returncode == 0, "what is cancelled already stays so"
        assert "cancelled" in shown("jobs", *url, "--status", "cancelled").stdout
        os.kill(serving.parts()["worker-1"], signal.SIGCONT)
    refused = shown("jobs", *url, "--tag", "a,b")
    assert (refused.returncode, "comma" in refused.stderr) == (1, True)
    away = shown("jobs", "--url", f"http://127.0.0.1:{free_port()}")
    assert (away.returncode, "huemill serve" in away.stderr) == (3, True)
    assert shown("cancel", "--url", f"http://127.0.0.1:{free_port()}", waits[0]).returncode == 3
