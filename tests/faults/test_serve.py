"""`huemill serve` while its processes are killed, broken and stopped, and `huemill cluster` beside it."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.support.calls import finished, post
from tests.support.images import encoded, noise
from tests.support.processes import Child, descendants_of, free_port, lives
from tests.support.serving import HUEMILL, STOP_SECONDS, Serving
from tests.support.waiting import until

LONG = {"algorithm": "agglomerative", "linkage": "average"}


def answers(client: httpx.Client, path: str = "/readyz") -> bool:
    """Whether the gateway is there, and answers well."""
    try:
        return client.get(path).is_success
    except httpx.TransportError:
        return False


def test_serve_ends_while_a_job_runs_and_goes_on_later(serve: Callable[..., Serving]) -> None:
    """Stopped in mid-job it still ends within 5 s; started again, it has what was done and does what was not."""
    serving = serve("--workers", "1")
    with serving.client() as client:
        done = finished(client)
        running = post(client, encoded(noise(500, 500)), wait=None, **LONG).json()
        href = running["links"]["self"]
        until(lambda: client.get(href).json()["progress"]["stage"] == "cluster", "the job runs", 30)
        queued = post(client, wait=None).json()
    assert serving.stop(signal.SIGTERM) < STOP_SECONDS

    again = serve("--workers", "2")
    with again.client() as client:
        assert client.get(done["links"]["self"]).json()["status"] == "succeeded"
        assert client.get(done["links"]["result"]).json()["proportions"] == [0.75, 0.25]
        href = queued["links"]["self"]
        until(lambda: client.get(href).json()["status"] == "succeeded", "the queued job is done", 60)
        href = running["links"]["self"]
        until(lambda: len(client.get(href).json()["attempts"]) == 2, "the broken-off job is taken up again", 60)
        assert client.get(href).json()["attempt"] == 1, "the attempt that was broken off does not count"
    assert again.stop(signal.SIGINT) < STOP_SECONDS


def test_a_killed_serve_leaves_nothing_running(serve: Callable[..., Serving]) -> None:
    """Even when `huemill serve` itself is killed, its processes end."""
    serving = serve("--workers", "1")
    processes = descendants_of(serving.child.pid)
    os.kill(serving.child.pid, signal.SIGKILL)
    serving.child.process.wait(STOP_SECONDS)
    until(lambda: not [pid for pid in processes if lives(pid)], "all processes have ended", 60)


def test_a_process_that_is_killed_is_started_again(serve: Callable[..., Serving]) -> None:
    """Whatever is killed, serve says so, starts it again and goes on; nothing that was done is lost."""
    serving = serve("--workers", "1")
    before = serving.parts()
    with serving.client() as client:
        done = finished(client)
        for number, (name, pid) in enumerate(before.items()):
            os.kill(pid, signal.SIGKILL)
            until(lambda n=number: len(serving.said("it is started again")) > n, "it is told", 5)
            line = serving.said("it is started again")[-1]
            assert (line["part"], line["level"]) == (name, "warning")
            assert line["event"].startswith(f"{name} was killed by SIGKILL (signal 9) after ")
            until(lambda said=line["event"]: said in serving.child.text(), "it is told on the terminal", 5)
            if name == "worker-1":
                until(lambda: client.get("/readyz").status_code == 503, "no worker is counted any more", 2)
            until(lambda: set(serving.parts()) == set(before), "it is up again", 5)
            until(lambda: answers(client), "all is ready", 30)
            assert client.get("/readyz").json()["workers"] == 1
            assert finished(client)["status"] == "succeeded"
            assert client.get(done["links"]["result"]).json()["proportions"] == [0.75, 0.25]
    assert not set(before.values()) & set(serving.parts().values())
    assert len(serving.said("it is started again")) == 3


@pytest.mark.timeout(240)  # five starts of a worker, one after the other
def test_a_worker_that_cannot_stay_up_later(serve: Callable[..., Serving], tmp_path: Path) -> None:
    """After the start no part is given up: its pauses grow until it is mended. A stop in a pause is as quick as any."""
    fault = tmp_path / "broken" / "numba.py"
    fault.parent.mkdir()
    path = os.pathsep.join([str(fault.parent), str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    serving = serve("--workers", "1", PYTHONPATH=path)

    def paused(seconds: float) -> list[float]:
        """Break the worker until it has paused for so long; its pauses from then on."""
        known = len(serving.said("ended with exit code"))
        fault.write_text("raise ImportError('numba is broken here')\n")
        os.kill(serving.parts()["worker-1"], signal.SIGKILL)

        def pauses() -> list[float]:
            return [line["pause"] for line in serving.said("ended with exit code")[known:]]

        until(lambda: max(pauses(), default=0) >= seconds, f"it pauses for {seconds:g} s", 60)
        return pauses()

    with serving.client() as client:
        assert finished(client)["status"] == "succeeded"
        pauses = paused(2)
        assert len(pauses) >= 3, "as often as it may not at the start"
        assert pauses == sorted(set(pauses)), "each is longer than the one before"
        fault.unlink()
        until(lambda: client.get("/readyz").is_success, "the worker is mended", 60)
        assert finished(client)["status"] == "succeeded"
    paused(1)
    assert serving.stop(signal.SIGINT) < STOP_SECONDS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("processes", [1, 3])
def test_a_stop_while_it_starts(tmp_path: Path, number: signal.Signals, processes: int) -> None:
    """Stopped before it is ready, with one process or several begun, serve ends within 5 s and leaves none."""
    command = [*HUEMILL, "serve", "--port", str(free_port()), "--data-dir", str(tmp_path / "data")]
    serving = Serving(Child("huemill serve", command, tmp_path / "serve.log"), 0, tmp_path / "data")
    until(lambda: len(serving.parts()) >= processes, "it has begun", 30, 0.001)
    assert serving.stop(number) < STOP_SECONDS
    assert "huemill serves at" not in serving.child.text()


def test_cluster_outlives_a_restart(serve: Callable[..., Serving], tmp_path: Path) -> None:
    """While `huemill cluster` follows a job, the gateway is killed and Valkey is silent: it waits for both."""
    serving = serve("--workers", "1")
    (tmp_path / "noise.png").write_bytes(encoded(noise(300, 300)))
    options = ["--n-clusters", "64", "--n-init", "8", "--tol", "0"]
    command = [*HUEMILL, "cluster", str(tmp_path / "noise.png"), "--url", serving.url, *options]
    child = Child("huemill cluster", command, tmp_path / "cluster.log")
    until(lambda: serving.said(" begins"), "the job begins")
    parts = serving.parts()
    os.kill(parts["valkey"], signal.SIGSTOP)
    os.kill(parts["gateway"], signal.SIGKILL)
    until(lambda: serving.said("it is started again"), "it is told", 5)
    refused = 'route="/v1/jobs/{job_id}/events",status="503"'
    with serving.client() as client:
        until(
            lambda: answers(client, "/healthz") and refused in client.get("/metrics").text,
            "the events are refused",
            60,
            0.2,
        )
    child.check()
    os.kill(parts["valkey"], signal.SIGCONT)
    assert child.process.wait(60) == 0, child.text()
    assert "noise.png" in child.text()
