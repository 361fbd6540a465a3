"""The console at /docs as a person uses it, in a real browser: what it offers runs as it stands."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.conftest import ONE_STORE, require
from tests.support.calls import finished
from tests.support.chromium import opened
from tests.support.images import encoded, noise
from tests.support.processes import Service

pytestmark = ONE_STORE

FILE: FilePayload = {"name": "a.png", "mimeType": "image/png", "buffer": encoded(noise(7, 31))}


@pytest.fixture(scope="module")
def trouble() -> list[str]:
    """What the browser has to say, besides the page."""
    return []


@pytest.fixture(scope="module")
def page(service: Service, trouble: list[str]) -> Iterator[Page]:
    require("chromium")
    with opened("about:blank") as page:
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("requestfailed", lambda request: trouble.append(request.url))
        page.goto(f"{service.url}/docs")
        yield page


@pytest.fixture(autouse=True)
def quiet(page: Page, trouble: list[str]) -> Iterator[None]:
    yield
    assert trouble == []


def operation(page: Page, name: str) -> Locator:
    """An operation, open to be tried."""
    found = page.locator(f"[id$=-{name}]")
    if "is-open" not in (found.get_attribute("class") or ""):
        found.locator(".opblock-summary-control").click()
    return found


def answer(tried: Locator, status: str) -> str:
    """The answer's text, when the operation is executed as it stands."""
    tried.locator("button.execute").click()
    response = tried.locator(".live-responses-table")
    expect(response.locator(".response-col_status").last).to_have_text(re.compile(status), timeout=20_000)
    text = response.locator(".response-col_description .microlight")
    return text.first.inner_text() if text.count() else ""


JSON, FORM, BYTES, IMAGE = "application/json", "multipart/form-data", "application/octet-stream", "image/*"


@pytest.mark.parametrize(
    ("name", "status", "types"),
    [("create_job", "20[02]", (FORM, JSON, FORM, IMAGE, JSON, BYTES)), ("store_image", "201", (FORM, JSON, IMAGE))],
)
def test_an_image_is_sent(client: httpx.Client, page: Page, name: str, status: str, types: tuple[str, ...]) -> None:
    """A file is chosen, everything else is left as it is offered, and the image is taken; so is the JSON that is
    offered at first, as it stands. One type leaves nothing behind in the next.
    """
    tried = operation(page, name)
    types_of_body = tried.get_by_label("Request content type")
    for media_type in types:
        if types_of_body.input_value() != media_type:
            types_of_body.select_option(media_type)
        if media_type == JSON:
            expect(tried.locator("textarea.body-param__text")).to_have_value(re.compile("image_base64"))
        else:
            tried.locator("input[type=file]").first.set_input_files(FILE)
        made: dict[str, Any] = json.loads(answer(tried, status))
        asked = tried.locator(".curl").inner_text()
        assert f"Content-Type: {media_type}" in asked
        if name == "create_job" and media_type == FORM:
            assert '"n_clusters":5' in asked
        client.delete(made["links"]["self"])


@pytest.mark.parametrize("media_type", ["image/png", "application/json"])
def test_the_media_type_is_what_comes(client: httpx.Client, page: Page, media_type: str) -> None:
    """The type that is chosen of an answer's is asked for, and comes."""
    job = finished(client)
    tried = operation(page, "get_labels")
    tried.locator("tr[data-param-name=job_id] input").fill(job["id"])
    tried.locator(".response[data-code='200']").get_by_label("Media Type").select_option(media_type)
    text = answer(tried, "200")
    if media_type == "image/png":
        expect(tried.locator(".live-responses-table img")).to_be_visible()
    else:
        assert json.loads(text)["shape"] == [6, 8]
