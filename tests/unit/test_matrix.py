"""Files of every form that a format has are read as their pixels are known to be, or refused in true words."""

import itertools

import pytest

from shared.formats import FORMATS
from tests.matrix.case import faults
from tests.matrix.formats import MATRICES, everyday

# Formats of one form or a few, which the corpus has all of.
PLAIN = {"PPM", "QOI"}


def test_every_format_has_a_matrix() -> None:
    """A format that is read is tested in all its forms."""
    assert set(MATRICES) == set(FORMATS) - PLAIN


@pytest.mark.parametrize("name", MATRICES)
def test_every_form_of_a_format(name: str) -> None:
    """Header and pixels say the same, and what is known by construction; what was done or left undone is told."""
    wrong = (f"{case.name}: {fault}" for case in everyday(name) for fault in faults(case))
    assert list(itertools.islice(wrong, 10)) == []
