"""Label maps as pictures: recoloured, side by side, masks."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.images import noise
from tests.support.pictures import check_pngs, decoded
from worker.rendering import png
from worker.rendering.masks import MOST_MASKS, masks
from worker.rendering.painting import NOISE_GREY, Painting
from worker.rendering.side_by_side import side_by_side

SHAPES = [(1, 1), (1, 5000), (5000, 1), (37, 53)]
# Clusters, and the smallest label that there is: all noise, noise, left out, none of both.
KINDS = [(0, -1), (0, -2), (1, 0), (2, -1), (8, -2), (255, -1), (256, 0), (300, -2), (40_000, -2)]


def painting(shape: tuple[int, int], clusters: int, lowest: int, channels: int, grey: bool = False) -> Painting:
    """Random labels from `lowest` on, a random image and a random palette."""
    random = np.random.default_rng(clusters)
    dtype = np.int16 if clusters < 32_768 else np.int32
    labels = random.integers(lowest, max(clusters, lowest + 1), shape).astype(dtype)
    palette = random.integers(0, 256, (clusters, 3), np.uint8)
    return Painting(labels, noise(*shape, channels=channels), palette, grey)


def painted(made: Painting) -> np.ndarray:
    """What numpy makes of it."""
    seen = np.array(made.base)
    seen[made.labels >= 0, :3] = made.palette[made.labels[made.labels >= 0]]
    if made.grey_noise:
        seen[made.labels == -1, :3] = NOISE_GREY
    return seen


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("clusters", "lowest"), KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_pixel_has_its_clusters_colour(
    shape: tuple[int, int], clusters: int, lowest: int, channels: int, grey: bool
) -> None:
    """Noise is kept or grey, pixels left out are kept, alpha is kept, and so it stands in the file."""
    made = painting(shape, clusters, lowest, channels, grey)
    expected = painted(made)
    np.testing.assert_array_equal(made.pixels(), expected)
    data = made.png(threads=1)
    np.testing.assert_array_equal(decoded(data, "RGB" if channels == 3 else "RGBA"), expected)


def test_few_colours_make_a_small_file() -> None:
    """Without alpha and pixels of their own colours a painting is indexed: its file holds labels, not colours."""
    for clusters, grey, lowest, indexed in ((255, False, 0, True), (8, True, -1, True), (8, False, -1, False)):
        made = painting((40, 40), clusters, lowest, 3, grey)
        assert (decoded(made.png(1)).ndim == 2) == indexed
    assert decoded(painting((40, 40), 256, 0, 3).png(1)).ndim == 3


@pytest.mark.parametrize("channels", [3, 4])
def test_bands_and_threads_change_no_pixel(channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the rows are parted, and on however many threads, the same bytes; in other bands the same pixels."""
    made = painting((37, 53), 8, -2, channels)
    files = []
    for band in (1, 500, 1000, 1 << 20):
        monkeypatch.setattr(png, "BAND_BYTES", band)
        files.append(made.png(threads=1))
        assert made.png(threads=4) == files[-1]
        np.testing.assert_array_equal(decoded(files[-1]), painted(made))
    check_pngs(files, tmp_path)


def test_what_is_painted_cannot_be_changed() -> None:
    """Labels and image are read-only in the record, and stay as they were outside of it."""
    labels, base = np.zeros((2, 2), np.int16), noise(2, 2)
    made = Painting(labels, base, np.zeros((1, 3), np.uint8))
    with pytest.raises(ValueError, match="read-only"):
        made.labels[0, 0] = 1
    assert labels.flags.writeable
    assert base.flags.writeable


@pytest.mark.parametrize(
    ("labels", "base"), [((5, 6), (5, 7, 3)), ((5, 6), (6, 5, 4)), ((5, 6), (5, 6, 2)), ((5,), (5, 6, 3))]
)
def test_labels_are_of_the_images_size(labels: tuple[int, ...], base: tuple[int, ...]) -> None:
    """A label map of another shape is refused: kernels would read beyond it."""
    with pytest.raises(ValueError, match="got"):
        Painting(np.zeros(labels, np.int16), np.zeros(base, np.uint8), np.zeros((1, 3), np.uint8))


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("shape", [(1, 1), (10, 20), (10, 21), (21, 10), (1, 300), (300, 1)])
def test_the_original_stands_beside_the_painting(
    shape: tuple[int, int], channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left and right, or above and below where the picture is more than twice as wide as high; in any bands."""
    made = painting(shape, 5, -2, channels)
    stacked = shape[1] > 2 * shape[0]
    expected = np.concatenate([made.base, painted(made)], axis=0 if stacked else 1)
    files = []
    for band in (1, 1000, 1 << 20):
        monkeypatch.setattr(png, "BAND_BYTES", band)
        files.append(side_by_side(made, threads=1))
        assert side_by_side(made, threads=3) == files[-1]
        np.testing.assert_array_equal(decoded(files[-1]), expected)
    check_pngs(files, tmp_path)


def test_a_band_may_hold_both_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two pictures one above the other, a band that ends anywhere around the border has the right rows."""
    made = painting((7, 20), 5, -2, 3)
    expected = np.concatenate([made.base, painted(made)])
    for rows_a_band in range(1, 15):
        monkeypatch.setattr(png, "BAND_BYTES", rows_a_band * 61)
        np.testing.assert_array_equal(decoded(side_by_side(made, threads=1)), expected)


@pytest.mark.parametrize("width", range(1, 41))
def test_a_mask_is_white_where_its_cluster_is(width: int, tmp_path: Path) -> None:
    """One bit a pixel, for each label, at every width; noise and pixels left out are in none."""
    labels = np.random.default_rng(width).integers(-2, 4, (41 - width, width)).astype(np.int16)
    files = masks(labels, 5, threads=1)  # no pixel has the label 4
    assert files == masks(labels, 5, threads=3)
    for label, data in enumerate(files):
        found = decoded(data)
        assert found.dtype == np.bool_
        np.testing.assert_array_equal(found, labels == label)
    check_pngs(files, tmp_path)


def test_there_are_masks_for_each_of_many_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as are ever made, parted into bands: each pixel is in one."""
    monkeypatch.setattr(png, "BAND_BYTES", 64)
    labels = np.random.default_rng(0).integers(0, MOST_MASKS, (50, 90)).astype(np.int16)
    stack = np.stack([decoded(data) for data in masks(labels, MOST_MASKS, threads=2)])
    np.testing.assert_array_equal(stack.argmax(axis=0), labels)
    assert (stack.sum(axis=0) == 1).all()
    assert masks(labels, 0, threads=2) == []
