"""A gateway behind nginx and behind Caddy, with TLS and a prefix, as docs/operations.md sets them up."""

import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from tests.conftest import require
from tests.page.conftest import OPTIONS
from tests.support.calls import finished, post, problem, server_sent_events
from tests.support.images import SMALL_PNG, encoded, noise
from tests.support.processes import Service, StoreServer, running
from tests.support.raw import said_to
from tests.support.reverse_proxy import HOST, KINDS, PREFIX, SETTINGS, ReverseProxy
from tests.support.waiting import until

PER_ADDRESS = 20
LIMIT = 3 * 2**20
BMP = encoded(noise(900, 900), "BMP")  # below the limit, above nginx' own


LIMITS = {"max_connections_per_address": PER_ADDRESS, "max_upload_bytes": LIMIT}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("proxies"), **LIMITS, **SETTINGS) as service:
        yield service


@pytest.fixture(scope="module", params=KINDS)
def proxy(
    request: pytest.FixtureRequest, gateway: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ReverseProxy]:
    require(request.param)
    proxy = ReverseProxy(request.param, tmp_path_factory.mktemp(request.param) / "proxy", gateway.port)
    yield proxy
    proxy.stop()


@pytest.fixture
def client(proxy: ReverseProxy) -> Iterator[httpx.Client]:
    with proxy.client() as client:
        yield client


def absolute(client: httpx.Client, path: str) -> httpx.URL:
    """A path from the root, as any client but one with a base makes an address of it."""
    return client.base_url.join(path)


def test_links_have_the_prefix(client: httpx.Client) -> None:
    """Every address of a job, of a stored image and of what they have begins with the prefix, and leads there."""
    answer = post(client)
    job = answer.json()
    assert answer.headers["location"] == job["links"]["self"] == f"{PREFIX}/v1/jobs/{job['id']}"
    result = job["result"]
    reads = [link for name, link in job["links"].items() if name not in ("ws", "cancel")]
    hrefs = [*reads, result["labels"]["href"], *(artifact["href"] for artifact in result["artifacts"])]
    assert len(hrefs) > 5
    stored = client.post("/v1/images", content=SMALL_PNG, headers={"Content-Type": "image/png"})
    hrefs += [stored.headers["location"], stored.json()["links"]["self"]]
    for href in hrefs:
        assert href.startswith(f"{PREFIX}/v1/")
        assert client.get(absolute(client, href)).status_code == 200, href


def test_sockets_go_through(proxy: ReverseProxy, client: httpx.Client) -> None:
    """A WebSocket is opened through the proxy at the address that the job tells, by a page of its own too."""
    path = finished(client)["links"]["ws"]
    for origin in (None, f"https://{HOST}"):
        with proxy.socket(path, origin) as socket:
            names = [json.loads(message)["event"] for message in socket]
        assert (names[0], names[-1], socket.close_code) == ("queued", "succeeded", 1000)


def test_the_pages_load_through_the_proxy(client: httpx.Client) -> None:
    """The parts of the page and of the console are named by relative addresses, which lead to them under the prefix."""
    for path, parts in (("/", 30), ("/docs", 6)):
        page = client.get(path)
        sources = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page.text)
        assert len(sources) >= parts
        for source in sources:
            assert not source.startswith(("/", "http"))
            assert client.get(page.url.join(source)).status_code == 200, source
    document = client.get("/openapi.json").json()
    assert document["servers"] == [{"url": PREFIX}]


