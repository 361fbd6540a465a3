"""A page with nothing on it but results: one for a module, opened anew for each test."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator

from tests.support.calls import finished
from tests.support.images import photograph
from tests.support.processes import Service
from tests.support.result_page import ResultPage, result_page

PICTURE = photograph("flower.jpg").read_bytes()


@pytest.fixture(scope="module")
def page(request: pytest.FixtureRequest, browser: Browser, service: Service) -> Iterator[ResultPage]:
    """A window as the module wants it in `WINDOW`."""
    with result_page(browser, service.url, **request.module.WINDOW) as made:
        yield made


@pytest.fixture(autouse=True)
def quiet(page: ResultPage) -> Iterator[None]:
    page.open()
    yield
    assert page.trouble == [], "\n".join(page.trouble)


@pytest.fixture(scope="module")
def job(service: Service) -> dict[str, Any]:
    """A photograph in twelve colours, three of them on less than 3 % of the pixels."""
    with service.client() as client:
        return finished(client, PICTURE, n_clusters=12, names="xkcd")


@pytest.fixture
def shown(page: ResultPage, job: dict[str, Any]) -> Locator:
    return page.show(job, PICTURE)
