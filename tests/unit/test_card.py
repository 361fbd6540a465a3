"""The card, read from its pixels."""

import subprocess
import sys

import numpy as np
import pytest

from tests.support.images import noise, two_colors
from tests.support.pictures import colors_in, decoded, runs
from worker.color.contrast import luminance, text_on
from worker.progress import Meter
from worker.rendering import card as cards
from worker.rendering.card import BAR_HEIGHT, BAR_TOP, HATCH, HEIGHT, WIDTH, Swatch, card
from worker.rendering.fonts import font, shortened
from worker.rendering.thumbnail import BEHIND, CHECKERS, fitted
from worker.rendering.words import share_text

COUNTS = [0, 1, 2, 5, 12, 13, 24, 25, 100]
PICTURES = {
    "landscape": (40, 60), "portrait": (60, 40), "wide": (20, 90), "square": (50, 50),
    "row": (1, 5000), "column": (5000, 1), "pixel": (1, 1),
}  # fmt: skip


def swatches(count: int, total: float = 1.0, name: str = "lightgoldenrodyellow") -> list[Swatch]:
    """Distinct colours, each half again as large as the next one."""
    random = np.random.default_rng(count)
    rgb = np.unique(random.integers(0, 256, (2 * count, 3), np.uint8), axis=0)
    rgb = random.permutation(rgb)[:count]
    shares = 1.5 ** -np.arange(count, dtype=float)
    shares *= total / max(shares.sum(), 1e-9)
    texts = text_on(luminance(rgb))
    return [
        Swatch("#" + bytes(color).hex(), text, name, share)
        for color, text, share in zip(rgb, texts, shares.tolist(), strict=True)
    ]


def drawn(pixels: np.ndarray, shown: list[Swatch], noise_share: float = 0.0) -> np.ndarray:
    found = decoded(card(pixels, shown, noise_share, "KMeans · 8 colours · rgb"))
    assert found.shape == (HEIGHT, WIDTH, 3)
    return found


def hatched(pixels: np.ndarray) -> bool:
    return colors_in(pixels) == {"#" + bytes(color).hex() for color in HATCH}


