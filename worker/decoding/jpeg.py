"""JPEG, by libjpeg-turbo itself: half of Pillow's time for the same pixels, and it tells of damage that Pillow hides.

What is merely noted before the pixels says nothing of the picture: where it is damaged, the decoder gets the file
without it, and decodes it as strictly as any other.
"""

import io
import re
from typing import NamedTuple

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import JpegImagePlugin

from shared.contract.errors import BrokenImage
from shared.contract.results import Step
from shared.formats import Header, Limits, jpeg
from shared.formats.header import Window
from shared.formats.jpeg import FRAMES, Segment, segments
from worker.decoding.decoded import Decoded, Meaning, Model, decoding

# The number of channels -> our model and mode, and what simplejpeg calls the colours.
_MODES: dict[int, tuple[Model, str, str]] = {
    1: ("grey", "grey", "GRAY"),
    3: ("rgb", "RGB", "RGB"),
    4: ("cmyk", "CMYK", "CMYK"),
}
# Each scan of a progressive file is another pass over all blocks. Encoders make about ten.
MAX_SCANS = 100
MAX_SEGMENTS = 8192
_MARKER = re.compile(rb"\xff([\x02-\xcf\xd9-\xfe])")  # those with a length, and the end
# libjpeg-turbo's warnings about bytes that are not the picture's. All others mean that a part of it is missing.
_HARMLESS = (
    "extraneous bytes before marker",
    "Unknown Adobe",
    "unknown JFIF",
    "Invalid SOS",
    "bad ICC",
    "Inconsistent",
)
# Planes of sizes for which its interface has no name, as in some CMYK files: left to Pillow.
_UNNAMED = "subsampling level"

_APP0, _APP2, _APP14 = 0xE0, 0xE2, 0xEE
_TABLES = {0xC4, 0xCC, 0xDB, 0xDD}  # Huffman and arithmetic codes, quantisation, restarts
_PROFILE = b"ICC_PROFILE\0"  # then the piece's number, and how many there are (ICC.1:2022, annex B.4)
_JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"  # in its plainest form: its being there says YCbCr
_ADOBE = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"  # and the transform: 0 none, 1 YCbCr, 2 YCCK


class Notes(NamedTuple):
    """What is used of a JPEG file's segments before its pixels."""

    channels: int  # 1: grey, 3: colour, 4: CMYK
    icc: bytes | None
    stray: int  # bytes between them that are no part of the file's structure


def read(data: bytes, header: Header) -> Decoded:
    before = list(segments(Window(io.BytesIO(data))))
    notes = read_notes(data, before)
    _check_scans(data)
    model, mode, space = _MODES[notes.channels]
    steps: list[Step] = []
    try:
        samples = _strictly(_bare(data, before) if notes.stray else data, space)
    except ValueError as error:
        samples, steps = _once_more(data, before, space, error)
    if notes.stray:
        steps.append(_tolerated(f"Stray bytes between the file's segments ({notes.stray:,}) were passed over."))
    # CMYK is inverted, as Adobe writes it: 255 is no ink. All viewers take it so.
    return Decoded(~samples if model == "cmyk" else samples, model, mode, meaning=Meaning(icc=notes.icc), steps=steps)


def _strictly(data: bytes, space: str) -> NDArray[np.uint8]:
    """Raises ValueError with the decoder's words for whatever it warns of."""
    samples: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, space, strict=True)
    return samples


def _once_more(
    data: bytes, before: list[Segment], space: str, error: ValueError
) -> tuple[NDArray[np.uint8], list[Step]]:
    """The samples, where what the decoder said in `error` is not of the picture, and what is told of it."""
    warned = any(words in str(error) for words in _HARMLESS)
    with decoding("JPEG"):
        if not warned and _UNNAMED not in str(error):
            raise error
    if warned:
        try:
            said = "What is noted before the pixels is not as the format wants it; the pixels are whole."
            return _strictly(_bare(data, before), space), [_tolerated(said)]
        except ValueError as again:
            with decoding("JPEG"):
                if not any(words in str(again) for words in _HARMLESS):
                    raise
    with decoding("JPEG"):
        image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
        image.load()
    samples = np.asarray(image).reshape(image.height, image.width, -1)
    said = "Bytes between the picture's own that belong to nothing were passed over."
    # Pillow has turned CMYK round already.
    return ~samples if space == "CMYK" else samples, [_tolerated(said)] if warned else []


def _tolerated(detail: str) -> Step:
    return Step(step="tolerated_damage", detail=detail)


def read_notes(data: bytes, before: list[Segment]) -> Notes:
    channels, pieces = 0, []
    for marker, begin, end, _ in before:
        content = data[begin + 4 : end]
        if marker in FRAMES:
            channels = data[begin + 9]  # as the header reader has it, however long the segment calls itself
        elif marker == _APP2 and content.startswith(_PROFILE) and len(content) > len(_PROFILE) + 2:
            pieces.append(content[len(_PROFILE) :])
    pieces.sort()
    whole = [(piece[0], piece[1]) for piece in pieces] == [(n + 1, len(pieces)) for n in range(len(pieces))]
    icc = b"".join(piece[2:] for piece in pieces) if pieces and whole else None
    return Notes(channels, icc, sum(segment.stray for segment in before))


def read_part(data: bytes, tables: bytes, size: tuple[int, int], transform: int) -> NDArray[np.uint8]:
    """A JPEG within another file, u8[h, w, channels], which takes its tables from there, and is at most of this size.

    Whether its three channels are YCbCr (`transform` 1) or RGB (0) is not told by itself; inks are not turned round.
    """
    whole = data[:2] + tables[2:-2] + data[2:]
    window = Window(io.BytesIO(whole))
    header, before = jpeg.read(window, Limits()), list(segments(window))
    # Blocks are of up to 32 pixels a side, and some encoders tell of whole ones.
    if header.width > size[0] + 31 or header.height > size[1] + 31:
        raise BrokenImage("The file has a JPEG in it that is larger than its place.")
    with decoding("TIFF"):
        return _strictly(_bare(whole, before, transform), _MODES[read_notes(whole, before).channels][2])


def _bare(data: bytes, before: list[Segment], transform: int | None = None) -> bytes:
    """The file with nothing before its pixels but what they need; `transform` tells what its colours are, if given."""
    kept = [data[:2]] if transform is None else [data[:2], _ADOBE + bytes([transform])]
    for marker, begin, end, _ in before:
        content = data[begin + 4 : end]
        if marker in FRAMES or marker in _TABLES:
            kept.append(data[begin:end])
        elif transform is not None:
            continue
        elif marker == _APP0 and content.startswith(b"JFIF\0") and len(content) >= 14:
            kept.append(_JFIF)
        elif marker == _APP14 and content.startswith(b"Adobe") and len(content) >= 12:
            kept.append(_ADOBE + content[11:12])
    return b"".join([*kept, data[before[-1].begin :]])


def _check_scans(data: bytes) -> None:
    """Raises BrokenImage for more scans than MAX_SCANS before the picture's end; a film may be appended behind it."""
    at, scans = 2, 0
    for _ in range(MAX_SEGMENTS):
        marker = _MARKER.search(data, at)
        if marker is None or marker[1] == b"\xd9":
            return
        scans += marker[1] == b"\xda"
        if scans > MAX_SCANS:
            raise BrokenImage(f"The JPEG file has more than {MAX_SCANS} scans.")
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    raise BrokenImage(f"The JPEG file has more than {MAX_SEGMENTS:,} segments.")
