"""What holds for selections, whatever the image."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared.contract.params import parse_params
from shared.formats import Limits
from tests.support.images import encoded
from worker import pipeline
from worker.color.counting import ColorSet
from worker.color.scaling import scale_down
from worker.color.selection import count_selected, select
from worker.decoding.decode import Raster
from worker.progress import Meter

few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)
sides = st.integers(1, 12)


def image(seed: int, height: int, width: int, channels: int = 3) -> NDArray[np.uint8]:
    """Few colours, so that many pixels share one; every third pixel or so is transparent."""
    random = np.random.default_rng(seed)
    pixels = (random.integers(0, 4, (height, width, channels)) * 85).astype(np.uint8)
    if channels == 4:
        pixels[..., 3] = random.choice([0, 1, 128, 255], (height, width))
        pixels[0, 0, 3] = 255
    return pixels


def colors_of(pixels: NDArray[np.uint8], mask: NDArray[np.uint8] | None = None, **params: Any) -> ColorSet:
    given_params = parse_params(params)
    shape = None if mask is None else Raster(mask, "PNG")
    return count_selected(select(Raster(pixels, "PNG"), given_params, shape, Meter()), given_params)


def assert_same(one: ColorSet, other: ColorSet) -> None:
    for name in ("colors", "counts", "first", "index", "shape"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@few
@given(seeds, sides, sides, st.sampled_from([3, 4]))
def test_a_region_of_the_whole_image_is_none(seed: int, height: int, width: int, channels: int) -> None:
    """A box, a polygon or a white mask over all pixels leaves none out."""
    pixels = image(seed, height, width, channels)
    plain = colors_of(pixels)
    corners = [[0, 0], [width, 0], [width, height], [0, height]]
    assert_same(colors_of(pixels, region={"box": [0, 0, width, height]}), plain)
    assert_same(colors_of(pixels, region={"box": [0, 0, 1, 1], "unit": "fraction"}), plain)
    assert_same(colors_of(pixels, region={"polygon": corners}), plain)
    assert_same(colors_of(pixels, np.full((height, width, 3), 255, np.uint8)), plain)


@few
@given(seeds, sides, sides)
def test_no_tolerance_excludes_exactly_that_colour(seed: int, height: int, width: int) -> None:
    """With tolerance 0 one colour is gone, and all others are as they were."""
    pixels = image(seed, height, width)
    plain = colors_of(pixels)
    gone = pixels[height // 2, width // 2]
    rest = colors_of(pixels, exclude=[{"color": "#" + bytes(gone).hex()}])
    others = (plain.colors != gone).any(axis=1)
    np.testing.assert_array_equal(rest.colors, plain.colors[others])
    np.testing.assert_array_equal(rest.counts, plain.counts[others])
    np.testing.assert_array_equal(rest.first, plain.first[others])
    same = (pixels == gone).all(axis=2).ravel()
    assert (rest.index[same] == -1).all()
    np.testing.assert_array_equal(rest.colors[rest.index[~same]], pixels.reshape(-1, 3)[~same])


@few
@given(seeds, sides, sides)
def test_weights_of_opaque_pixels_are_their_counts(seed: int, height: int, width: int) -> None:
    """`weight` on an opaque image gives the very bytes of `ignore`."""
    pixels = np.dstack([image(seed, height, width), np.full((height, width), 255, np.uint8)])
    outcomes = [
        pipeline.run(encoded(pixels), parse_params({"alpha": alpha}), lambda _, __: True, limits=Limits(pixels=1000))
        for alpha in ("ignore", "weight")
    ]
    assert outcomes[0].files == outcomes[1].files
    one, other = (
        outcome.result.model_dump(exclude={"params", "digest", "image", "timings_ms"}) for outcome in outcomes
    )
    assert one == other


@few
@given(seeds, sides, sides)
def test_weights_are_sums_of_alphas(seed: int, height: int, width: int) -> None:
    """A colour weighs what its pixels' alphas add up to, in the unit of the set."""
    pixels = image(seed, height, width, 4)
    colors = colors_of(pixels, alpha="weight")
    assert colors.weights is not None
    for color, weight in zip(colors.colors, colors.weights, strict=True):
        alphas = pixels[(pixels[..., :3] == color).all(axis=2), 3]
        assert weight * 255 == alphas.sum(dtype=np.int64) * colors.units


@few
@given(seeds, sides, sides, st.integers(1, 150))
def test_a_smaller_image_has_the_light_of_the_larger(seed: int, height: int, width: int, most: int) -> None:
    """Scaling keeps the extremes and, to the rounding of a byte, what is of one colour."""
    pixels = image(seed, height, width)
    small = scale_down(pixels, min(most, height * width), Meter())
    assert small.shape[0] * small.shape[1] <= most
    assert (small.min(axis=(0, 1)) >= pixels.min(axis=(0, 1))).all()
    assert (small.max(axis=(0, 1)) <= pixels.max(axis=(0, 1))).all()