def test_the_pages_in_a_browser(proxy: ReverseProxy) -> None:
    """Chromium makes a result with the page and asks with the console, through the proxy; nothing is fetched elsewhere,
    nothing refused.
    """
    require("chromium")
    origin = f"https://{HOST}:{proxy.port}"
    asked: list[str] = []
    trouble: list[str] = []
    options = [*OPTIONS, f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        page = browser.new_context(ignore_https_errors=True).new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("requestfailed", lambda request: trouble.append(request.url))
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(f"{origin}{PREFIX}/")
        page.get_by_role("button", name="Tiles").click()
        page.get_by_role("button", name="Find colours", exact=True).click()
        expect(page.locator("#stage .drawn")).to_be_visible(timeout=30_000)
        page.wait_for_load_state("networkidle")
        page.get_by_role("link", name="API").click()
        operation = page.locator(".opblock", has=page.get_by_text("/healthz", exact=True))
        operation.locator(".opblock-summary").click()
        with page.expect_request_finished(lambda request: request.url.endswith("/healthz")):
            operation.locator("button.execute").click()
        status = operation.locator(".live-responses-table .response-col_status").last
        expect(status).to_contain_text("200")
        browser.close()
    assert trouble == []
    assert f"{origin}{PREFIX}/healthz" in asked
    assert [url for url in asked if not url.startswith(f"{origin}{PREFIX}/")] == []


def test_events_come_as_they_happen(client: httpx.Client) -> None:
    """A job's first event arrives while the stream is still open, not with its end."""
    big = {"n_clusters": 64, "n_init": 10, "tol": 0, "max_iter": 300}
    job = post(client, wait=None, **big).json()
    with client.stream("GET", absolute(client, job["links"]["events"])) as answer:
        events = server_sent_events(answer.iter_lines())
        assert next(events)["event"] == "queued"
        assert [event["event"] for event in events][-1] == "succeeded"


def test_a_stream_of_a_job_that_waits(client: httpx.Client, gateway: Service) -> None:
    """Where nothing happens for long, what has happened is heard all the same."""
    (worker,) = gateway.workers
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        job = post(client, wait=None).json()
        begin = time.monotonic()
        with client.stream("GET", absolute(client, job["links"]["events"])) as answer:
            assert next(server_sent_events(answer.iter_lines()))["event"] == "queued"
        assert time.monotonic() - begin < 5
    finally:
        os.kill(worker.pid, signal.SIGCONT)


def test_uploads_are_stored_as_they_come(client: httpx.Client, gateway: Service) -> None:
    """Half of an image is in the gateway's store before the other half was sent."""
    half = 2**20
    go_on = threading.Event()

    def image() -> Iterator[bytes]:
        yield SMALL_PNG[:8] + bytes(half)
        go_on.wait(20)
        yield bytes(half)

    codes: list[str] = []

    def send() -> None:
        answer = client.post("/v1/jobs", content=image(), headers={"Content-Type": "image/png"})
        codes.append(answer.json()["code"])

    thread = threading.Thread(target=send)
    thread.start()
    try:
        until(lambda: any(path.stat().st_size >= half for path in gateway.blob_files()), "half of it is stored", 10)
        assert codes == []
    finally:
        go_on.set()
        thread.join()
    assert codes == ["broken_image"]


def test_a_large_upload_meets_the_gateways_limit(client: httpx.Client) -> None:
    """The proxy refuses nothing by itself: what is too large is refused in the gateway's words, while it is sent."""
    for _ in range(5):
        answer = client.post("/v1/jobs", content=bytes(8 * LIMIT), headers={"Content-Type": "image/png"})
        problem(answer, 413, "upload_too_large")
    assert client.post("/v1/images", content=BMP, headers={"Content-Type": "image/bmp"}).is_success


def test_a_proxy_has_more_connections_than_one_address(proxy: ReverseProxy, client: httpx.Client) -> None:
    """Twice as many streams as one address may have go through the proxy; directly there is room for no more."""
    job = finished(client)
    waiting = [proxy.client() for _ in range(2 * PER_ADDRESS)]
    try:
        asked = [threading.Thread(target=each.get, args=(absolute(each, job["links"]["self"]),)) for each in waiting]
        for thread in asked:
            thread.start()
        for thread in asked:
            thread.join()
        assert all(each.get("/healthz").status_code == 200 for each in waiting)
    finally:
        for each in waiting:
            each.close()


def test_hosts_that_are_not_ours(gateway: Service) -> None:
    """Another host is refused, whatever the path, but not where a load balancer asks by number."""
    for host in ("evil.example", "colors.example.evil.example", f"{HOST}@evil.example", "127.0.0.1"):
        for path in ("/", "/docs", f"{PREFIX}/docs", "/v1/jobs", "/nowhere"):
            (answer,) = said_to(gateway.port, _get(path, host))
            assert answer.status in (400, 421), (host, path)
            assert b"evil" not in answer.body
    for path in ("/v1/algorithms", f"{PREFIX}/docs"):
        assert said_to(gateway.port, _get(f"http://evil.example{path}", HOST))[0].status == 421
        assert said_to(gateway.port, _get(f"http://{HOST}{path}", "evil.example"))[0].status == 200
    for path in ("/healthz", f"{PREFIX}/healthz", "/readyz"):
        assert said_to(gateway.port, _get(path, "127.0.0.1"))[0].status == 200
    for host in (HOST, HOST.upper(), f"{HOST}:8443"):
        assert said_to(gateway.port, _get("/v1/algorithms", host))[0].status == 200


def test_nothing_is_built_from_a_host(
    own_store: Callable[..., StoreServer], own_service: Callable[..., Service]
) -> None:
    """Whatever host is answered for, and whichever any header names, none comes back in a page or a header."""
    service = own_service(own_store(), allowed_hosts="evil.example").start_gateway()
    more = "X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nForwarded: host=evil.example\r\n"
    for path in ("/", "/docs", "/docs/", "/v1/jobs/", "/openapi.json", "/nowhere"):
        (answer,) = said_to(service.port, _get(path, "evil.example", more))
        assert answer.status in (200, 307, 404)
        assert b"evil" not in answer.body
        assert not any("evil" in value for value in answer.headers.values())


def _get(path: str, host: str, more: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n".encode()
