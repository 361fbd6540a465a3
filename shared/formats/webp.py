"""WebP (RFC 9649): RIFF chunks; VP8, VP8L or VP8X tells the size."""

from shared.contract.errors import BrokenImage
from shared.formats import exif
from shared.formats.header import Header, Limits, Window


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
        frames, orientation = _walk(window, limits.frames)
        transparent = bool(data[0] & 0x10)
        return Header("WEBP", width, height, frames=frames, transparent=transparent, orientation=orientation)
    raise BrokenImage(f"The WebP file begins with the unknown chunk {kind!r}.")


def _walk(window: Window, most: int) -> tuple[int, int]:
    """How many frames there are, counted up to one more than `most`, and the orientation."""
    frames, orientation, offset = 0, 1, 12
    for _ in range(2 * most + 64):  # frames and metadata
        head = window.peek(offset, 8)
        if len(head) < 8 or frames > most:
            break
        frames += head[:4] == b"ANMF"
        size = int.from_bytes(head[4:], "little")
        if head[:4] == b"EXIF":
            orientation = exif.orientation(window.peek(offset + 8, min(size, exif.MOST_BYTES)))
            break
        offset += 8 + size + (size & 1)
    return max(1, frames), orientation
