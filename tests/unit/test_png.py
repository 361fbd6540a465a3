"""The PNG writer against Pillow, pngcheck and zlib."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from tests.support.pictures import check_pngs, decoded
from worker.rendering import png


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Name and content of each chunk of a PNG."""
    found, at = [], len(png.SIGNATURE)
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        found.append((name, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


@pytest.mark.parametrize("colors", [1, 2, 3, 4, 5, 16, 17, 256])
def test_indexed_pictures_of_every_depth_and_size_are_read_back(colors: int, tmp_path: Path) -> None:
    """All widths and heights from 1 to 40, with colours for 1, 2, 4 and 8 bits, negative labels among them."""
    random = np.random.default_rng(colors)
    palette = random.integers(0, 256, (colors, 3), np.uint8)
    alpha = random.integers(0, 256, colors, np.uint8)
    files = []
    for width in range(1, 41):
        labels = random.integers(-colors, colors, (41 - width, width)).astype(np.int16)
        files.append(png.indexed(labels, palette, alpha=alpha))
        expected = np.dstack([palette[labels], alpha[labels]])
        np.testing.assert_array_equal(decoded(files[-1], "RGBA"), expected)
    check_pngs(files, tmp_path)


def test_entries_say_which_colour_stands_for_a_label() -> None:
    """With `entries` a label is drawn as another entry, negative ones too."""
    labels = np.array([[0, 1, -1, -2]], np.int16)
    palette = np.array([[1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 4, 4]], np.uint8)
    data = png.indexed(labels, palette, entries=np.array([1, 0, 3, 2], np.uint8))
    assert decoded(data, "RGB")[0, :, 0].tolist() == [2, 1, 3, 4]
    assert decoded(data)[0].tolist() == [1, 0, 2, 3]


@pytest.mark.parametrize("channels", [3, 4])
def test_pictures_in_true_colour_are_read_back(channels: int, tmp_path: Path) -> None:
    """All widths and heights from 1 to 40: each pixel's bytes, alpha among them."""
    random = np.random.default_rng(channels)
    files = []
    for width in range(1, 41):
        pixels = random.integers(0, 256, (41 - width, width, channels), np.uint8)

        def fill(begin: int, end: int, rows: np.ndarray, pixels: np.ndarray = pixels) -> None:
            rows[:, 1:] = pixels[begin:end].reshape(end - begin, -1)

        files.append(png.truecolor((width, 41 - width), channels, fill))
        np.testing.assert_array_equal(decoded(files[-1]), pixels)
    check_pngs(files, tmp_path)


def test_bands_of_any_number_of_rows_make_the_same_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands from one row to all: the rows asked for are all of them, once, and the pixels are the same."""
    labels = np.random.default_rng(0).integers(0, 200, (40, 30)).astype(np.int16)
    palette = np.random.default_rng(1).integers(0, 256, (200, 3), np.uint8)
    files = []
    for rows_a_band in range(1, 42):
        monkeypatch.setattr(png, "BAND_BYTES", rows_a_band * 31)
        files.append(png.indexed(labels, palette))
        np.testing.assert_array_equal(decoded(files[-1], "RGB"), palette[labels])
        bands = [name for name, _ in chunks(files[-1])].count(b"IDAT")
        assert bands == -(-40 // rows_a_band)
        assert png.indexed(labels, palette, threads=3) == files[-1]
    check_pngs(files, tmp_path)


def test_a_row_longer_than_a_band_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A band has at least one row, however long that is."""
    monkeypatch.setattr(png, "BAND_BYTES", 100)
    labels = np.arange(5000).reshape(1, 5000).repeat(3, axis=0) % 7
    palette = np.arange(21, dtype=np.uint8).reshape(7, 3)
    np.testing.assert_array_equal(decoded(png.indexed(labels, palette), "RGB"), palette[labels])


def test_a_picture_larger_than_a_band_is_read_back(tmp_path: Path) -> None:
    """6 megapixels in true colour take two bands, on one thread and on two the same bytes."""
    pixels = (np.indices((2000, 3000)).sum(axis=0)[..., None] * [1, 2, 3] // 5).astype(np.uint8)

    def fill(begin: int, end: int, rows: np.ndarray) -> None:
        rows[:, 1:] = pixels[begin:end].reshape(end - begin, -1)

    data = png.truecolor((3000, 2000), 3, fill)
    assert [name for name, _ in chunks(data)].count(b"IDAT") == 2
    assert png.truecolor((3000, 2000), 3, fill, threads=2) == data
    np.testing.assert_array_equal(decoded(data), pixels)
    check_pngs([data], tmp_path)


def test_the_pixels_are_one_zlib_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """The IDAT chunks joined are what zlib unpacks, checksum included, to the filtered rows."""
    rows = np.random.default_rng(0).integers(0, 256, (50, 9), np.uint8)
    rows[:, 0] = png.NO_FILTER
    for band in (1 << 20, 27):
        monkeypatch.setattr(png, "BAND_BYTES", band)
        data = png.encode((8, 50), 8, png.GREY, lambda begin, end: rows[begin:end])
        stream = b"".join(content for name, content in chunks(data) if name == b"IDAT")
        assert zlib.decompress(stream) == rows.tobytes()


@pytest.mark.parametrize("length", [0, 1, 2, 5551, 5552, 65520, 65521, 65522, 200_000])
@pytest.mark.parametrize("value", [0, 1, 255])
def test_the_checksum_of_two_pieces_is_zlibs_of_both(length: int, value: int) -> None:
    """Adler-32 of pieces that are empty, short, and longer than its prime, of low and high bytes."""
    for first in (b"", b"\0", b"\xff" * 70_000, bytes(range(256))):
        second = bytes([value]) * length
        found = png.adler32_of_both(zlib.adler32(first), zlib.adler32(second), length)
        assert found == zlib.adler32(first + second)
