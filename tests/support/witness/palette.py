"""What each entry of a palette says of itself, against its pixels."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.witness.colors import code_of, color, contrast, difference, least_difference, named
from tests.support.witness.measures import near

Floats = NDArray[np.float64]


def check_entry(
    entry: dict[str, Any], rgb: NDArray[np.uint8], places: Floats, coords: Floats, center: Floats | None, names: str
) -> None:
    """An entry against its n pixels: `rgb` u8[n, 3], `places` (x, y) as fractions, `coords` f64[n, 3].

    `center` f64[3] is its centre; None where that is not known.
    """
    check_color(entry, names)
    assert entry["pixels"] == len(rgb)
    if not len(rgb):
        assert [entry[name] for name in ("medoid", "mode", "spread", "position")] == [None] * 4
        return
    codes, first, counts = np.unique([code_of(one) for one in rgb], return_index=True, return_counts=True)
    assert entry["medoid"] in codes
    if center is not None:
        away = dict(zip(codes, np.linalg.norm(coords[first] - center, axis=1), strict=True))
        assert away[entry["medoid"]] == pytest.approx(min(away.values()), abs=1e-9 * max(1, np.abs(coords).max()))
    most = max(counts)
    # Among equals the first in raster order.
    assert entry["mode"] == codes[min(np.flatnonzero(counts == most), key=lambda place: first[place])]
    apart = np.array([difference(code, entry["hex"]) for code in codes])
    assert entry["spread"] == pytest.approx(np.sqrt((counts * apart**2).sum() / counts.sum()), abs=1e-6)
    assert entry["position"] == pytest.approx(places.mean(axis=0).tolist(), abs=1e-12)


def check_color(entry: dict[str, Any], names: str) -> None:
    """What follows from the colour alone."""
    mine = color(entry["hex"])
    assert entry["rgb"] == list(bytes.fromhex(entry["hex"][1:]))
    hue, saturation, lightness = mine.convert("hsl").coords(nans=False)
    grey = len(set(entry["rgb"])) == 1
    assert entry["hsl"] == pytest.approx([0 if grey else hue % 360, 0 if grey else saturation, lightness], abs=1e-9)
    assert entry["lab"] == pytest.approx(mine.convert("lab-d65").coords(), abs=1e-6)
    light, chroma, hue = mine.convert("oklch").coords(nans=False)
    assert entry["oklch"] == pytest.approx([light, 0 if grey else chroma, 0 if grey else hue % 360], abs=1e-6)
    assert entry["name"]["list"] == names
    assert entry["name"]["delta_e"] == pytest.approx(least_difference(entry["hex"], names), abs=1e-6)
    its_own = named(names)[entry["name"]["name"]]
    assert difference(its_own, entry["hex"]) == pytest.approx(entry["name"]["delta_e"], abs=1e-6)
    white, black = contrast(entry["hex"], "#ffffff"), contrast(entry["hex"], "#000000")
    assert entry["contrast"] == pytest.approx({"white": white, "black": black}, abs=1e-9)
    assert entry["text"] == ("#ffffff" if white > black else "#000000")


def check_contrasts(told: list[list[float]] | None, codes: list[str]) -> None:
    """The ratio of each pair, for at most 32 colours."""
    if len(codes) > 32:
        assert told is None
        return
    assert told is not None
    for row, one in zip(told, codes, strict=True):
        assert row == pytest.approx([contrast(one, other) for other in codes], abs=1e-9)


def check_accents(palette: list[dict[str, Any]]) -> None:
    """As docs/algorithms.md has the formula, for at most 256 colours."""
    total = sum(entry["proportion"] for entry in palette)
    shares = {entry["label"]: entry["proportion"] / total for entry in palette}
    left = {entry["label"]: entry for entry in palette}
    apart = {(a, b): difference(left[a]["hex"], left[b]["hex"]) for a in left for b in left}
    scores = {label: _score(label, left[label]["hex"], shares, apart) for label in left}
    nearest = dict.fromkeys(left, np.inf)
    while left:
        lowered = {label: scores[label] * (1 - np.exp(-((nearest[label] / 20) ** 2))) for label in left}
        taken = max(lowered, key=lambda label: lowered[label])
        assert left.pop(taken)["accent"] == near(lowered[taken], abs=1e-6)
        nearest = {label: min(nearest[label], apart[label, taken]) for label in left}


def _score(label: int, code: str, shares: dict[int, float], apart: dict[tuple[int, int], float]) -> float:
    share = shares[label]
    others = [(shares[other], apart[label, other]) for other in shares if other != label and shares[other] > 0]
    weight = sum(part for part, _ in others)
    apart_from_them = sum(part * delta for part, delta in others) / weight if weight else 0.0
    chroma = 0 if len(set(color(code).coords())) == 1 else color(code).convert("oklch")["chroma"]
    parts = chroma / 0.33, min(apart_from_them / 100, 1), share / (share + 0.01) * (1 - share)
    return float(np.prod(parts) ** (1 / 3))
