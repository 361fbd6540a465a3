"""The clients of docs/clients.md, as they are printed: on a full service, a slow worker, a gateway that is killed."""

import base64
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import require
from tests.support.calls import post
from tests.support.chromium import opened
from tests.support.images import encoded, noise
from tests.support.jobs import posted
from tests.support.processes import Service, StoreServer, children_of
from tests.support.waiting import until
from tests.support.web import Web, gives

DOCUMENT = Path(__file__).parents[2] / "docs" / "clients.md"
ADDRESS = "http://127.0.0.1:8000"
COMMANDS = {"curl": ("sh", "palette.sh", "sh"), "Python": (sys.executable, "palette.py", "python")}
PAGES = {"EventSource": "follow", "WebSocket": "watch"}
CLIENTS = [*COMMANDS, *PAGES]
MOST_QUEUED = len(CLIENTS)
REFUSALS = r'huemill_http_request_seconds_count\{method="POST",route="/v1/jobs",status="503"\}'
SWATCH = re.compile(r"#[0-9a-f]{6} 0\.\d+")

# In the page: the job of a picture, the names of the events that were told of it, and its palette.
_RUN = """async ([module, bytes, how]) => {
    const {submit, ...client} = await import(module);
    const told = [], picture = new Blob([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))]);
    const job = await client[how](await submit(picture, {n_clusters: 4}), (event) => told.push(event));
    return [told, job.result.palette.map(({hex, proportion}) => `${hex} ${proportion}`)];
}"""


def block(language: str, word: str) -> str:
    """The example in this language that has the word in it."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    (code,) = [code for code in found if word in code]
    return str(code)


@cache
def picture_for(name: str) -> bytes:
    """One that takes a worker about a second, and is nobody else's."""
    return encoded(noise(1000, 1000, seed=CLIENTS.index(name)))


class Place(NamedTuple):
    service: Service
    folder: Path
    web: Web
    page: Page

    def counted(self, metric: str) -> float:
        """What the gateway has counted of it, whatever its labels are."""
        with self.service.client() as client:
            lines = re.findall(rf"^{metric} (\S+)$", client.get("/metrics").text, re.MULTILINE)
        return sum(map(float, lines))

    def signal_worker(self, number: int) -> None:
        (worker,) = self.service.workers
        for pid in (worker.pid, *children_of(worker.pid)):
            os.kill(pid, number)

    def begin(self, name: str, picture: bytes) -> "subprocess.Popen[str]":
        """The example on a picture; it knows the service by its environment."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "photo.jpg").write_bytes(picture)
        program, file, language = COMMANDS[name]
        (folder / file).write_text(block(language, "finished_at"))
        environment = {**os.environ, "HUEMILL_URL": self.service.url}
        return subprocess.Popen(
            [program, file, "photo.jpg"], cwd=folder, env=environment, text=True, stdout=-1, stderr=-1
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A service with one worker, that has little room, and a web page of another origin."""
    for program in ("curl", "jq", "chromium"):
        require(program)
    folder = tmp_path_factory.mktemp("clients")
    store = StoreServer("valkey", folder / "store")
    with closing(Web()) as web, opened("about:blank") as page:
        service = Service(store, folder / "service", cors_origins=web.url(), max_queued=MOST_QUEUED)
        module, html = block("js", "export").replace(ADDRESS, service.url), block("html", "import")
        web.answers["/"] = gives(html.encode(), Content_Type="text/html")
        web.answers["/huemill.js"] = gives(module.encode(), Content_Type="text/javascript")
        web.answers["/favicon.ico"] = gives(b"", 404)
        try:
            service.start_gateway().start_worker()
            service.wait_for_workers()
            page.goto(web.url("/"))
            yield Place(service, folder, web, page)
        finally:
            service.kill()
            store.kill()


class Outcome(NamedTuple):
    """What an example has shown: what became of the job, and the palette."""

    told: list[str]
    swatches: list[str]


class Weather(NamedTuple):
    """What became of all clients at the same time."""

    outcomes: dict[str, Outcome]
    retry_after: float
    """Seconds, that the full service asked them to wait."""
    waited: float
    """Seconds from before they began until the first of them had its job."""
    keys: int
    """Requests that had a name of their own."""


