"""Error diffusion against a plain one, and what must hold for any."""

import numpy as np
import pytest
from PIL import Image

from tests.support.images import noise, photograph
from tests.support.pictures import colors_in, decoded
from worker.kernels.painting import CELLS, ONE, STEP_BITS
from worker.progress import Meter, Stopped
from worker.rendering.painting import Painting, listed

RANDOM = np.random.default_rng(5)
PALETTES = {
    "black and white": [[0, 0, 0], [255, 255, 255]],
    "one": [[90, 100, 200]],
    "equal ones": [[200, 0, 0], [0, 0, 0], [200, 0, 0], [0, 0, 0], [255, 255, 255]],
    "random": RANDOM.integers(0, 256, (8, 3)).tolist(),
    "many": RANDOM.integers(0, 256, (256, 3)).tolist(),
    "dark": RANDOM.integers(0, 9, (40, 3)).tolist(),
}


def light_of(byte: int) -> int:
    """sRGB's curve as IEC 61966-2-1 has it, in parts of 2^24."""
    value = byte / 255
    light = value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
    return round(light * (1 << 24))


def plainly_diffused(pixels: np.ndarray, labels: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Floyd and Steinberg, every other row backwards, pixel for pixel, in Python's whole numbers."""
    height, width = labels.shape
    lights = [[light_of(int(value)) for value in color] for color in palette]
    given = {}  # sixteenths of errors, by place
    out = labels.copy()
    for y in range(height):
        ahead = 1 if y % 2 == 0 else -1
        for x in range(width)[::ahead]:
            if labels[y, x] < 0:
                continue
            taken = given.get((y, x), [0, 0, 0])
            wanted = [
                min(max(light_of(int(value)) + sixteenths // 16, 0), 1 << 24)
                for value, sixteenths in zip(pixels[y, x, :3], taken, strict=True)
            ]
            distances = [sum((a - b) ** 2 for a, b in zip(wanted, light, strict=True)) for light in lights]
            out[y, x] = distances.index(min(distances))
            error = [a - b for a, b in zip(wanted, lights[out[y, x]], strict=True)]
            for place, share in (
                ((y, x + ahead), 7), ((y + 1, x - ahead), 3), ((y + 1, x), 5), ((y + 1, x + ahead), 1),
            ):  # fmt: skip
                before = given.setdefault(place, [0, 0, 0])
                given[place] = [a + share * e for a, e in zip(before, error, strict=True)]
    return out


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("name", PALETTES)
def test_pixels_are_those_of_a_plain_error_diffusion(name: str, channels: int) -> None:
    """Random and smooth pictures, with pixels that have no cluster, in palettes of every kind."""
    palette = np.array(PALETTES[name], np.uint8)
    smooth = (np.indices((19, 31)).sum(axis=0)[..., None] * [5, 3, 1]).astype(np.uint8)
    for pixels in (noise(19, 31, channels=channels), np.dstack([smooth] + [smooth[..., :1]] * (channels - 3))):
        labels = np.where(np.random.default_rng(1).random((19, 31)) < 0.2, -1, 0).astype(np.int16)
        labels[3, :9] = -2
        for map_ in (labels, np.zeros((19, 31), np.int16)):
            found = Painting(map_, pixels, palette).dithered(Meter(threads=1)).labels
            np.testing.assert_array_equal(found, plainly_diffused(pixels, map_, palette))


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1)])
def test_narrow_pictures_are_diffused_too(shape: tuple[int, int]) -> None:
    """A pixel, a row, a column: what is given beyond the border is lost."""
    palette = np.array(PALETTES["random"], np.uint8)
    pixels, labels = noise(*shape), np.zeros(shape, np.int16)
    found = Painting(labels, pixels, palette).dithered(Meter(threads=1)).labels
    np.testing.assert_array_equal(found, plainly_diffused(pixels, labels, palette))


@pytest.mark.parametrize("grey", [10, 60, 128, 188, 250])
def test_a_grey_of_black_and_white_has_as_much_light(grey: int) -> None:
    """The mean light of a flat grey is kept to what the borders lose: less than half a pixel a pixel of the border."""
    side = 200
    pixels = np.full((side, side, 3), grey, np.uint8)
    palette = np.array([[0, 0, 0], [255, 255, 255]], np.uint8)
    found = Painting(np.zeros((side, side), np.int16), pixels, palette).dithered(Meter(threads=1)).labels
    lost = abs(found.sum() - side**2 * light_of(grey) / ONE)
    assert lost < 0.5 * 4 * side
    assert 0 < found.mean() < 1


def test_a_photograph_keeps_its_colours_on_average() -> None:
    """Mixed of eight far colours, each part of 61 x 64 pixels has the photograph's mean light to 3 %; rounded not."""
    pixels = np.asarray(Image.open(photograph("china.jpg")))
    palette = np.array([[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)], np.uint8)
    lights = np.array([light_of(value) for value in range(256)]) / ONE
    plain = Painting((pixels >= 128) @ np.array([4, 2, 1], np.int16), pixels, palette)
    mixed = plain.dithered(Meter(threads=1))

    def means(shown: np.ndarray) -> np.ndarray:
        return lights[shown].reshape(7, 61, 10, 64, 3).mean(axis=(1, 3))

    assert np.abs(means(mixed.pixels()) - means(pixels)).max() < 0.03
    assert np.abs(means(plain.pixels()) - means(pixels)).max() > 0.1


