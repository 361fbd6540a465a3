"""The palette as SVG, as Chromium draws it."""

from collections.abc import Iterator

import numpy as np
import pytest

from api.palette.svg import BAR_HEIGHT, ROW_HEIGHT, TEXT_WIDTH, WIDTH, to_svg
from api.palette.swatches import from_result
from tests.conftest import require
from tests.support.chromium import Chromium, chromium
from tests.support.pictures import runs
from tests.unit.test_palette_files import HEXES, NAMES, SHARES, result

TITLE = 'photo <i>&amp; "größe" \U0001f308.png'


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    require("chromium")
    with chromium() as running:
        yield running


def drawn(browser: Chromium, names: list[str], hexes: list[str], shares: list[float]) -> np.ndarray:
    """The picture, u8[h, w, 4]."""
    seen = browser.sees(to_svg(from_result(result(names, hexes, shares), TITLE)), "SVG")
    assert seen is not None
    return seen


def test_the_bar_is_to_scale_and_in_the_colours(browser: Chromium) -> None:
    """Along the top: each colour from where the one before ended, to a pixel; then the hatching of the noise."""
    seen = drawn(browser, NAMES, HEXES, SHARES)
    wide = [color for color, share in zip(HEXES, SHARES, strict=True) if share * WIDTH >= 2]
    found = [run for run in runs(seen[3, :, :3]) if run[0] in wide]
    assert [color for color, _, _ in found] == wide
    ends = np.cumsum(SHARES) * WIDTH
    for color, begin, end in found:
        place = HEXES.index(color)
        assert abs(end - ends[place]) <= 1
        assert abs(begin - (ends[place - 1] if place else 0)) <= 1
    noise = seen[3, round(ends[-1]) + 2 :, :3]
    assert noise.size
    assert (np.ptp(noise, axis=1) == 0).all(), "greys"
    assert set(np.unique(noise)) >= {0x80, 0xB0}
    assert (seen[..., 3] == 255).all()


def test_what_is_written_is_seen_and_stays_in_its_part(browser: Chromium) -> None:
    """Hex and share stand in each part that has room for them, in the ink of the result, and touch no neighbour."""
    shares = [0.4, 0.2, 0.1, 0.08, 0.07, 0.06, 0.04]  # of which the last three are too narrow
    seen = drawn(browser, NAMES, HEXES, shares)
    edges = [0.0, *np.cumsum(shares) * WIDTH]
    palette = from_result(result(NAMES, HEXES, shares), TITLE).colors
    for color, begin, end in zip(palette, edges[:-1], edges[1:], strict=True):
        part = seen[:BAR_HEIGHT, int(np.ceil(begin)) + 1 : int(end) - 1, :3]
        fill, ink = (list(bytes.fromhex(code[1:])) for code in (color.hex, color.text))
        inked = (part != fill).any(axis=2)
        if end - begin < 90:
            assert not inked.any()
            continue
        for baseline in (BAR_HEIGHT - 34, BAR_HEIGHT - 14):
            assert (part[baseline - 12 : baseline] == ink).all(axis=2).any()
        assert not inked[:, -4:].any()


@pytest.mark.parametrize("count", [1, 5, 24, 100])
def test_narrow_parts_are_listed_below(browser: Chromium, count: int) -> None:
    """A row each with its swatch, for up to 24 of them, dark on white, and one that tells of the rest; the picture is
    no higher than they need.
    """
    hexes = [f"#{40 + 2 * i:02x}{200 - i:02x}80" for i in range(count)]
    seen = drawn(browser, ["teal"] * count, hexes, [0.5 / count] * count)
    rows = min(count, 24) if 0.5 / count * WIDTH < TEXT_WIDTH else 0
    all_rows = rows + (count > 24)
    assert seen.shape[:2] == (BAR_HEIGHT + (ROW_HEIGHT * all_rows + 12 if rows else 0), WIDTH)
    told = to_svg(from_result(result(["teal"] * count, hexes, [0.5 / count] * count), TITLE)).decode()
    assert (">76 more · 38.0 %<" in told) == (count == 100)
    if all_rows > rows:
        last = seen[BAR_HEIGHT + 8 + ROW_HEIGHT * rows :]
        assert (last[:, :20, :3] == 255).all(), "no swatch"
        assert (last[:20, 30:300, :3].max(axis=2) < 100).any(), "text"
    for row in range(rows):
        top = BAR_HEIGHT + 8 + ROW_HEIGHT * row
        assert (seen[top + 2 : top + 18, 2:18, :3] == list(bytes.fromhex(hexes[row][1:]))).all()
        assert (seen[top : top + 20, 30:300, :3].max(axis=2) < 100).any(), "text"
        assert (seen[top : top + 20, 600:, :3] == 255).all()


def test_a_white_swatch_is_seen(browser: Chromium) -> None:
    """The swatch of a row has an edge, and so is seen where it is as white as what it lies on."""
    seen = drawn(browser, ["white"], ["#ffffff"], [0.01])
    top = BAR_HEIGHT + 8
    edge = np.concatenate([seen[top, :20, :3], seen[top + 19, :20, :3], seen[top : top + 20, 0, :3]])
    assert (edge < 0xC0).all()


def test_no_colour_is_a_picture_too(browser: Chromium) -> None:
    """All noise: the hatching alone."""
    seen = drawn(browser, [], [], [])
    assert seen.shape == (BAR_HEIGHT, WIDTH, 4)
    assert set(np.unique(seen[..., :3])) >= {0x80, 0xB0}
