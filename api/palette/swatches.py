"""What every palette format is made of: named colours with their shares, read off a result's `palette`."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_NO_LETTER_OR_DIGIT = re.compile(r"[^a-z0-9]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
MAX_TITLE_CHARACTERS = 100


class Swatch(NamedTuple):
    """One colour of a palette."""

    name: str
    """For people; no other swatch of the palette has it."""
    slug: str
    """The name in [a-z0-9-], for programs; no other swatch of the palette has it."""
    hex: str
    rgb: tuple[int, int, int]
    text: str
    """Black or white as hex, whichever is legible on the colour."""
    proportion: float
    pixels: int


class Swatches(NamedTuple):
    """A palette, in the order of its labels."""

    title: str
    colors: tuple[Swatch, ...]
    noise: float
    """Share of the pixels that belong to no cluster."""


def from_result(result: Mapping[str, Any], title: str) -> Swatches:
    """The palette of a result as it is stored; `title` is mostly its image's name."""
    entries: Sequence[Mapping[str, Any]] = result["palette"]
    names = list(_unique(entry["name"]["name"] for entry in entries))
    slugs = list(_unique((_slug(name) for name in names), "-"))
    colors = tuple(
        Swatch(name, slug, entry["hex"], tuple(entry["rgb"]), entry["text"], entry["proportion"], entry["pixels"])
        for name, slug, entry in zip(names, slugs, entries, strict=True)
    )
    return Swatches(_line(title), colors, result["noise"]["proportion"])


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower().replace("'", "")).encode("ascii", "ignore").decode()
    return _NO_LETTER_OR_DIGIT.sub("-", plain).strip("-") or "color"


def _unique(names: Iterator[str], separator: str = " ") -> Iterator[str]:
    """The names; those that have come before get the least number that makes them new."""
    taken: set[str] = set()
    next_number: dict[str, int] = {}
    for name in names:
        found, number = name, next_number.get(name, 2)
        while found in taken:
            found, number = f"{name}{separator}{number}", number + 1
        next_number[name] = number
        taken.add(found)
        yield found


def _line(text: str) -> str:
    """The text as one line that no format stumbles over."""
    return _CONTROL.sub(" ", text).strip()[:MAX_TITLE_CHARACTERS] or "palette"