@pytest.fixture(scope="module")
def weather(place: Place) -> Weather:
    """The service is full at first, then its gateway is killed, then its worker goes on."""
    place.signal_worker(signal.SIGSTOP)
    with place.service.client() as client:
        fillers = [posted(client) for _ in range(MOST_QUEUED)]
        retry_after = float(post(client).headers["Retry-After"])
        for name in CLIENTS:
            picture_for(name)  # takes its time
        begun = time.time()
        commands = begin_all(place)
        until(lambda: place.counted(REFUSALS) > len(CLIENTS), "all are refused")
        for filler in fillers:
            assert client.post(filler["links"]["cancel"]).is_success
        until(lambda: place.counted("huemill_followers") == len(CLIENTS), "all follow their jobs", 60)
        jobs = client.get("/v1/jobs?status=queued").json()["jobs"]
    waited = min(datetime.fromisoformat(job["created_at"]).timestamp() for job in jobs) - begun
    assert place.service.gateway is not None
    place.service.gateway.kill()
    place.service.start_gateway()
    until(lambda: place.counted("huemill_followers") == len(CLIENTS), "all follow their jobs again", 60)
    place.signal_worker(signal.SIGCONT)
    found = outcomes(place, commands)
    with place.service.store.client() as redis:
        return Weather(found, retry_after, waited, len(redis.keys("huemill:idempotency:*")))


def begin_all(place: Place) -> "dict[str, subprocess.Popen[str]]":
    """Those that are commands, and in the browser the others."""
    commands = {name: place.begin(name, picture_for(name)) for name in COMMANDS}
    for name, function in PAGES.items():
        asked = [place.web.url("/huemill.js"), base64.b64encode(picture_for(name)).decode(), function]
        place.page.evaluate(f"asked => {{ window.{function} = ({_RUN})(asked); }}", asked)
    return commands


def outcomes(place: Place, commands: "dict[str, subprocess.Popen[str]]") -> dict[str, Outcome]:
    """Of all clients, once they have come to their end."""
    found = {name: Outcome(*place.page.evaluate(f"() => window.{function}")) for name, function in PAGES.items()}
    for name, running in commands.items():
        output, trouble = running.communicate(timeout=100)
        assert running.returncode == 0, trouble
        lines = output.splitlines()
        found[name] = Outcome(lines[:-4], lines[-4:])
    return found


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_in_bad_weather(weather: Weather, name: str) -> None:
    """It has its palette in the end, and has seen the job wait and run; what is told as events, it hears once."""
    told, swatches = weather.outcomes[name]
    assert [bool(SWATCH.fullmatch(swatch)) for swatch in swatches] == [True] * 4
    steps = list(dict.fromkeys(line.partition(" ")[0] for line in told))
    assert [step for step in steps if step in ("queued", "running")] == ["queued", "running"]
    if name in PAGES:
        assert [told.count(event) for event in ("queued", "running", "succeeded")] == [1, 1, 1]


def test_how_long_they_wait(weather: Weather) -> None:
    """None of them asks a full service again before it said so."""
    assert weather.waited >= weather.retry_after


def test_they_can_send_again(weather: Weather) -> None:
    """Each of them gave its request a key."""
    assert weather.keys == len(CLIENTS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_refused(place: Place, weather: Weather, name: str) -> None:
    """It ends at once, with the code and what to do."""
    output, trouble = place.begin(name, b"no image").communicate(timeout=60)
    assert output == ""
    assert trouble.splitlines()[-1].startswith("unsupported_image: ")


def test_the_page(place: Place, weather: Weather) -> None:
    """A picture that is chosen shows its palette, and what is none shows why."""
    picture = encoded(noise(20, 20))
    place.page.set_input_files("input", {"name": "a.png", "mimeType": "image/png", "buffer": picture})
    expect(place.page.locator("output p")).to_have_text([SWATCH] * 4)
    place.page.set_input_files("input", {"name": "b.png", "mimeType": "image/png", "buffer": b"no image"})
    expect(place.page.locator("output")).to_have_text(re.compile("^unsupported_image: "))
