"""Colour spaces: known colours, the way there and back, standardising."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from shared.contract.params import ColorSpace
from tests.support.images import noise
from worker.color.counting import count_colors
from worker.color.spaces import centers_from_srgb, centers_to_srgb, from_srgb, standardization, to_srgb

SPACES = pytest.mark.parametrize("space", ["rgb", "lab", "oklab"])
PRIMARIES = np.array([[255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0]], np.uint8)


def test_cielab_of_the_primaries() -> None:
    """White, red, green, blue and black have the CIELAB coordinates that follow from D65 = (0.3127, 0.3290)."""
    known = [
        [100, 0, 0],
        [53.2371, 80.0901, 67.2033],
        [87.7355, -86.1816, 83.1866],
        [32.3009, 79.1953, -107.8555],
        [0, 0, 0],
    ]
    np.testing.assert_allclose(from_srgb(PRIMARIES, "lab"), known, atol=1e-4)


def test_oklab_of_the_primaries() -> None:
    """White, red, green, blue and black have the Oklab coordinates of CSS Color 4."""
    known = [
        [1, 0, 0],
        [0.62796, 0.22486, 0.12585],
        [0.86644, -0.23389, 0.17950],
        [0.45201, -0.03246, -0.31153],
        [0, 0, 0],
    ]
    np.testing.assert_allclose(from_srgb(PRIMARIES, "oklab"), known, atol=2e-5)


@SPACES
def test_there_and_back_is_the_identity(space: ColorSpace) -> None:
    """A dense grid of colours and random ones come back as they were."""
    steps = np.append(np.arange(0, 256, 9), [1, 2, 10, 11, 254, 255])
    dense = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3).astype(np.uint8)
    rgb = np.concatenate([dense, noise(200, 200).reshape(-1, 3)])
    np.testing.assert_allclose(to_srgb(from_srgb(rgb, space), space), rgb, atol=1e-9)


@SPACES
def test_bytes_and_floats_have_the_same_coordinates(space: ColorSpace) -> None:
    """The table for bytes holds what the formula gives."""
    rgb = noise(20, 20).reshape(-1, 3)
    np.testing.assert_allclose(from_srgb(rgb, space), from_srgb(rgb.astype(np.float64), space), rtol=1e-13)


@SPACES
def test_a_colour_stands_where_it_stands_in_any_company(space: ColorSpace) -> None:
    """Coordinates do not depend on the other colours of the array, to the last bit."""
    rgb = noise(30, 7).reshape(-1, 3)
    alone = np.concatenate([from_srgb(rgb[i : i + 1], space) for i in range(len(rgb))])
    np.testing.assert_array_equal(from_srgb(rgb, space), alone)


@pytest.mark.parametrize(
    ("space", "outside"), [("rgb", [300, -5, 0]), ("lab", [120, 90, -90]), ("oklab", [0.5, 0.4, 0.4])]
)
def test_colours_outside_of_the_gamut_are_clipped(space: ColorSpace, outside: list[float]) -> None:
    """What no screen can show comes back within 0..255."""
    clipped = to_srgb(np.array([outside], np.float64), space)
    assert ((clipped >= 0) & (clipped <= 255)).all()
    assert np.isclose(clipped, [[0], [255]], atol=1e-9).any()


@SPACES
def test_standardised_points_are_scaled_as_scikit_learn_scales_the_pixels(space: ColorSpace) -> None:
    """Mean and scale are those of StandardScaler on every pixel."""
    colors = count_colors(noise(30, 40) // 30 * 20)
    plain, points = colors.points(space), colors.points(space, standardize=True)
    pixels = np.repeat(plain.coords, plain.weights, axis=0)
    scaler = StandardScaler().fit(pixels)
    assert points.standardization is not None
    np.testing.assert_allclose(points.standardization.mean, scaler.mean_, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(points.standardization.scale, scaler.scale_, rtol=1e-12)
    np.testing.assert_allclose(points.coords, scaler.transform(plain.coords), atol=1e-11)


@SPACES
@pytest.mark.parametrize("color", [(7, 77, 177), (255, 255, 255), (0, 0, 0)])
def test_an_axis_without_variance_is_not_scaled(space: ColorSpace, color: tuple[int, int, int]) -> None:
    """One colour many times: scale 1, coordinates 0, whatever rounding leaves of the variance."""
    points = count_colors(np.full((50, 60, 3), color, np.uint8)).points(space, standardize=True)
    assert points.standardization is not None
    assert (points.standardization.scale == 1).all()
    np.testing.assert_allclose(points.coords, 0, atol=1e-12)


def test_grey_images_are_not_scaled_in_colour() -> None:
    """Rounding noise in a and b of a grey picture is not blown up to unit variance."""
    greys = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(-1, 3)
    coords = from_srgb(greys, "lab")
    coords[:, 1:] = 40 + 1e-14 * np.random.default_rng(0).random((256, 2))
    scale = standardization(coords, np.full(256, 1000)).scale
    assert scale[0] > 10
    assert (scale[1:] == 1).all()


@SPACES
@pytest.mark.parametrize("standardize", [False, True])
def test_centres_find_back_to_srgb(space: ColorSpace, standardize: bool) -> None:
    """sRGB colours, brought into the points' space and back, are themselves."""
    points = count_colors(noise(30, 30) // 2).points(space, standardize)
    rgb = np.random.default_rng(3).uniform(0, 255, (20, 3))
    np.testing.assert_allclose(centers_to_srgb(points, centers_from_srgb(points, rgb)), rgb, atol=1e-9)
    known = count_colors(noise(30, 30) // 2).colors
    np.testing.assert_allclose(centers_to_srgb(points, points.coords), known, atol=1e-9)
