"""Every format and mode is read as the pixels that a person sees."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image

from api.intake.image_header import check_image
from shared.contract.errors import BrokenImage, UnsupportedImage
from shared.formats import Limits, read_header
from shared.formats.exif import orientation as exif_orientation
from shared.formats.header import Window
from shared.formats.jpeg import segments
from shared.runtime.settings import Settings
from tests.matrix.case import faults
from tests.matrix.formats import MATRICES
from tests.support import heic
from tests.support.corpus import Sample, chunk, corpus, deep, png, saved, smooth, tiff
from tests.support.images import photograph
from worker.decoding import inflated, threads
from worker.decoding import png as png_decoder
from worker.decoding.decode import decode
from worker.decoding.jpeg import read_notes

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


@pytest.mark.parametrize("block", [1, 100])
def test_pngs_are_the_same_in_pieces_of_any_length(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpacked a row or a few at a time, ahead on another thread, and fed a few bytes at a time."""
    monkeypatch.setattr(png_decoder, "BLOCK_BYTES", block)
    monkeypatch.setattr(inflated, "FED_BYTES", 7)
    monkeypatch.setattr(threads, "available_threads", lambda: 2)
    for case in [*MATRICES["PNG"]()][::13]:
        assert not list(faults(case)), case.name


@pytest.mark.parametrize("fed", [1, 1 << 16])
def test_a_png_whose_checksum_is_wrong_is_refused(fed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adler-32 of the pixels, though they are all there, and though the checksum comes in a piece of its own."""
    monkeypatch.setattr(inflated, "FED_BYTES", fed)
    stream = zlib.compress(bytes(64 * 193))
    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    for wrong in range(1, 5):
        broken = bytearray(stream)
        broken[-wrong] ^= 1
        data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", bytes(broken)) + chunk(b"IEND", b"")
        with pytest.raises(BrokenImage, match="do not unpack"):
            decode(data, Limits())


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
    data = saved(image, image_format, exif=exif, **options)
    assert read_header(io.BytesIO(data), Limits()).upright == (64, 40)
    raster = decode(data, Limits())
    assert raster.pixels.shape == UPRIGHT.shape
    error = {"JPEG": 8, "AVIF": 12}.get(image_format, 0)
    assert np.abs(raster.pixels.astype(int) - UPRIGHT).max() <= error
    assert raster.found.orientation == orientation
    assert [step.step for step in raster.found.steps] == ([] if orientation == 1 else ["oriented"])


NOTES = {
    "little": b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
    "big, of 4 bytes, behind another": b"MM\0\x2a\0\0\0\x08\0\x02\1\0\0\3\0\0\0\1\0\1\0\0"
    b"\x01\x12\0\4\0\0\0\1\0\0\0\x06\0\0\0\0",
    "9": b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0\0\0\0\0",
    "of fractions": b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x05\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
    "cut off": b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0",
    "far off": b"MM\0\x2a\xff\xff\xff\xff",
    "no TIFF": b"nonsense nonsense nonsense nonsense",
    "empty": b"",
}


@pytest.mark.parametrize("note", NOTES)
def test_a_note_of_the_orientation(note: str) -> None:
    """Notes of either byte order and of any whole numbers count; one that cannot be read turns and breaks nothing."""
    orientation = 6 if note.startswith(("little", "big")) else 1
    assert exif_orientation(NOTES[note]) == orientation
    for image_format in ("JPEG", "WEBP", "PNG"):
        data = saved(Image.fromarray(UPRIGHT), image_format, exif=b"Exif\0\0" + NOTES[note])
        assert decode(data, Limits()).found.orientation == orientation
    whole = saved(Image.fromarray(UPRIGHT), "PNG")
    behind = chunk(b"eXIf", NOTES[note])
    damaged = behind[:-1] + bytes([behind[-1] ^ 1])
    for part, expected in ((behind, orientation), (damaged, 1)):
        data = whole[:-12] + part + chunk(b"tEXt", b"a\0b") + whole[-12:]
        assert decode(data, Limits()).found.orientation == expected


@pytest.mark.parametrize("image_format", ["JPEG", "WEBP", "TIFF", "AVIF"])
def test_xmp_turns_nothing(image_format: str) -> None:
    """What XMP says of the orientation is not shown by viewers, and changes nothing here."""
    said = b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    if image_format == "TIFF":
        data = tiff(UPRIGHT, 2, tags={700: (1, said)})
    else:
        data = saved(Image.fromarray(UPRIGHT), image_format, xmp=said)
    assert Image.open(io.BytesIO(data)).getexif().get(ExifTags.Base.Orientation) == 6, "Pillow would turn it"
    raster = decode(data, Limits())
    assert (raster.pixels.shape, raster.found.orientation) == (UPRIGHT.shape, 1)


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


APERTURES = [
    (90, 1, 60, 1, 0, 1, 0, 1),
    (95, 1, 63, 1, 0, 1, 0, 1),
    (50, 1, 31, 1, -10, 1, 7, 2),
    (31, 2, 31, 2, 0, 1, 0, 1),
]


@pytest.mark.parametrize("numbers", APERTURES)
@pytest.mark.parametrize("turned", [False, True])
def test_only_the_clean_aperture_is_seen(numbers: tuple[int, ...], turned: bool) -> None:
    """What `clap` cuts off, as writers of odd sizes do, is not seen, in AVIF as in HEIC, which libheif cuts itself."""
    source = Image.fromarray(np.random.default_rng(4).integers(0, 256, (64, 96, 3), np.uint8))
    for data in (heic.PLAIN, saved(source, "AVIF", quality=100, subsampling="4:4:4")):
        whole = decode(data, Limits()).pixels
        cut = heic.with_property(data, b"clap", struct.pack(">8i", *numbers))
        shown = read_header(io.BytesIO(cut), Limits()).shown
        assert shown is not None
        expected = whole[shown]
        if turned:
            cut, expected = heic.with_property(cut, b"irot", b"\1"), np.rot90(expected)
        assert read_header(io.BytesIO(cut), Limits()).upright == expected.shape[1::-1]
        assert np.array_equal(decode(cut, Limits()).pixels, expected)


@pytest.mark.parametrize("numbers", [(9, 0, 9, 1, 0, 1, 0, 1), (9, 1, 9, 1, 60, 1, 0, 1), (-9, 1, 9, 1, 0, 1, 0, 1)])
def test_a_clean_aperture_that_makes_no_sense(numbers: tuple[int, ...]) -> None:
    """A clean aperture that reaches beyond the picture, or of no numbers, is an error."""
    with pytest.raises(BrokenImage, match="clap"):
        decode(heic.with_property(heic.PLAIN, b"clap", struct.pack(">8i", *numbers)), Limits())


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


@pytest.mark.parametrize(
    ("marker", "note"),
    [
        (0xE0, b"JFIF\0"),
        (0xE2, b"ICC_PROFILE\0"),
        (0xE2, b"ICC_PROFILE\0\1\2abc"),
        (0xEE, b"Adobe"),
        (0xED, b"Photoshop 3.0\0008BIM"),
    ],
)
def test_a_damaged_note_costs_no_jpeg(marker: int, note: bytes) -> None:
    """What is cut off in a note before the pixels says nothing of the picture, which all viewers show."""
    data = photograph("china.jpg").read_bytes()
    damaged = data[:2] + struct.pack(">BBH", 0xFF, marker, len(note) + 2) + note + data[2:]
    assert np.array_equal(decode(damaged, Limits()).pixels, decode(data, Limits()).pixels)


def test_a_profile_in_many_segments() -> None:
    """A profile is put together from its segments, in any order; with one of them missing there is none."""
    profile = np.random.default_rng(3).integers(0, 256, 150_000, np.uint8).tobytes()
    data = saved(Image.fromarray(UPRIGHT), "JPEG", icc_profile=profile)
    places = [match.start() - 4 for match in re.finditer(b"ICC_PROFILE\0", data)]
    ends = [*places[1:], places[-1] + 2 + int.from_bytes(data[places[-1] + 2 : places[-1] + 4], "big")]
    pieces = [data[begin:end] for begin, end in zip(places, ends, strict=True)]
    assert len(pieces) == 3
    for order, expected in (((0, 1, 2), profile), ((2, 0, 1), profile), ((0, 2), None), ((0, 1, 1), None)):
        changed = data[: places[0]] + b"".join(pieces[number] for number in order) + data[ends[-1] :]
        assert read_notes(changed, list(segments(Window(io.BytesIO(changed))))) == (3, expected, 0)


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


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("interlaced", [False, True])
def test_a_png_whose_pixels_end_early_is_broken(bits: int, interlaced: bool) -> None:
    """A stream of pixels that is whole in itself, but has too few rows, gives no black ones; black ones may stand."""
    samples = np.random.default_rng(5).integers(0, 256, (9, 11, 3), np.uint16)
    samples[-1] = 0
    whole = png(samples, bits, 2, None, interlaced)
    assert decode(whole, Limits()).pixels.shape == (9, 11, 3)
    begin = whole.index(b"IDAT") + 4
    rows = zlib.decompress(whole[begin : whole.index(b"IEND") - 8])
    few = whole[: begin - 8] + chunk(b"IDAT", zlib.compress(rows[: -(1 + 3 * 11 * bits // 8)])) + chunk(b"IEND", b"")
    with pytest.raises(BrokenImage, match="before its last row"):
        decode(few, Limits())


def test_a_png_with_a_note_that_cannot_be_read_is_read() -> None:
    """EXIF data that are damaged, with a right checksum, say nothing of the picture, which is whole."""
    samples = smooth()
    data = png(samples, 8, 2, {b"eXIf": b"no EXIF at all"})
    assert np.array_equal(decode(data, Limits()).pixels, samples)


def test_a_tiff_without_all_its_strips_is_broken() -> None:
    """Rows that no strip holds are missing, not black."""
    data = bytearray(saved(Image.fromarray(smooth()), "TIFF"))
    directory = int.from_bytes(data[4:8], "little")
    rows_per_strip = data.index((278).to_bytes(2, "little"), directory)
    data[rows_per_strip + 8] = 5
    with pytest.raises(BrokenImage, match="lacks strips"):
        decode(bytes(data), Limits())


@pytest.mark.parametrize("samples", [deep(5), smooth().astype(np.uint32)])
def test_a_tiff_of_other_samples_is_not_called_damaged(samples: np.ndarray) -> None:
    """A TIFF of more channels or more bits than are read is whole, and the refusal says what to save instead."""
    with pytest.raises(UnsupportedImage, match="grey, RGB or CMYK, of 8 or 16 bits"):
        decode(tiff(samples, 2), Limits())


@pytest.mark.parametrize("tag", [{254: (4, b"\1\0\0\0")}, {50706: (1, b"\1\4\0\0")}])
def test_a_raw_file_of_a_camera_is_refused(tag: dict[int, tuple[int, bytes]]) -> None:
    """A TIFF whose first picture is a small copy of another gives no colours: they would be the thumbnail's."""
    assert decode(tiff(smooth(), 2, tags={254: (4, b"\2\0\0\0")}), Limits()).pixels.shape == (13, 21, 3)
    with pytest.raises(UnsupportedImage, match="raw files of cameras"):
        decode(tiff(smooth(), 2, tags=tag), Limits())


def test_what_stands_behind_a_jpeg_is_no_part_of_it() -> None:
    """Phones append films to their photographs, which hold bytes that look like scans, and no end."""
    data = saved(Image.fromarray(smooth()), "JPEG")
    film = b"\xff\xda" * 200_000
    limits = Limits()
    assert np.array_equal(decode(data + film, limits).pixels, decode(data, limits).pixels)
    settings = Settings()
    assert check_image(io.BytesIO(data + film), len(data + film), settings).format == "JPEG"
    preview = b"\xff\xe1\x00\x06\xff\xd9ab"  # metadata with a preview, whose end is not the picture's
    cut = data[:2] + preview + data[2:-100]
    with pytest.raises(BrokenImage, match="cut off"):
        check_image(io.BytesIO(cut), len(cut), settings)


def test_jpeg_2000_of_few_bits_has_white() -> None:
    """Samples of 4 bits, of 0 to 15, are spread over 0 to 255."""
    grey = np.tile(np.arange(16, dtype=np.uint8), (16, 1))
    # The stream's own zero is the middle of its range: 128 of 8 bits is 8 of 4.
    data = _of_bits(saved(Image.fromarray(grey + 120), "JPEG2000", no_jp2=True), 4)
    assert np.array_equal(decode(data, Limits()).pixels[..., 0], grey * 17)


def test_jpeg_2000_of_deep_colours_is_refused() -> None:
    """Pillow makes black of the white of colours of more than 8 bits."""
    data = saved(Image.fromarray(smooth()), "JPEG2000", no_jp2=True)
    with pytest.raises(UnsupportedImage, match="12 bits"):
        decode(_of_bits(data, 12), Limits())


def _of_bits(stream: bytes, bits: int) -> bytes:
    """A JPEG 2000 codestream that says of its components that they have so many bits (SIZ, section A.5.1)."""
    changed = bytearray(stream)
    for component in range(int.from_bytes(stream[40:42], "big")):
        changed[42 + 3 * component] = bits - 1
    return bytes(changed)