@pytest.mark.parametrize("noise_share", [0.0, 0.0004, 0.25])
@pytest.mark.parametrize("count", COUNTS)
def test_the_bar_is_to_scale(count: int, noise_share: float) -> None:
    """Every colour is as wide as its share, to a pixel, without gaps, in order; noise is hatched at the end."""
    shown = swatches(count, 1.0 - noise_share if count else 0.0)
    share = noise_share if count else 1.0
    bar = drawn(two_colors(), shown, share)[BAR_TOP + BAR_HEIGHT // 2]
    edges = WIDTH * np.cumsum([0.0, *(swatch.proportion for swatch in shown)])
    found = {color: (begin, end) for color, begin, end in runs(bar[: round(edges[-1])])} if round(edges[-1]) else {}
    for swatch, begin, end in zip(shown, edges[:-1], edges[1:], strict=True):
        if end - begin < 1:
            continue  # less than a pixel may be none
        assert found[swatch.hex][0] == pytest.approx(begin, abs=0.51)
        assert found[swatch.hex][1] == pytest.approx(end, abs=0.51)
    rest = bar[round(edges[-1]) :][None]
    assert hatched(rest) if rest.shape[1] > 20 else rest.shape[1] <= max(share * WIDTH + 1, 1)


@pytest.mark.parametrize("noise_share", [0.0, 0.25])
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("shape", [(40, 60), (20, 90)], ids=["beside", "below"])
def test_up_to_24_colours_have_a_row_each(shape: tuple[int, int], count: int, noise_share: float) -> None:
    """Each has a swatch with its text in it, above the bar; of more the 23 largest have one; noise is hatched there."""
    shown = swatches(count, 1.0 - noise_share if count else 0.0)
    table = drawn(np.full((*shape, 3), 7, np.uint8), shown, noise_share)[: BAR_TOP - 4]
    places = table.astype(int) @ [1 << 16, 1 << 8, 1]
    for swatch in shown[: count if count <= 24 else 23]:
        y, x = np.nonzero(places == int(swatch.hex[1:], 16))
        patch = table[y.min() : y.max() + 1, x.min() : x.max() + 1]
        assert min(patch.shape[:2]) >= 20
        assert swatch.text in colors_in(patch)
        # Its paper and its ink fill it but for half tones at the letters' edges.
        assert len(y) > 0.6 * patch.shape[0] * patch.shape[1]
    stripes = ((table == HATCH[0]) | (table == HATCH[1])).all(axis=2).sum()
    assert stripes > 1000 if noise_share > 0 else stripes < 200  # some half tones of letters are as grey


def test_swatches_touch_each_other() -> None:
    """Between two rows' swatches there is not a pixel of anything else: gaps change how colours look."""
    shown = swatches(6)
    sheet = drawn(two_colors(), shown)[:BAR_TOP]
    _, x = np.nonzero((sheet == list(bytes.fromhex(shown[0].hex[1:]))).all(axis=2))
    found = [color for color, _, _ in runs(sheet[:, x.min() + 2])]
    first = found.index(shown[0].hex)
    assert found[first : first + 6] == [swatch.hex for swatch in shown]


@pytest.mark.parametrize("shape", PICTURES.values(), ids=PICTURES)
def test_the_picture_is_shown_whole_on_neutral_grey(shape: tuple[int, int]) -> None:
    """A picture of one colour stands in the middle of its box, in its own shape as far as a line can be seen."""
    sheet = drawn(np.full((*shape, 3), (10, 200, 60), np.uint8), swatches(3))
    y, x = np.nonzero((sheet == (10, 200, 60)).all(axis=2))
    height, width = y.max() - y.min() + 1, x.max() - x.min() + 1
    assert len(y) == height * width
    assert min(height, width) >= 24
    if max(shape) < 10 * min(shape):
        assert width / height == pytest.approx(shape[1] / shape[0], rel=0.01)
    box_height = BAR_TOP if shape[1] <= 2.2 * shape[0] else cards.BAND_HEIGHT
    around = sheet[:box_height, : x.max() + 1 + x.min()]
    assert colors_in(around) <= {"#0ac83c", BEHIND}
    assert abs((y.min() + y.max() + 1) - box_height) <= 1


def test_a_picture_keeps_its_parts_in_place() -> None:
    """Red at the left, blue at the right, green below: so it is on the card."""
    pixels = np.zeros((300, 300, 3), np.uint8)
    pixels[:150, :150] = (255, 0, 0)
    pixels[:150, 150:] = (0, 0, 255)
    pixels[150:] = (0, 255, 0)
    sheet = drawn(pixels, swatches(3))
    middle = {tuple(color): (y.mean(), x.mean()) for color in ((255, 0, 0), (0, 0, 255), (0, 255, 0))
              for y, x in [np.nonzero((sheet == color).all(axis=2))]}  # fmt: skip
    assert middle[255, 0, 0][1] < middle[0, 0, 255][1]
    assert middle[255, 0, 0][0] == middle[0, 0, 255][0] < middle[0, 255, 0][0]


def test_what_is_transparent_shows_a_checkerboard() -> None:
    """Of a half transparent picture the one half is its colour, the other squares of white and light grey."""
    pixels = np.full((40, 40, 4), (200, 30, 30, 255), np.uint8)
    pixels[:, 20:, 3] = 0
    sheet = drawn(pixels, swatches(2))
    y, x = np.nonzero((sheet == (200, 30, 30)).all(axis=2))
    clear = sheet[y.min() : y.max() + 1, x.max() + 20 : x.max() + 200]
    assert colors_in(clear) == {"#" + bytes(color).hex() for color in CHECKERS}
    assert len(runs(clear[0])) > 5


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (200, 300), (900, 1400), (2, 3000), (3000, 2)])
def test_a_picture_fits_into_its_box(shape: tuple[int, int], channels: int) -> None:
    """No side is longer than the box's, one is as long, none is below 24 pixels."""
    found = fitted(noise(*shape, channels=channels), 600, 500, Meter(threads=1))
    assert found.width == 600 or found.height == 500
    assert 24 <= found.width <= 600
    assert 24 <= found.height <= 500
    assert found.mode == ("RGB" if channels == 3 else "RGBA")


def test_a_small_picture_is_averaged_in_light() -> None:
    """A fine checkerboard of black and white looks as light as it is: #bcbcbc, not #808080."""
    checkers = np.where(np.indices((2000, 2000)).sum(axis=0)[..., None] % 2, 255, 0).astype(np.uint8).repeat(3, 2)
    assert set(np.unique(np.asarray(fitted(checkers, 500, 500, Meter(threads=1))))) == {188}


def test_equal_values_give_equal_bytes() -> None:
    """Here, on another number of threads, and in another process."""
    program = (
        "import sys; from tests.unit.test_card import card, noise, swatches;"
        "sys.stdout.buffer.write(card(noise(900, 700), swatches(9, 0.9), 0.1, 'caption'))"
    )
    elsewhere = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout
    assert elsewhere == card(noise(900, 700), swatches(9, 0.9), 0.1, "caption")
    assert elsewhere == card(noise(900, 700), swatches(9, 0.9), 0.1, "caption", Meter(threads=1))


@pytest.mark.parametrize(
    ("proportion", "text"),
    [(0, "0.0 %"), (1e-9, "< 0.1 %"), (0.00099, "< 0.1 %"), (0.001, "0.1 %"), (0.0456, "4.6 %"), (1, "100.0 %")],
)
def test_shares_have_one_decimal(proportion: float, text: str) -> None:
    """What is smaller than that is said in words."""
    assert share_text(proportion) == text


def test_names_are_cut_only_where_there_is_no_room() -> None:
    """A text that fits stays as it is; a longer one ends with three dots, and fits."""
    letters = font(20)
    assert shortened("mediumaquamarine", letters, 1000) == "mediumaquamarine"
    for room in (20, 60, 100, 150):
        cut = shortened("mediumaquamarine", letters, room)
        assert cut.endswith("…")
        assert letters.getlength(cut) <= room
    assert shortened("", letters, 5) == ""
