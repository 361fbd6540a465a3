"""Web pages of other origins: none, or those that the operator names. A browser is the witness."""

from collections.abc import Callable

import httpx
import pytest

from api.http.cors import METHODS, READ, SENT
from tests.support.chromium import opened
from tests.support.images import SMALL_PNG
from tests.support.processes import Service, StoreServer
from tests.support.web import Web, gives

SHOP = "https://shop.example"
ALLOW = "access-control-allow-origin"


@pytest.fixture
def open_to_shop(own_store: Callable[..., StoreServer], own_service: Callable[..., Service]) -> Service:
    return own_service(own_store(), cors_origins=f"{SHOP},http://localhost:3000").start_gateway()


def preflight(client: httpx.Client, origin: str, path: str = "/v1/jobs") -> httpx.Response:
    fields = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "prefer"}
    return client.options(path, headers=fields)


def test_off_by_default(client: httpx.Client) -> None:
    """Without a setting no page is told that it may read anything."""
    answer = client.get("/v1/errors", headers={"Origin": SHOP})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "origin" not in answer.headers.get("vary", "").lower()
    assert preflight(client, SHOP).status_code == 405


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": SHOP}, 202),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://colors.example"}, 202),
        ({"Sec-Fetch-Site": "none"}, 202),
        ({}, 202),
    ],
)
def test_forms_of_other_sites(open_to_shop: Service, fields: dict[str, str], status: int) -> None:
    """A page need not be able to read an answer to fill the queue: what its visitors' browsers send is refused."""
    with open_to_shop.client() as client:
        answer = client.post("/v1/jobs", files={"image": SMALL_PNG}, headers=fields)
        assert answer.status_code == status
        assert status == 202 or answer.json()["code"] == "origin_refused"
        assert client.get("/v1/limits", headers=fields).is_success


def test_origins_that_are_named(open_to_shop: Service) -> None:
    """A page of a named origin may send what the gateway takes and read what it says, errors too; others nothing."""
    with open_to_shop.client() as client:
        asked = preflight(client, SHOP)
        assert (asked.status_code, asked.content) == (204, b"")
        assert asked.headers[ALLOW] == SHOP
        assert asked.headers["access-control-allow-methods"] == METHODS
        assert asked.headers["access-control-allow-headers"] == SENT
        for path, status in (("/v1/errors", 200), ("/v1/jobs/x", 404), ("/v1/jobs?limit=0", 422), ("/nowhere", 404)):
            answer = client.get(path, headers={"Origin": SHOP})
            assert (answer.status_code, answer.headers[ALLOW]) == (status, SHOP)
            assert answer.headers["access-control-expose-headers"] == READ
            assert "Origin" in answer.headers["vary"]
            assert "access-control-allow-credentials" not in answer.headers
        for other in ("https://evil.example", "http://shop.example", f"{SHOP}.evil.example", "null", ""):
            for answer in (client.get("/v1/errors", headers={"Origin": other}), preflight(client, other)):
                assert not [name for name in answer.headers if name.startswith("access-control")]
                assert "Origin" in answer.headers["vary"]
        assert "Origin" in client.get("/v1/errors").headers["vary"], "what a cache keeps is for no page"
        assert client.options("/v1/jobs", headers={"Origin": SHOP}).status_code == 405


def test_all_origins(own_store: Callable[..., StoreServer], own_service: Callable[..., Service]) -> None:
    """`*` is every page, a file's of no origin too."""
    service = own_service(own_store(), cors_origins="*").start_gateway()
    with service.client() as client:
        for origin in (SHOP, "null"):
            assert client.get("/v1/errors", headers={"Origin": origin}).headers[ALLOW] == origin


SCRIPT = """async ([url, image]) => {
    const wait = {"Content-Type": "image/png", "Prefer": "respond-async"};
    const posted = await fetch(url + "/v1/jobs", {method: "POST", headers: wait, body: Uint8Array.from(image)});
    const job = await posted.json();
    const first = await new Promise((resolve) => {
        const socket = new WebSocket(url.replace("http", "ws") + job.links.ws);
        socket.onmessage = (message) => resolve(JSON.parse(message.data).event);
        socket.onerror = () => resolve("refused");
    });
    return [posted.headers.get("Location") === job.links.self, first];
}"""


def test_a_page_in_a_browser(own_store: Callable[..., StoreServer], own_service: Callable[..., Service]) -> None:
    """A page of a named origin posts an image, reads where the job is, and hears of it over a WebSocket; of the same
    page, not named, the browser lets nothing through.
    """
    web = Web()
    web.answers["/"] = gives(b"<title>shop</title>", Content_Type="text/html")
    store = own_store()
    named = own_service(store, cors_origins=web.url()).start_gateway()
    closed = own_service(store).start_gateway()
    try:
        with opened(web.url("/")) as page:
            assert page.evaluate(SCRIPT, [named.url, list(SMALL_PNG)]) == [True, "queued"]
            assert "Failed to fetch" in page.evaluate(
                f"(given) => ({SCRIPT})(given).catch((error) => error.message)", [closed.url, list(SMALL_PNG)]
            )
    finally:
        web.close()
