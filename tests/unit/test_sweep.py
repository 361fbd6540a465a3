"""The animation, read back frame by frame."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from shared.contract.params import KMeansParams
from tests.support.images import noise, photograph
from tests.support.pictures import colors_in, runs
from worker.clustering import cluster
from worker.color.counting import count_colors
from worker.rendering import sweep
from worker.rendering.sweep import FRAME_MS, GAP, LAST_FRAME_MS, MOST_BYTES, sampled, sweep_gif
from worker.segmentation import Tried

INK, PAPER = "#222222", "#ffffff"


def animated(pixels: np.ndarray, numbers: range) -> tuple[bytes, list[Tried]]:
    """The animation of KMeans in so many colours."""
    colors = count_colors(pixels)
    points = colors.points()
    tried = []
    for number in numbers:
        found = cluster(points, KMeansParams(n_clusters=number, n_init=1))
        tried.append(Tried(len(found.centers), found.labels, np.rint(found.centers).astype(np.uint8)))
    shown = sampled(*pixels.shape[:2])
    original = pixels.reshape(-1, pixels.shape[2])[shown]
    return sweep_gif(tried, colors.counts, colors.index[shown], original), tried


def frames_of(data: bytes) -> list[np.ndarray]:
    return [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(Image.open(io.BytesIO(data)))]


def picture_height(frame: np.ndarray) -> int:
    """Of a frame, without what stands below the picture."""
    bar = next(bar for bar in range(1, len(frame)) if max(round(0.06 * (len(frame) - GAP - bar)), 8) == bar)
    return len(frame) - GAP - bar


def bar_of(frame: np.ndarray) -> list[tuple[str, int, int]]:
    return runs(frame[-1, :, :3])


@pytest.fixture(scope="module")
def china() -> tuple[np.ndarray, bytes, list[Tried]]:
    pixels = np.asarray(Image.open(photograph("china.jpg")))
    return pixels, *animated(pixels, range(2, 9))


def test_there_is_a_frame_for_each_number_and_one_for_the_original(
    china: tuple[np.ndarray, bytes, list[Tried]],
) -> None:
    """Seven numbers and the picture itself, which stays longer; endless; no more than 800 pixels wide."""
    _, data, tried = china
    image = Image.open(io.BytesIO(data))
    assert image.n_frames == len(tried) + 1
    assert image.info["loop"] == 0
    durations = [frame.info["duration"] for frame in ImageSequence.Iterator(image)]
    assert durations == [FRAME_MS] * len(tried) + [LAST_FRAME_MS]
    assert LAST_FRAME_MS > FRAME_MS
    assert image.size[0] == 640
    assert 427 < image.size[1] < 470


def test_a_frame_shows_its_palette_and_no_other_colour(china: tuple[np.ndarray, bytes, list[Tried]]) -> None:
    """Each pixel outside of the number's corner has the colour of its cluster; the last frame is like the picture."""
    pixels, data, tried = china
    colors = count_colors(pixels)
    frames = frames_of(data)
    for frame, number in zip(frames, tried, strict=False):
        expected = number.palette[number.labels[colors.index]].reshape(pixels.shape)
        assert picture_height(frame) == len(pixels)
        np.testing.assert_array_equal(frame[80:427, :, :3], expected[80:])
        assert colors_in(frame) == {"#" + bytes(color).hex() for color in number.palette} | {INK, PAPER}
        assert (frame[..., 3] == 255).all()
    assert np.abs(frames[-1][:427, :, :3].astype(int) - pixels).mean() < 5


def test_the_number_is_written_in_the_corner(china: tuple[np.ndarray, bytes, list[Tried]]) -> None:
    """Dark on white, in no half tones, and different in each frame; none on the picture itself."""
    frames = frames_of(china[1])
    corners = [frame[:40, :40, :3] for frame in frames]
    for corner in corners[:-1]:
        assert colors_in(corner) == {INK, PAPER}
        assert 0.03 < (corner == 0x22).all(axis=2).mean() < 0.5
    assert len({corner.tobytes() for corner in corners}) == len(corners)
    assert len(colors_in(corners[-1])) > 2


def test_the_bar_is_to_scale(china: tuple[np.ndarray, bytes, list[Tried]]) -> None:
    """Below each picture every colour is as wide as its share, to a pixel."""
    pixels, data, tried = china
    counts = count_colors(pixels).counts
    for frame, number in zip(frames_of(data), tried, strict=False):
        shares = np.bincount(number.labels, counts) / counts.sum()
        found = {color: end - begin for color, begin, end in bar_of(frame)}
        for color, share in zip(number.palette, shares, strict=True):
            assert found["#" + bytes(color).hex()] == pytest.approx(640 * share, abs=1)


