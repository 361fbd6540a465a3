"""Counting colours, and label maps of pixels."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from shared.contract.errors import NothingToCluster
from tests.support.images import noise
from worker.color.counting import ColorSet, count_colors


def assert_counts(pixels: np.ndarray, colors: ColorSet) -> None:
    """Compare with numpy's unique on packed keys."""
    keys = pixels[..., :3].astype(np.int64) @ [1 << 16, 1 << 8, 1]
    flat = keys.ravel()
    kept = np.ones(flat.shape, bool) if pixels.shape[2] == 3 else pixels[..., 3].ravel() > 0
    unique, first, inverse, counts = np.unique(flat[kept], return_index=True, return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(colors.colors.astype(np.int64) @ [1 << 16, 1 << 8, 1], unique)
    np.testing.assert_array_equal(colors.counts, counts)
    np.testing.assert_array_equal(colors.first, np.flatnonzero(kept)[first])
    np.testing.assert_array_equal(colors.index[kept], inverse)
    assert (colors.index[~kept] == -1).all()
    assert colors.shape == pixels.shape[:2]
    assert colors.pixels == kept.sum()


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (700, 1600)])
def test_colours_are_counted_in_ascending_order(shape: tuple[int, int], channels: int) -> None:
    """Colours, counts, first places and index are numpy's unique; pixels of alpha 0 are left out."""
    pixels = noise(*shape, channels=channels) // 8
    assert_counts(pixels, count_colors(pixels))


def test_the_number_of_threads_changes_nothing() -> None:
    """One thread and two count the same, and leave their tables clean for the next image."""
    pixels = noise(1100, 1000) // 5
    one, two = count_colors(pixels, threads=1), count_colors(pixels, threads=2)
    for name in ("colors", "counts", "first", "index"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert_counts(pixels[:20], count_colors(pixels[:20]))


def test_images_can_be_counted_at_the_same_time() -> None:
    """Calls from several threads never share a table."""
    images = [noise(300, 300, seed) // 3 for seed in range(12)]
    with ThreadPoolExecutor(4) as pool:
        for pixels, colors in zip(images, pool.map(count_colors, images), strict=True):
            assert_counts(pixels, colors)


def test_any_memory_layout_is_read_right() -> None:
    """Views with strides, reversed axes and Fortran order count as what they show."""
    pixels = noise(40, 30, channels=4)
    for view in (pixels[::2, ::3], pixels[::-1, :, :3], np.asfortranarray(pixels), pixels.transpose(1, 0, 2)):
        assert_counts(view, count_colors(view))


def test_a_transparent_pixel_of_a_colour_that_shows_elsewhere_is_left_out() -> None:
    """Of two pixels of one colour the transparent one has no label, however few pixels there are."""
    colors = count_colors(np.array([[[1, 2, 3, 255], [1, 2, 3, 0]]], np.uint8))
    assert colors.label_map(np.array([7], np.int16)).tolist() == [[7, -2]]


def test_an_image_without_visible_pixels_has_no_points() -> None:
    """All transparent: an empty set whose pixels are all excluded, and only its points complain."""
    colors = count_colors(np.zeros((4, 5, 4), np.uint8))
    assert (len(colors), colors.pixels) == (0, 0)
    assert (colors.label_map(np.zeros(0, np.int32)) == -2).all()
    assert (colors.index == -1).all()
    with pytest.raises(NothingToCluster):
        colors.points()


@pytest.mark.parametrize("pixels", [np.zeros((2, 2, 3)), np.zeros((2, 2), np.uint8), np.zeros((2, 2, 2), np.uint8)])
def test_other_arrays_are_refused(pixels: np.ndarray) -> None:
    """Only uint8 with three or four channels is an image here."""
    with pytest.raises(ValueError, match="uint8"):
        count_colors(pixels)


def test_points_are_the_colours_with_their_counts() -> None:
    """Points keep the order, the counts and the first places of the colours, and nobody can write to either."""
    colors = count_colors(noise(20, 20) // 16)
    points = colors.points()
    np.testing.assert_array_equal(points.coords, colors.colors)
    np.testing.assert_array_equal(points.weights, colors.counts)
    np.testing.assert_array_equal(points.first, colors.first)
    for array in (colors.colors, colors.counts, colors.first, colors.index, points.coords):
        assert not array.flags.writeable


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_label_map_looks_each_pixel_up(dtype: type, threads: int) -> None:
    """Each pixel gets its colour's label, noise stays -1, and pixels left out get -2."""
    colors = count_colors(noise(1000, 1600, channels=4) // 64)
    labels = np.random.default_rng(1).integers(-1, 9, len(colors)).astype(dtype)
    found = colors.label_map(labels, threads)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.where(colors.index < 0, -2, labels[colors.index]).reshape(1000, 1600))


@pytest.mark.parametrize("copies", [254, 255, 256, 509, 510, 511, 1_200_000])
def test_colours_of_many_pixels_are_counted_to_the_last(copies: int) -> None:
    """The table's entries hold 255: a colour is counted right just below that, at it, above it, and far above."""
    pixels = np.concatenate([np.zeros((copies, 3)), np.ones((3, 3)), np.full((copies, 3), 9)]).astype(np.uint8)
    assert_counts(pixels[None], count_colors(pixels[None]))
