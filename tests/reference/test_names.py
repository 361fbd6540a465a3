"""Names of colours against others' lists and an independent library's differences."""

import numpy as np
import pytest
from coloraide import Color
from matplotlib.colors import CSS4_COLORS, XKCD_COLORS
from PIL import ImageColor

from worker.color import names
from worker.color.difference import ciede2000
from worker.color.spaces import from_srgb

# Of both lists matplotlib's; coloraide's has two of CSS's colours wrong (mediumpurple and palevioletred, in 8.13).
CSS = {name: tuple(bytes.fromhex(color[1:])) for name, color in CSS4_COLORS.items()}
XKCD = {name.removeprefix("xkcd:"): tuple(bytes.fromhex(color[1:])) for name, color in XKCD_COLORS.items()}
LISTS = {"css": CSS, "xkcd": XKCD}


@pytest.mark.parametrize(("list_name", "size"), [("css", 148), ("xkcd", 949)])
def test_a_listed_colour_has_its_own_name(list_name: str, size: int) -> None:
    """Each colour of a list, at a difference of 0; of two names for one colour the one that stands first."""
    known = LISTS[list_name]
    assert len(known) == size
    first_of = {rgb: name for name, rgb in reversed(known.items())}
    found = names.nearest(np.array(list(known.values()), np.uint8), list_name)
    assert [named.name for named in found] == [first_of[rgb] for rgb in known.values()]
    assert {named.delta_e for named in found} == {0.0}


@pytest.mark.parametrize(("list_name", "count"), [("css", 40), ("xkcd", 6)])
def test_names_are_the_nearest_ones_by_coloraides_ciede2000(list_name: str, count: int) -> None:
    """Random colours have the name that coloraide finds nearest among all of the list, at its difference."""
    random = np.random.default_rng(3)
    known = {name: Color("srgb", [value / 255 for value in rgb]) for name, rgb in LISTS[list_name].items()}
    rgb = random.integers(0, 256, (count, 3), np.uint8)
    for color, named in zip(rgb, names.nearest(rgb, list_name), strict=True):
        sample = Color("srgb", (color / 255).tolist())
        least = min(sample.delta_e(other, method="2000") for other in known.values())
        assert named.delta_e == pytest.approx(least, abs=1e-6)
        assert sample.delta_e(known[named.name], method="2000") == pytest.approx(least, abs=1e-6)


@pytest.mark.parametrize("list_name", LISTS)
def test_the_search_passes_no_nearer_name_over(list_name: str) -> None:
    """Of all lightnesses, greys and vivid colours: what every listed colour's difference says, each one computed."""
    random = np.random.default_rng(4)
    greys = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(-1, 3)
    corners = (np.indices((2, 2, 2)).reshape(3, -1).T * 255).astype(np.uint8)
    rgb = np.concatenate([random.integers(0, 256, (2000, 3), np.uint8), greys, corners])
    listed = from_srgb(np.array(list(dict.fromkeys(LISTS[list_name].values())), np.uint8), "lab")
    least = np.min([ciede2000(from_srgb(rgb, "lab"), other) for other in listed], axis=0)
    found = names.nearest(rgb, list_name)
    np.testing.assert_allclose([named.delta_e for named in found], least, rtol=0, atol=1e-12)


@pytest.mark.parametrize("list_name", LISTS)
def test_the_other_colours_change_no_name(list_name: str) -> None:
    """65,536 colours at once have the names that some of them have alone; no colours have none."""
    rgb = np.random.default_rng(5).integers(0, 256, (65_536, 3), np.uint8)
    many = names.nearest(rgb, list_name)
    assert len(many) == len(rgb)
    for i in range(0, len(rgb), 4096):
        assert names.nearest(rgb[i : i + 1], list_name) == [many[i]]
    assert names.nearest(np.empty((0, 3), np.uint8), list_name) == []


def test_names_do_not_depend_on_what_pillow_was_asked_before() -> None:
    """Pillow keeps the colours that it has read in the table that the names come from, as other values."""
    names._load.cache_clear()
    for name in ("tomato", "cyan", "rebeccapurple"):
        ImageColor.getrgb(name)
    rgb = np.array([CSS["tomato"], CSS["cyan"], CSS["rebeccapurple"]], np.uint8)
    assert [named.name for named in names.nearest(rgb, "css")] == ["tomato", "aqua", "rebeccapurple"]
