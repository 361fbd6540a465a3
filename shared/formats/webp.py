"""WebP (RFC 9649): RIFF chunks; VP8, VP8L or VP8X tells the size."""

from typing import NamedTuple

from shared.contract.errors import BrokenImage
from shared.formats import exif
from shared.formats.header import Header, Limits, Window, covered_area


def read(window: Window, limits: Limits) -> Header:
    """The first chunk; in an animation also the places of its frames, and EXIF data behind the picture."""
    if window.size < 8 + int.from_bytes(window.at(4, 4), "little"):
        raise BrokenImage("The WebP file is cut off: it is shorter than it says. Send the whole file.")
    kind, data = window.at(12, 4), window.at(20, 10)
    if kind == b"VP8 ":
        if data[3:6] != b"\x9d\x01\x2a":
            raise BrokenImage("The WebP file's first frame has no key frame's mark.")
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        return Header("WEBP", width, height)
    if kind == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        if data[0] != 0x2F:
            raise BrokenImage("The WebP file's lossless frame has no mark.")
        return Header("WEBP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, transparent=bool(bits >> 28 & 1))
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (4, 7))
        found = _walk(window, limits.frames)
        covered = None if found.first is None else covered_area(width, height, *found.first)
        return Header(
            "WEBP",
            width,
            height,
            frames=max(1, found.frames),
            transparent=bool(data[0] & 0x10) or covered is not None,
            orientation=found.orientation,
            covered=covered,
        )
    raise BrokenImage(f"The WebP file begins with the unknown chunk {kind!r}.")


class _Found(NamedTuple):
    """What the chunks of an extended file tell."""

    frames: int  # counted up to one more than the limit
    orientation: int
    first: tuple[int, int, int, int] | None  # left, top, right and bottom of an animation's first frame


def _walk(window: Window, most: int) -> _Found:
    frames, orientation, offset, first = 0, 1, 12, None
    for _ in range(2 * most + 64):  # frames and metadata
        head = window.peek(offset, 8)
        if len(head) < 8 or frames > most:
            break
        size = int.from_bytes(head[4:], "little")
        if head[:4] == b"ANMF":
            frames += 1
            if first is None:
                place = window.at(offset + 8, 12)
                left, top, wide, high = (int.from_bytes(place[at : at + 3], "little") for at in (0, 3, 6, 9))
                first = (2 * left, 2 * top, 2 * left + wide + 1, 2 * top + high + 1)
        if head[:4] == b"EXIF":
            orientation = exif.orientation(window.peek(offset + 8, min(size, exif.MOST_BYTES)))
            break
        offset += 8 + size + (size & 1)
    return _Found(frames, orientation, first)
