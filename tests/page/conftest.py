"""One service and one browser for all of it."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.conftest import require
from tests.support.processes import Service, StoreServer

# All drawing is the processor's: there is nothing else here. With the last flag alone, Chromium would copy each frame
# of a 3-D view back for a compositor that knows no GL, and warn of that on the console.
OPTIONS = ["--no-sandbox", "--force-color-profile=srgb", "--use-gl=angle", "--use-angle=swiftshader"]
OPTIONS += ["--enable-unsafe-swiftshader"]
LIMITS = {"max_upload_bytes": 2**24, "max_pixels": 25_000_000, "max_image_side": 8000}


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A gateway with limits that are met by small files, and a worker."""
    store = StoreServer("valkey", tmp_path_factory.mktemp("store"))
    made = Service(store, tmp_path_factory.mktemp("service"), **LIMITS)
    try:
        made.start_gateway()
        made.start_worker()
        yield made.wait_for_workers()
    finally:
        made.stop()
        store.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    require("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=OPTIONS)
        yield browser
        browser.close()
