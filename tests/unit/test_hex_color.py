"""Colours as text."""

import re

import pytest

from shared.contract.hex_color import HEX, hex_of_rgb, rgb_of_hex


@pytest.mark.parametrize(
    ("text", "rgb"), [("#000000", (0, 0, 0)), ("#0a80ff", (10, 128, 255)), ("#ffffff", (255, 255, 255))]
)
def test_colours_are_written_as_they_are_read(text: str, rgb: tuple[int, int, int]) -> None:
    """Six digits, two for each of red, green and blue; large ones are read as well."""
    assert re.fullmatch(HEX, text)
    assert hex_of_rgb(rgb) == text
    assert rgb_of_hex(text) == rgb_of_hex(text.upper()) == rgb
