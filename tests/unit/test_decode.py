"""Every format and mode is read as the pixels that a person sees."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from shared.errors import BrokenImage
from shared.formats import Limits
from tests.support import heic
from tests.support.corpus import Sample, corpus, saved, smooth
from tests.support.images import photograph
from worker.imaging.decode import decode

SAMPLES = corpus()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_pixels_are_as_known(sample: Sample) -> None:
    """Lossless files give the very pixels, lossy ones come within their codec's error; what was found is told."""
    raster = decode(sample.data, Limits())
    assert raster.pixels.dtype == np.uint8
    assert raster.pixels.shape == sample.seen.shape
    difference = int(np.abs(raster.pixels.astype(int) - sample.seen).max())
    assert difference <= sample.error
    assert {name: getattr(raster.found, name) for name in sample.found} == sample.found


UPRIGHT = smooth(40, 64)
# As it must be stored, so that a viewer who obeys the orientation sees UPRIGHT (EXIF, tag 0x0112).
STORED = {
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.swapaxes(0, 1),
    6: np.rot90(UPRIGHT, 1),
    7: np.rot90(UPRIGHT, 2).swapaxes(0, 1),
    8: np.rot90(UPRIGHT, -1),
}


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", STORED)
def test_an_image_stands_upright(image_format: str, orientation: int) -> None:
    """All eight orientations are applied, once, in every format that notes them, and told."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    options = {"TIFF": {}, "PNG": {}, "WEBP": {"lossless": True}}.get(image_format, {"quality": 98})
    image = Image.fromarray(np.ascontiguousarray(STORED[orientation]))
    raster = decode(saved(image, image_format, exif=exif, **options), Limits())
    assert raster.pixels.shape == UPRIGHT.shape
    error = {"JPEG": 8, "AVIF": 12}.get(image_format, 0)
    assert np.abs(raster.pixels.astype(int) - UPRIGHT).max() <= error
    assert raster.found.orientation == orientation
    assert [step.step for step in raster.found.steps] == ([] if orientation == 1 else ["oriented"])


@pytest.mark.parametrize(("turns", "orientation"), [(0, 1), (1, 8), (2, 3), (3, 6)])
def test_heic_stands_upright(turns: int, orientation: int) -> None:
    """HEIC's own quarter turns, anticlockwise, are applied once; its EXIF has no say (HEIF, 6.5.10)."""
    place = heic.TURNED.index(b"irot") + 4
    raster = decode(heic.TURNED[:place] + bytes([turns]) + heic.TURNED[place + 1 :], Limits())
    quadrants = np.rot90(heic.QUADRANTS, turns)
    height, width = raster.pixels.shape[:2]
    corners = raster.pixels[[[16, 16], [height - 16, height - 16]], [[16, width - 16], [16, width - 16]]]
    assert (height, width) == ((64, 96) if turns % 2 == 0 else (96, 64))
    assert np.abs(corners.astype(int) - quadrants).max() <= 3
    assert raster.found.orientation == orientation


def test_jpeg_is_decoded_as_pillow_decodes_it() -> None:
    """libjpeg-turbo by its own interface gives the pixels that it gives through Pillow."""
    for name in ("china.jpg", "flower.jpg"):
        data = photograph(name).read_bytes()
        assert np.array_equal(decode(data, Limits()).pixels, np.asarray(Image.open(io.BytesIO(data))))
    image = Image.open(photograph("china.jpg"))
    for options in ({"progressive": True}, {"subsampling": 0}, {"subsampling": 2}, {"quality": 30}, {"optimize": True}):
        for mode in ("RGB", "L", "CMYK"):
            data = saved(image.convert(mode), "JPEG", **options)
            expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
            assert np.array_equal(decode(data, Limits()).pixels, expected), (mode, options)


def test_a_jpeg_with_a_gap_is_broken() -> None:
    """A JPEG that lacks data in its middle, though its end is there, is no picture: it would be filled with grey."""
    data = photograph("china.jpg").read_bytes()
    for begin, end in ((40_000, len(data) - 2), (60_000, 90_000)):
        with pytest.raises(BrokenImage):
            decode(data[:begin] + data[end:], Limits())


def test_a_harmless_warning_is_told() -> None:
    """What libjpeg warns of and what does not touch the pixels, here an unknown version of JFIF, costs no picture."""
    data = photograph("china.jpg").read_bytes()
    place = data.index(b"JFIF\0") + 5
    raster = decode(data[:place] + b"\x09" + data[place + 1 :], Limits())
    assert np.array_equal(raster.pixels, decode(data, Limits()).pixels)
    assert [step.step for step in raster.found.steps] == ["tolerated_damage"]


def test_jpeg_with_endless_scans_is_refused() -> None:
    """A progressive JPEG of very many scans, each another pass over all of it, is refused."""
    data = saved(Image.fromarray(UPRIGHT), "JPEG", progressive=True)
    scan = data.rindex(b"\xff\xda")
    with pytest.raises(BrokenImage, match="100 scans"):
        decode(data[:-2] + data[scan:-2] * 120 + data[-2:], Limits())


def test_a_picture_of_several_is_the_first() -> None:
    """Of pages and frames the first is taken, and the result says how many there are."""
    for sample in SAMPLES:
        if sample.found.get("frames") == 2:
            (step,) = decode(sample.data, Limits()).found.steps
            assert step.step == "took_first_frame"
            assert "2 frames" in step.detail


def test_an_mpo_is_a_jpeg() -> None:
    """A stereo pair or a photograph with a preview behind it, as cameras write them, is its first JPEG."""
    image = Image.open(photograph("flower.jpg"))
    data = saved(image, "MPO", save_all=True, append_images=[Image.fromarray(UPRIGHT)], quality=95)
    raster = decode(data, Limits())
    assert raster.found.format == "JPEG"
    assert raster.pixels.shape == (427, 640, 3)


def test_a_png_with_a_wrong_checksum_is_broken() -> None:
    """PNG's pixels have checksums, and a wrong one is damage even where all would unpack."""
    data = bytearray(saved(Image.fromarray(UPRIGHT), "PNG", compress_level=0))
    data[len(data) // 2] ^= 1
    with pytest.raises(BrokenImage, match="checksum"):
        decode(bytes(data), Limits())