def test_a_cluster_keeps_its_place() -> None:
    """Of two that split in turn the parts stand where the whole stood, the larger first, whatever their labels."""
    colors = np.array([[0, 0, 0], [60, 0, 0], [200, 200, 0], [255, 255, 255]], np.uint8)
    weights = np.array([10, 30, 40, 20])
    tried = [
        Tried(2, np.array([1, 1, 0, 0], np.int32), colors[[2, 0]]),  # dark 1, light 0
        Tried(3, np.array([2, 2, 1, 0], np.int32), colors[[3, 2, 0]]),
        Tried(4, np.array([0, 3, 2, 1], np.int32), colors[[0, 3, 2, 1]]),
    ]
    index = np.repeat(np.arange(4, dtype=np.int32), weights)[None].repeat(60, axis=0)
    frames = frames_of(sweep_gif(tried, weights, index, colors[index]))
    bars = [[(color, end - begin) for color, begin, end in bar_of(frame)] for frame in frames[:-1]]
    assert bars == [
        [("#000000", 40), ("#c8c800", 60)],
        [("#000000", 40), ("#c8c800", 40), ("#ffffff", 20)],
        [("#3c0000", 30), ("#000000", 10), ("#c8c800", 40), ("#ffffff", 20)],
    ]


def test_each_number_has_its_frame_also_where_a_cluster_has_no_pixel() -> None:
    """Two numbers with the same clusters differ by what is written in them: the number that was tried."""
    colors = np.array([[0, 0, 0], [255, 255, 255]], np.uint8)
    tried = [Tried(number, np.array([0, 1], np.int32), colors) for number in (2, 3)]
    index = np.repeat(np.arange(2, dtype=np.int32), [20, 80])[None].repeat(60, axis=0)
    two, three, _ = frames_of(sweep_gif(tried, np.array([20, 80]), index, colors[index]))
    assert (two != three).any()
    np.testing.assert_array_equal(two[30:], three[30:])


def test_what_is_left_out_is_transparent_in_every_frame() -> None:
    """Pixels without alpha stay clear, and nothing of the frame before shines through."""
    pixels = noise(120, 300, channels=4) // 32 * 32
    pixels[..., 3] = 255
    pixels[60:100, 100:200, 3] = 0
    data, tried = animated(pixels, range(2, 6))
    for frame in frames_of(data):
        np.testing.assert_array_equal(frame[:120, :, 3], pixels[..., 3])
    assert len(tried) == 4


@pytest.mark.parametrize("shape", [(1, 1), (7, 10), (300, 1), (1, 5000), (2000, 1500), (801, 100)])
def test_frames_are_never_too_small_to_read_nor_too_large(shape: tuple[int, int]) -> None:
    """Between 48 and 800 pixels a side; what is shown are pixels of the image, in order, its middle in the middle."""
    shown = sampled(*shape)
    assert min(shown.shape) >= 48
    assert 240 <= max(shown.shape) <= 800
    rows, columns = shown // shape[1], shown % shape[1]
    for lines, length in ((rows[:, 0], shape[0]), (columns[0], shape[1])):
        assert (np.diff(lines) >= 0).all()
        assert lines[0] == length - 1 - lines[-1]
    np.testing.assert_array_equal(rows, np.broadcast_to(rows[:, :1], shown.shape))


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
def test_a_photograph_takes_less_than_four_megabytes(name: str) -> None:
    """All numbers from 2 to 15, as by default."""
    data, _ = animated(np.asarray(Image.open(photograph(name))), range(2, 16))
    assert len(data) < 2_000_000


def test_what_would_be_larger_has_smaller_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """The widest range, of a picture that cannot be compressed: its frames shrink, and none is missing."""
    pixels = noise(500, 500) // 16 * 16
    data, tried = animated(pixels, range(2, 40))
    assert len(data) <= MOST_BYTES
    image = Image.open(io.BytesIO(data))
    assert image.size[0] < 500
    assert image.n_frames == len(tried) + 1
    monkeypatch.setattr(sweep, "MOST_BYTES", 1 << 30)
    assert len(animated(pixels, range(2, 40))[0]) > MOST_BYTES


def test_equal_values_give_equal_bytes(china: tuple[np.ndarray, bytes, list[Tried]]) -> None:
    """Two animations of one picture are one file."""
    assert animated(china[0], range(2, 9))[0] == china[1]
