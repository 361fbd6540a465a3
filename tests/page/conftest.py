"""One service and one browser for all of it; a page of its own for each test, with nothing kept from the others."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.conftest import require
from tests.page.hands import LONG_WAIT
from tests.support.processes import Service, running

# All drawing is the processor's: there is nothing else here. With the last flag alone, Chromium would copy each frame
# of a 3-D view back for a compositor that knows no GL, and warn of that on the console.
OPTIONS = ["--no-sandbox", "--force-color-profile=srgb", "--use-gl=angle", "--use-angle=swiftshader"]
OPTIONS += ["--enable-unsafe-swiftshader"]
LIMITS = {"max_upload_bytes": 2**22, "max_pixels": 25_000_000, "max_image_side": 8000}


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A gateway with limits that are met by small files, and a worker."""
    with running(tmp_path_factory.mktemp("page"), **LIMITS) as made:
        yield made


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    require("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=OPTIONS)
        yield browser
        browser.close()


class Heard:
    """What a browser has to say besides the page, and where it asked."""

    def __init__(self) -> None:
        self.trouble: list[str] = []
        self.hosts: set[str] = set()

    def listen(self, page: Page) -> None:
        page.on("console", lambda message: self.trouble.append(message.text) if message.type != "info" else None)
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def forgive(self, *words: str) -> None:
        """What the browser itself says of answers that are errors is known by the test, and was heard."""
        for word in words:
            assert any(word in line for line in self.trouble), f"nothing of {word!r} in {self.trouble}"
        self.trouble = [line for line in self.trouble if not any(word in line for word in words)]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def opened(browser: Browser, service: Service, heard: Heard) -> Iterator[Callable[..., Page]]:
    """Opens the page at `path` of `url`, in a window of its own; `options` are the window's."""
    contexts: list[BrowserContext] = []

    def open_page(path: str = "/", url: str = service.url, **options: Any) -> Page:
        options = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", **options}
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(LONG_WAIT)
        heard.listen(page)
        page.goto(url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert heard.trouble == []
    assert {host.rpartition(":")[0] for host in heard.hosts} <= {"127.0.0.1", ""}


@pytest.fixture
def page(opened: Callable[..., Page]) -> Page:
    return opened()