def test_only_the_palettes_colours_are_left() -> None:
    """A dithered file holds the palette's colours, what is not clustered keeps its own, alpha stays."""
    palette = np.array(PALETTES["random"], np.uint8)
    pixels = noise(60, 70, channels=4)
    labels = np.zeros((60, 70), np.int16)
    labels[10:20, 10:20] = -1
    made = Painting(labels, pixels, palette).dithered(Meter(threads=1))
    shown = decoded(made.png(threads=1))
    assert colors_in(shown[labels >= 0][None]) <= {"#" + bytes(color).hex() for color in palette}
    np.testing.assert_array_equal(shown[labels < 0], pixels[labels < 0])
    np.testing.assert_array_equal(shown[..., 3], pixels[..., 3])


def test_nothing_is_mixed_where_there_is_no_cluster() -> None:
    """A picture that is all noise stays as it is."""
    made = Painting(np.full((5, 5), -1, np.int16), noise(5, 5), np.empty((0, 3), np.uint8))
    np.testing.assert_array_equal(made.dithered(Meter()).pixels(), made.base)


def test_mixing_can_be_stopped() -> None:
    """A report that says no ends it."""
    labels = np.zeros((4000, 4000), np.int16)
    made = Painting(labels, np.zeros((4000, 4000, 3), np.uint8), np.array(PALETTES["many"], np.uint8))
    with pytest.raises(Stopped):
        made.dithered(Meter(lambda _: False))


def hostile() -> dict[str, np.ndarray]:
    """Palettes i32[k, 3] in linear light that are hard to part into cells."""
    random = np.random.default_rng(3)
    bounds = (4 * np.arange(CELLS + 1) ** 2 << STEP_BITS).astype(np.int32)
    turn = random.normal(size=(300, 3))
    return {
        "random": random.integers(0, ONE + 1, (200, 3)),
        "one": random.integers(0, ONE + 1, (1, 3)),
        "on borders": random.choice(bounds, (150, 3)),
        "equal": random.integers(0, 3, (200, 3)) * (ONE // 2),
        "dark": random.integers(0, ONE // 4096, (300, 3)),
        "in a corner and far from it": np.concatenate([random.integers(0, 40, (100, 3)), [[ONE, ONE, ONE]]]),
        "on a sphere": np.rint(ONE // 2 + ONE // 3 * turn / np.linalg.norm(turn, axis=1, keepdims=True)),
        "grey": np.arange(0, ONE + 1, ONE // 64)[:, None].repeat(3, axis=1),
    }


@pytest.mark.parametrize("name", hostile())
def test_a_cell_lists_every_colour_that_can_be_nearest(name: str) -> None:
    """Of light anywhere, on the cells' borders too, the first of the nearest colours is among its cell's."""
    palette = hostile()[name].astype(np.int32)
    cells = listed(palette)
    random = np.random.default_rng(4)
    bounds = (4 * np.arange(CELLS + 1) ** 2 << STEP_BITS).astype(np.int64)
    light = np.concatenate(
        [
            random.integers(0, ONE + 1, (6000, 3)),
            random.integers(0, ONE // 2000, (2000, 3)),
            np.clip(random.choice(bounds, (6000, 3)) + random.integers(-1, 2, (6000, 3)), 0, ONE),
        ]
    )
    axes = np.minimum(np.searchsorted(bounds, light, side="right") - 1, CELLS - 1)
    cell = axes @ [1, CELLS, CELLS**2]
    nearest = np.array([np.square(palette - place).sum(axis=1).argmin() for place in light])
    for place, entry in zip(cell.tolist(), nearest.tolist(), strict=True):
        entries = cells.entries[cells.begin[place] : cells.begin[place + 1]]
        assert entry in entries
        assert (np.diff(entries) > 0).all()


def test_many_colours_close_to_each_other_need_no_more_memory_than_there_is() -> None:
    """64,000 dark colours, which all are about as far from a bright cell: some dozens of them are listed for a cell."""
    dark = np.indices((40, 40, 40)).reshape(3, -1).T.astype(np.uint8)
    cells = listed(np.array([light_of(value) for value in range(40)], np.int32)[dark])
    assert len(cells.entries) < 100 * CELLS**3
    assert cells.begin[-1] == len(cells.entries)


def test_light_is_mixed_and_not_encoded_values() -> None:
    """Half of the dots are white at 188, where half of the light is; Pillow, mixing encoded values, has that at 128."""
    ramp = np.linspace(0, 255, 256).astype(np.uint8)[None, :, None].repeat(64, 0).repeat(3, 2)
    theirs = np.asarray(Image.fromarray(ramp).convert("1")).mean(axis=0)
    made = Painting(np.zeros((64, 256), np.int16), ramp, np.array([[0, 0, 0], [255, 255, 255]], np.uint8))
    ours = made.dithered(Meter(threads=1)).labels.mean(axis=0)
    assert abs(theirs[120:136].mean() - 0.5) < 0.05
    assert abs(ours[180:196].mean() - 0.5) < 0.05
