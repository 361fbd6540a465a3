"""The letters of cards and animations."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

SANS, MONO = "DejaVuSans", "DejaVuSansMono"


@lru_cache(maxsize=64)
def font(size: int, name: str = SANS) -> ImageFont.FreeTypeFont:
    """A font that matplotlib brings along, found without importing it; `size` in pixels."""
    package = find_spec("matplotlib")
    assert package is not None
    assert package.origin is not None
    file = Path(package.origin).parent / "mpl-data" / "fonts" / "ttf" / f"{name}.ttf"
    # Pillow's own layout: the other one depends on what else is installed.
    return ImageFont.truetype(file, size, layout_engine=ImageFont.Layout.BASIC)


def shortened(text: str, letters: ImageFont.FreeTypeFont, room: float) -> str:
    """The text, cut so that it is no wider than `room` pixels."""
    if letters.getlength(text) <= room:
        return text
    while text and letters.getlength(text + "…") > room:
        text = text[:-1]
    return text.rstrip() + "…"
