"""JPEG: what is noted before its pixels. Damaged notes say nothing of the picture, and cost none; Pillow refuses it."""

from collections.abc import Iterator
from typing import NamedTuple

from shared.formats.jpeg import ALONE, FRAMES

_PROFILE = b"ICC_PROFILE\0"  # then the piece's number, and how many there are (ICC.1:2022, annex B.4)
_APP2 = 0xE2


class Notes(NamedTuple):
    """What is used of a JPEG file's segments."""

    channels: int  # 1: grey, 3: colour, 4: CMYK
    icc: bytes | None


def read_notes(data: bytes, end: int) -> Notes:
    """Of the segments before `end`, which `shared.formats.jpeg` has walked through."""
    channels, pieces = 0, []
    for marker, content in _segments(data, end):
        if marker in FRAMES:
            channels = content[5]
        elif marker == _APP2 and content.startswith(_PROFILE) and len(content) > len(_PROFILE) + 2:
            pieces.append(content[len(_PROFILE) :])
    pieces.sort()
    whole = [(piece[0], piece[1]) for piece in pieces] == [(n + 1, len(pieces)) for n in range(len(pieces))]
    return Notes(channels, b"".join(piece[2:] for piece in pieces) if pieces and whole else None)


def _segments(data: bytes, end: int) -> Iterator[tuple[int, bytes]]:
    """Marker and content of each segment."""
    at = 2
    while at < end:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in ALONE:
            at += 2
        else:
            length = max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
            yield marker, data[at + 4 : at + 2 + length]
            at += 2 + length
