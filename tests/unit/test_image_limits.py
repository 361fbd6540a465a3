"""Images that are too large, too many or lie are refused by their headers, quickly and in little memory."""

import io
import resource
import struct
import time

import numpy as np
import pytest
from PIL import Image

from shared.contract.errors import BrokenImage, HuemillError, ImageTooLarge, UnsupportedImage
from shared.formats import Limits, read_header
from tests.matrix.boxes import SOURCES
from tests.matrix.tiff_writer import file_of
from tests.support import deep_boxes
from tests.support.bombs import BOMBS, gif_of, png_of
from tests.support.corpus import corpus, png, saved
from worker.decoding.decode import decode

LIMITS = Limits()


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_at_once(name: str) -> None:
    """Within a second of computing and 50 MB more of memory, by the same error in the gateway and in the worker."""
    data = BOMBS[name]
    before, begin = _resident(), time.thread_time()
    errors = []
    for refuse in (lambda: read_header(io.BytesIO(data), LIMITS), lambda: decode(data, LIMITS)):
        with pytest.raises((ImageTooLarge, BrokenImage)) as raised:
            refuse()
        errors.append(str(raised.value))
    assert errors[0] == errors[1]
    assert time.thread_time() - begin < 2  # one each
    assert _resident() - before < 50 * 2**20 + len(data)


def test_a_chain_of_pages_that_bites_its_tail_ends() -> None:
    """TIFF directories that follow each other in a ring are counted once."""
    ring = struct.pack("<HHHIIHHIII", 2, 256, 4, 1, 8, 257, 4, 1, 8, 8)
    assert read_header(io.BytesIO(b"II\x2a\0\x08\0\0\0" + ring), LIMITS).frames == 1


def test_each_limit_is_told() -> None:
    """Pixels, sides and frames have limits of their own, which the message names with what to do."""
    data = png(np.zeros((3, 9, 3), np.uint16), 8, 2)
    read_header(io.BytesIO(data), Limits(27, 9, 1))
    with pytest.raises(ImageTooLarge, match=r"9 x 3 = 27 pixels; the limit here is 26.*smaller"):
        read_header(io.BytesIO(data), Limits(26, 9, 1))
    with pytest.raises(ImageTooLarge, match=r"9 x 3 pixels; the limit here is 8 a side"):
        read_header(io.BytesIO(data), Limits(27, 8, 1))
    with pytest.raises(ImageTooLarge, match=r"more than 1 frames"):
        read_header(io.BytesIO(gif_of(2)), Limits(27, 9, 1))


def test_an_avif_that_is_longer_than_its_decoder_takes() -> None:
    """It is whole, and so is not called damaged: it is refused by its header, in words that are true."""
    data = saved(Image.new("RGB", (32_768, 1)), "AVIF")
    assert read_header(io.BytesIO(data), LIMITS).size == (32_768, 1)
    data = saved(Image.new("RGB", (32_769, 1)), "AVIF")
    with pytest.raises(UnsupportedImage, match=r"32769 x 1 pixels; AVIF is read up to 32,768 a side"):
        read_header(io.BytesIO(data), LIMITS)
    with pytest.raises(ImageTooLarge, match=r"limit here is 32,000 a side"):
        read_header(io.BytesIO(data), Limits(side=32_000))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "EPS"),
        (b"\xc5\xd0\xd3\xc6" + bytes(40), "EPS"),
        (b"%PDF-1.7\n" + saved(Image.new("RGB", (4, 4)), "JPEG"), "PDF"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>', "SVG"),
        (b"PK\x03\x04" + saved(Image.new("RGB", (4, 4)), "PNG"), "zip"),
        (b"<html>" + saved(Image.new("RGB", (4, 4)), "GIF"), "not an image"),
        (b"plain text", "not an image"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "not an image"),
        (b"\0\0\x01\0\x01\0" + bytes(40), "not an image"),
        (b"8BPS\0\x01" + bytes(40), "not an image"),
        (b"BMW is no bitmap, but a car", "not an image"),
    ],
)
def test_what_is_no_image_is_named(data: bytes, name: str) -> None:
    """Files of other kinds, also with an image inside, are refused by their first bytes, and those taken are listed."""
    for refuse in (lambda: read_header(io.BytesIO(data), LIMITS), lambda: decode(data, LIMITS)):
        with pytest.raises(UnsupportedImage, match=rf"{name}.*JPEG, PNG, WEBP, GIF, AVIF, HEIC, TIFF, BMP, PPM, QOI"):
            refuse()


@pytest.mark.parametrize(
    ("data", "bits"),
    [
        (SOURCES["AVIF"], 8),
        (deep_boxes.AVIF_GREY_10, 10),
        (deep_boxes.AVIF_COLORS_12, 12),
        (SOURCES["HEIC"], 8),
        (deep_boxes.HEIC_GREY_12, 12),
    ],
)
def test_bits_without_a_property_of_their_own(data: bytes, bits: int) -> None:
    """Where nothing else says them (`pixi`), the bits of a sample are those of the decoder's configuration."""
    assert b"pixi" in data
    assert read_header(io.BytesIO(data.replace(b"pixi", b"free", 1)), LIMITS).bits == bits


def test_headers_say_what_decoding_finds() -> None:
    """For every file of the corpus: the upright size, and whether there can be transparent pixels."""
    for sample in corpus():
        header = read_header(io.BytesIO(sample.data), LIMITS)
        raster = decode(sample.data, LIMITS)
        assert (raster.width, raster.height) == header.upright, sample.name
        assert header.format == raster.found.format
        clear = raster.pixels.shape[2] == 4 and (raster.pixels[..., 3] < 255).any()
        assert header.transparent or not clear, sample.name


@pytest.mark.parametrize("name", ["png rgb 8", "gif", "webp", "bmp", "qoi", "ppm raw 3 255", "tiff rgb 8 <", "jpeg"])
def test_a_header_that_lies_about_the_size(name: str) -> None:
    """A size that the data do not have is an error, or the picture has that size: never another."""
    sample = next(sample for sample in corpus() if sample.name == name)
    width, height = sample.seen.shape[1], sample.seen.shape[0]
    for order in "<>":
        for kind in "HI":
            for true in (width, height):
                for lie in (true - 1, true + 1, 3 * true):
                    data = sample.data.replace(struct.pack(order + kind, true), struct.pack(order + kind, lie), 1)
                    try:
                        seen = decode(data, LIMITS).pixels
                    except HuemillError:
                        continue
                    header = read_header(io.BytesIO(data), LIMITS)
                    assert seen.shape[:2] == (header.height, header.width)


def test_no_more_is_unpacked_than_a_picture_has() -> None:
    """Pixels that would unpack to 300 MB for a picture of 8 x 8 are unpacked as far as its rows go."""
    data = png_of(8, 8, pixels=bytes(300_000_000))
    before = _resident()
    assert decode(data, LIMITS).pixels.shape == (8, 8, 3)
    assert _resident() - before < 50 * 2**20


def test_a_jpeg_larger_than_its_place_in_a_tiff() -> None:
    """A strip of 8 x 8 pixels that is a JPEG of 8,000 x 8,000 is refused before it is decoded."""
    inside = saved(Image.new("L", (8000, 8000)), "JPEG")
    tags = {256: (3, [8]), 257: (3, [8]), 258: (3, [8]), 259: (3, [7]), 262: (3, [1]), 277: (3, [1]), 278: (3, [8])}
    data = file_of([inside], tags, "<", big=False, tiled=False)
    before = _resident()
    with pytest.raises(BrokenImage, match="larger than its place"):
        decode(data, LIMITS)
    assert _resident() - before < 50 * 2**20
