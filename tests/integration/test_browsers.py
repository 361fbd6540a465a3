"""Pictures are clustered as browsers show them: Chromium is the witness for what the tests say of each file."""

import itertools
from collections.abc import Iterator

import pytest

from tests.conftest import require
from tests.matrix.case import witnessed
from tests.matrix.formats import everyday
from tests.support.chromium import MEDIA_TYPES, Chromium, chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    require("chromium")
    with chromium() as running:
        yield running


@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_chromium_shows_the_same(browser: Chromium, name: str) -> None:
    """What a matrix expects of a file, Chromium shows of it, but for what is marked as known to differ."""
    asked = (case for case in everyday(name) if case.shown and not isinstance(case.seen, type))
    wrong = (f"{case.name}: {fault}" for case in asked for fault in witnessed(case, browser.sees(case.data, name)))
    assert list(itertools.islice(wrong, 10)) == []
