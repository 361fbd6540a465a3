"""The images and the compose file for real: both are built, started with two workers, used, hurt, and taken down.

Where there is no Docker engine these tests are skipped on a laptop and fail in CI. Where the base images can be had
neither from here nor from a registry, the stand-ins beside the project are built, if there are any.
"""

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from shared.access.text import read_key
from shared.contract.params import MODELS, REFERENCE_MAX_PIXELS, KMeansParams
from shared.formats import Limits
from tests.support.calls import finished, post
from tests.support.images import encoded, noise, photograph
from tests.support.params import least
from tests.support.processes import ANEW, free_port, log_lines
from tests.support.waiting import until
from worker import pipeline

# Building both images from nothing takes minutes, and the first test waits for it.
pytestmark = [pytest.mark.docker, pytest.mark.timeout(1500)]

ROOT = Path(__file__).parents[2]
STAND_IN_IMAGES = ROOT.parent / "shared" / "docker" / "stand-in-images"
BASE_IMAGES = ("python:3.11-slim-bookworm", "redis:7-bookworm")
SERVICES = ("gateway", "worker", "redis")
# Some seconds on two processors: long enough to be interrupted.
SLOW: dict[str, Any] = {"n_clusters": 128, "n_init": 1, "tol": 0, "max_iter": 150}
SLOW_SIDE = 600


def run(*command: str, seconds: float = 120) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def succeeds(*command: str, seconds: float = 120) -> bool:
    """Whether a command is there, and ends in time and well."""
    try:
        return subprocess.run(command, capture_output=True, timeout=seconds).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False


def what_is_missing() -> str | None:
    """What these tests need and cannot get; None if all is there."""
    needed = [image for image in BASE_IMAGES if not succeeds("docker", "image", "inspect", image)]
    if succeeds("docker", "info"):
        needed = [image for image in needed if not succeeds("docker", "pull", "--quiet", image, seconds=180)]
    if needed and STAND_IN_IMAGES.exists() and os.geteuid() == 0:
        run(str(STAND_IN_IMAGES), seconds=600)
        needed = []
    if not succeeds("docker", "info"):
        return "no Docker engine answers here"
    if needed:
        return f"the base images {', '.join(needed)} cannot be pulled"
    if not (shutil.which("docker-compose") or succeeds("docker", "compose", "version")):
        return "there is neither docker-compose nor docker compose"
    return None


class Stack:
    """The compose file under a project name and a port of its own."""

    def __init__(self, override: Path) -> None:
        self.project = f"huemilltest{secrets.token_hex(4)}"
        self.port = free_port()
        self.password = secrets.token_hex(16)
        # Builds with the engine's own network: the bridge's does not reach the package index everywhere.
        services = {"gateway": {"build": {"network": "host"}}, "worker": {"build": {"network": "host"}}}
        override.write_text(json.dumps({"services": services}))
        self._compose = [
            *(["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]),
            *("--project-name", self.project, "--file", "docker-compose.yml", "--file", str(override)),
        ]
        self._environment = {
            **os.environ,
            "HUEMILL_PORT": str(self.port),
            "HUEMILL_REDIS_PASSWORD": self.password,
            # A lost worker is noticed soon, and so is a message that was lost with it.
            "HUEMILL_LEASE_SECONDS": "4",
            "HUEMILL_RESEND_SECONDS": "4",
            "HUEMILL_SWEEP_SECONDS": "1",
        }

    def compose(self, *arguments: str, seconds: float) -> None:
        """Run compose; what it says is seen with `pytest -s`."""
        command = [*self._compose, *arguments]
        subprocess.run(command, cwd=ROOT, env=self._environment, check=True, timeout=seconds)

    def containers(self, service: str) -> list[str]:
        """The ids of a service's containers, running or not."""
        labels = {"project": self.project, "service": service}
        filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()]
        return run("docker", "ps", "--all", "--quiet", "--no-trunc", *filters).split()

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60, trust_env=False, headers=ANEW)

    def wait_for_workers(self, count: int) -> None:
        with self.client() as http:
            until(lambda: _workers(http) == count, f"{count} workers are ready", 120, 0.2)

    def log_lines(self, what: str) -> list[tuple[str, str, int]]:
        """(worker's container, job, attempt) of all log lines of the workers that say `what` of a job."""
        found = []
        for container in self.containers("worker"):
            log = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True)
            lines = log_lines(log.stdout + log.stderr, what)
            found += [(container, line["job_id"], line["attempt"]) for line in lines]
        return found

    def take_down(self) -> None:
        """Remove containers, volumes and images; the layers that they were built from stay for the next time."""
        images = {inspect(container)["Image"] for name in ("gateway", "worker") for container in self.containers(name)}
        self.compose("down", "--volumes", "--timeout", "10", seconds=120)
        if images:
            run("docker", "image", "rm", "--no-prune", "--force", *images)


def _workers(http: httpx.Client) -> int:
    try:
        answer = http.get("/readyz")
    except httpx.TransportError:
        return 0
    return int(answer.json()["workers"]) if answer.is_success else 0


