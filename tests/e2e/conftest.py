"""What the tests of the whole share."""

from collections.abc import Iterator

import pytest

from tests.support.serving import Serving, starting


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One `huemill serve` for all tests that leave it running."""
    with starting(tmp_path_factory.mktemp("served")) as start:
        yield start("--workers", "1")
