"""What PNG files say in unusual ways."""

import struct

import numpy as np
import pytest

from shared.contract.errors import UnsupportedImage
from shared.formats import Limits
from tests.support.corpus import chunk, png
from worker.decoding import png as reader
from worker.decoding.decode import decode


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("spare", [0, 1])
def test_of_a_clear_grey_the_bits_of_a_sample_count(bits: int, spare: int) -> None:
    """Others are to be masked by who reads (third edition, section 11.3.2.1)."""
    samples = np.array([[[0], [1]]])
    key = 1 | (spare << bits if bits < 16 else 0)
    found = decode(png(samples, bits, 0, {b"tRNS": struct.pack(">H", key)}), Limits())
    assert found.pixels[0, :, 3].tolist() == [255, 0]


@pytest.mark.parametrize("spare", [0, 0x100, 0xFF00])
def test_of_a_clear_colour_too(spare: int) -> None:
    samples = np.array([[[1, 2, 3], [1, 2, 4]]])
    found = decode(png(samples, 8, 2, {b"tRNS": struct.pack(">3H", 1 | spare, 2, 3 | spare)}), Limits())
    assert found.pixels[0, :, 3].tolist() == [0, 255]


@pytest.mark.parametrize(("color_type", "channels", "mode"), [(4, 2, "grey+alpha"), (6, 4, "RGBA")])
def test_a_clear_colour_beside_alpha_says_nothing(color_type: int, channels: int, mode: str) -> None:
    samples = np.full((1, 2, channels), 7)
    plain = decode(png(samples, 8, color_type), Limits())
    found = decode(png(samples, 8, color_type, {b"tRNS": b"\0\7" * 3}), Limits())
    assert np.array_equal(found.pixels, plain.pixels)
    assert found.found.mode == plain.found.mode == mode


def with_empty_chunks(count: int) -> bytes:
    """A PNG with so many chunks of no pixels, before those that it has and behind them."""
    data = png(np.array([[[1, 2, 3]]]), 8, 2)
    begin, end = data.index(b"IDAT") - 4, data.index(b"IEND") - 4
    empty = chunk(b"IDAT", b"") * (count // 2)
    return data[:begin] + empty + data[begin:end] + empty + data[end:]


def test_empty_chunks_are_no_pixels() -> None:
    assert decode(with_empty_chunks(1000), Limits()).pixels.tolist() == [[[1, 2, 3]]]


def test_a_file_of_nothing_but_chunks_is_refused() -> None:
    """Their number alone would take the worker's time."""
    decode(with_empty_chunks(reader.MOST_CHUNKS - 4), Limits())
    with pytest.raises(UnsupportedImage, match="chunks"):
        decode(with_empty_chunks(reader.MOST_CHUNKS), Limits())