def inspect(container: str) -> dict[str, Any]:
    return dict(json.loads(run("docker", "inspect", container))[0])


def inside(container: str, script: str) -> str:
    """What a shell script prints in a running container."""
    return run("docker", "exec", container, "sh", "-c", script).strip()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The service with two workers, built from the checkout as it is."""
    missing = what_is_missing()
    if missing and os.environ.get("CI"):
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    made = Stack(tmp_path_factory.mktemp("docker") / "override.yml")
    try:
        begin = time.monotonic()
        made.compose("build", seconds=1200)
        built = time.monotonic()
        made.compose("up", "--detach", "--scale", "worker=2", seconds=180)
        try:
            made.wait_for_workers(2)
        except AssertionError:
            made.compose("logs", "--tail=40", seconds=60)
            raise
        print(f"built in {built - begin:.0f} s, ready {time.monotonic() - built:.0f} s later")  # noqa: T201
        yield made
    finally:
        made.take_down()


@pytest.fixture
def client(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client() as http:
        yield http


def ended(client: httpx.Client, job_id: str, seconds: float = 240) -> dict[str, Any]:
    """The job, once it has ended."""

    def job() -> dict[str, Any] | None:
        answer: dict[str, Any] = client.get(f"/v1/jobs/{job_id}").raise_for_status().json()
        return answer if answer["finished_at"] else None

    found = until(job, f"job {job_id} ends", seconds, 0.1)
    assert found is not None
    return found


def twenty_images() -> list[bytes]:
    """One pixel, photographs, noise, transparency: of many sizes and formats."""
    sides = [(1, 1), (1, 300), (7, 5), (64, 64), (123, 457), (240, 320), (480, 640), (600, 800), (1000, 1200)]
    made = [encoded(noise(*side, seed), ("PNG", "WEBP", "JPEG")[seed % 3]) for seed, side in enumerate(sides)]
    made += [encoded(noise(*side, seed=50, channels=4)) for side in sides]
    return [*made, photograph("china.jpg").read_bytes(), photograph("flower.jpg").read_bytes()]


def test_keys_are_made_beside_redis(stack: Stack) -> None:
    """An operator makes a key in the gateway's container, which alone reaches Redis, with what is in its image."""
    (gateway,) = stack.containers("gateway")
    made = json.loads(run("docker", "exec", gateway, "python", "-m", "cli.keys", "create", "one", "--json"))
    assert read_key(made["key"]).id == made["id"]
    assert made["id"] in run("docker", "exec", gateway, "python", "-m", "cli.keys", "list")
    assert "revoked" in run("docker", "exec", gateway, "python", "-m", "cli.keys", "revoke", made["id"])


def test_two_workers_share_twenty_images_and_every_result_is_right(stack: Stack, client: httpx.Client) -> None:
    """Twenty images posted at once are shared by both workers; each result is what the pipeline gives here."""
    images = twenty_images()
    jobs = [post(client, image, wait=None, n_clusters=4).raise_for_status().json()["id"] for image in images]
    for image, job_id in zip(images, jobs, strict=True):
        job = ended(client, job_id)
        assert job["status"] == "succeeded", job
        assert job["attempt"] == 1
        expected = pipeline.run(image, KMeansParams(n_clusters=4), lambda *_: True, limits=Limits())
        result = client.get(f"/v1/jobs/{job_id}/result", params={"labels": "inline"}).raise_for_status().json()
        np.testing.assert_allclose(result["centroids"], expected.result.centroids, rtol=1e-9)
        np.testing.assert_allclose(result["proportions"], expected.result.proportions, rtol=1e-12)
        labels = client.get(f"/v1/jobs/{job_id}/labels", headers={"Accept": "application/x-npy"}).raise_for_status()
        assert labels.content == expected.files["labels.npy"]
        assert result["digest"] == expected.result.digest
    begun = [(container, job) for container, job, _ in stack.log_lines("kmeans begins") if job in jobs]
    assert sorted(job for _, job in begun) == sorted(jobs)
    assert {container for container, _ in begun} == set(stack.containers("worker"))


@pytest.mark.parametrize(
    ("algorithm", "engine"),
    [*((name, "exact") for name in sorted(MODELS)), *((name, "reference") for name in sorted(REFERENCE_MAX_PIXELS))],
)
def test_each_algorithm_runs_in_a_container(client: httpx.Client, algorithm: str, engine: str) -> None:
    """Every algorithm and its reference find what they need in the worker's image."""
    # OPTICS' own choice of clusters is huemill's, and has no reference.
    more = {"cluster_method": "xi"} if (algorithm, engine) == ("optics", "reference") else {}
    job = finished(client, encoded(noise(40, 40)), engine=engine, **least(algorithm, **more))
    assert job["result"]["algorithm"] == algorithm


def test_workers_use_the_kernels_of_their_image(stack: Stack) -> None:
    """After all that work a worker's cache of kernels is the image's to the byte: nothing was compiled."""
    for container in stack.containers("worker"):
        assert int(inside(container, "ls -R /opt/kernels | grep -c nbi")) > 0
        assert inside(container, "diff -r /opt/kernels /tmp/numba && echo equal") == "equal"


