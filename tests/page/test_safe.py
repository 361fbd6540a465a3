"""The page trusts nobody: not the files, not the service's words, nobody else's scripts; and keeps what it is given."""

import json
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from api.http.routes.page import POLICY
from tests.page.conftest import LIMITS, Heard
from tests.page.hands import NASTY, choose, file, is_finished, start
from tests.support.calls import finished
from tests.support.processes import Service

MOST_BYTES = 80_000


def test_the_policy(page: Page, service: Service, heard: Heard) -> None:
    """The policy lets in nothing but the page's own files; a script or style in the page, eval, and markup as text are
    all refused by the browser.
    """
    assert httpx.get(service.url).headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    page.evaluate(
        """() => {
            const script = document.createElement('script');
            document.head.append(script);
            try { script.textContent = 'document.title = "taken"'; } catch {}
            const style = document.createElement('style');
            style.textContent = 'body { display: none }';
            document.head.append(style);
            const handler = document.createElement('button');
            handler.setAttribute('style', 'display: none');
            document.body.append(handler);
        }"""
    )
    assert page.title() == "huemill"
    expect(page.locator("body")).to_be_visible()
    for markup in ("document.body.innerHTML = '<b>'", "document.body.insertAdjacentHTML('beforeend', '<b>')"):
        assert (
            page.evaluate(f"(() => {{ try {{ {markup}; return 'taken' }} catch (error) {{ return error.name }} }})()")
            == "TypeError"
        )
    heard.forgive("Content Security Policy", "TrustedHTML", "TrustedScript")


def test_no_inline_and_no_other_address(service: Service) -> None:
    """The page's own HTML has no script, style or handler in it, and no address that is not relative."""
    html = httpx.get(service.url).text
    for word in ("style=", "onclick", "onload", "<style", "javascript:", "http://", "https://", '="/'):
        assert word not in html
    assert html.count("<script") == html.count("<script src=") + html.count('<script type="module" src=')


def test_names_of_the_service_are_text(opened: Callable[..., Page], service: Service) -> None:
    """A file's name and tags that another client has given a job are shown as text."""
    with service.client() as client:
        params = {"tags": ["<img src=x onerror=alert(1)>"], "client_reference": "<script>alert(1)</script>"}
        files = {"image": (NASTY, file()["buffer"], "image/png"), "params": (None, json.dumps(params))}
        job = client.post("/v1/jobs", files=files, headers={"Prefer": "wait=30"}).json()
    page = opened(f"/#/jobs/{job['id']}")
    is_finished(page)
    expect(page.locator("#stage .title").last).to_contain_text(NASTY)
    assert page.locator("img[src=x], #stage script").count() == 0


def test_words_of_the_service_are_text(page: Page, heard: Heard) -> None:
    """A problem's detail that looks like markup is shown as text, whoever has sent it."""
    problem = {"code": "odd", "detail": "<img src=x onerror=alert(1)>"}
    page.route("**/v1/jobs", lambda route: route.fulfill(status=400, json=problem))
    choose(page, file())
    start(page)
    expect(page.locator("#stage .trouble")).to_contain_text(problem["detail"])
    assert page.locator("img[src=x]").count() == 0
    heard.forgive("400")


def test_what_is_no_answer_of_the_service(page: Page, heard: Heard) -> None:
    """What something between has answered is said to be so."""
    page.route("**/v1/jobs", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    choose(page, file())
    start(page)
    expect(page.locator("#stage .trouble")).to_contain_text("does not come from huemill itself")
    heard.forgive("502")


def loaded_by(html: str) -> set[str]:
    """The addresses that the page's HTML names of its own files."""
    return {part.partition('"')[0] for part in html.split('="')[1:] if part.startswith("page/")}


def test_files_are_kept_for_ever(service: Service) -> None:
    """What the page loads stands under a hash, is compressed and kept for ever; under another hash for once."""
    with service.client() as client:
        html = client.get("/")
        assert html.headers["cache-control"] == "no-cache"
        sources = loaded_by(html.text)
        assert len(sources) > 20
        for source in sources:
            answer = client.get(source)
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["content-encoding"] == "gzip"
            _, _, path = source.split("/", 2)
            other = client.get(f"/page/0123456789abcdef/{path}")
            assert (other.content, other.headers["cache-control"]) == (answer.content, "no-cache")
        assert client.get("/page/0123456789abcdef/nothing.js").status_code == 404


def test_the_page_is_small(service: Service) -> None:
    """All that is loaded before the first result, compressed, is below 80 kB."""
    taken = 0
    with service.client() as client:
        sources = loaded_by(client.get("/").text)
        for path in ("/", *sources, "/page/0/shrink.worker.js", "/v1/algorithms"):
            with client.stream("GET", path) as answer:
                assert answer.status_code == 200
                taken += sum(len(chunk) for chunk in answer.iter_raw())
    assert taken < MOST_BYTES


@pytest.mark.parametrize(("path", "name", "leads"), [("/", "API", "/docs"), ("/docs", "The web page", "/")])
def test_page_and_console_know_each_other(
    opened: Callable[..., Page], service: Service, path: str, name: str, leads: str
) -> None:
    """The page leads to the console, and the console to the page."""
    page = opened(path)
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(service.url + leads)


def test_limits(service: Service) -> None:
    """What the page knows before an image is sent, every client can ask for."""
    with service.client() as client:
        limits = client.get("/v1/limits").json()
        assert (limits["bytes"], limits["pixels"], limits["side"]) == tuple(LIMITS.values())
        assert {"name": "HEIC", "media_type": "image/heic"} in limits["formats"]
        assert finished(client)["result"]["image"]["format"] in [one["name"] for one in limits["formats"]]