def test_the_gateway_has_no_numpy(stack: Stack) -> None:
    """The gateway's image has none of the packages that decode pixels or compute with them."""
    (gateway,) = stack.containers("gateway")
    names = ["PIL", "numpy", "numba", "scipy", "sklearn", "hdbscan", "simplejpeg", "pi_heif", "worker"]
    look = f"from importlib.util import find_spec; print([name for name in {names} if find_spec(name)])"
    assert run("docker", "exec", gateway, "python", "-c", look).strip() == "[]"


@pytest.mark.parametrize("service", SERVICES)
def test_containers_are_hardened(stack: Stack, service: str) -> None:
    """Each runs as nobody special, on a file system that cannot be written, within a memory limit, and is healthy."""
    for container in stack.containers(service):
        assert inside(container, "id -u") != "0"
        assert inside(container, "touch /here 2>/dev/null || touch /opt/here 2>/dev/null || echo refused") == "refused"
        assert inside(container, "grep -E '^(CapEff|CapBnd)' /proc/1/status | tr -d '\\t0\\n'") == "CapEff:CapBnd:"
        assert inside(container, "grep NoNewPrivs /proc/1/status").endswith("1")
        host = inspect(container)["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["Memory"] > 0
        until(
            lambda c=container: inspect(c)["State"]["Health"]["Status"] == "healthy", f"{service} is healthy", 90, 0.5
        )


def test_only_the_gateway_can_be_reached(stack: Stack) -> None:
    """One port is published, on this host's own address."""
    ports = {
        service: [inspect(c)["HostConfig"]["PortBindings"] for c in stack.containers(service)] for service in SERVICES
    }
    assert ports["gateway"] == [{"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(stack.port)}]}]
    assert not any(ports["worker"] + ports["redis"])


def test_redis_keeps_what_it_is_given(stack: Stack, client: httpx.Client) -> None:
    """Redis asks for its password, appends to a file, evicts nothing; a result outlives its restart."""
    (redis,) = stack.containers("redis")
    assert "NOAUTH" in inside(redis, "REDISCLI_AUTH= redis-cli get x")
    assert inside(redis, "redis-cli config get appendonly").split() == ["appendonly", "yes"]
    assert inside(redis, "redis-cli config get maxmemory-policy").split() == ["maxmemory-policy", "noeviction"]
    job = finished(client)
    run("docker", "restart", redis)
    stack.wait_for_workers(2)
    assert client.get(job["links"]["self"]).raise_for_status().json() == job
    assert finished(client)["attempt"] == 1


def post_slow(client: httpx.Client, count: int, seed: int) -> list[str]:
    answers = [post(client, encoded(noise(SLOW_SIDE, SLOW_SIDE, seed + i)), wait=None, **SLOW) for i in range(count)]
    return [answer.raise_for_status().json()["id"] for answer in answers]


def running(stack: Stack, jobs: list[str], container: str) -> str | None:
    """One of the jobs that has begun in the container and not ended."""
    over = {job for _, job, _ in stack.log_lines("succeeded")}
    found = [
        job for c, job, _ in stack.log_lines("kmeans begins") if c == container and job in jobs and job not in over
    ]
    return found[0] if found else None


def test_a_worker_that_is_stopped_finishes_its_job(stack: Stack, client: httpx.Client) -> None:
    """`docker stop` in mid-work: the worker ends its job first, by itself; the other one does what is left, once."""
    first, second = stack.containers("worker")
    jobs = post_slow(client, 3, seed=100)
    job = until(lambda: running(stack, jobs, first), "the first worker works", 60, 0.05)
    run("docker", "stop", first)
    state = inspect(first)["State"]
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)
    for job_id in jobs:
        assert (ended(client, job_id)["status"], ended(client, job_id)["attempt"]) == ("succeeded", 1)
    succeeded = [(container, name) for container, name, _ in stack.log_lines("succeeded") if name in jobs]
    assert sorted(name for _, name in succeeded) == sorted(jobs)
    assert (first, job) in succeeded
    assert len([name for container, name in succeeded if container == second]) >= 1
    run("docker", "start", first)
    stack.wait_for_workers(2)


def test_the_job_of_a_worker_that_is_killed_is_taken_over(stack: Stack, client: httpx.Client) -> None:
    """`docker kill` in mid-work: the job is begun anew by the other worker, and every job succeeds exactly once."""
    first, second = stack.containers("worker")
    jobs = post_slow(client, 3, seed=200)
    job = until(lambda: running(stack, jobs, second), "the second worker works", 60, 0.05)
    run("docker", "kill", "--signal", "KILL", second)
    for job_id in jobs:
        assert ended(client, job_id)["status"] == "succeeded"
        assert ended(client, job_id)["attempt"] == (2 if job_id == job else 1)
    succeeded = [(container, name) for container, name, _ in stack.log_lines("succeeded") if name in jobs]
    assert sorted(succeeded) == sorted((first, name) for name in jobs)
