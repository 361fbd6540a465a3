"""BMP, of Windows in all its versions and of OS/2's first: headers of growing length, told by their length."""

from dataclasses import dataclass

from shared.contract.errors import BrokenImage, UnsupportedImage
from shared.formats.header import Header, Limits, Window

_HEADERS = {12, 40, 52, 56, 64, 108, 124}
_VERSION_4 = 108
_OS2 = 64  # in which compression 3 and 4 are others
PLAIN, RLE8, RLE4, MASKED, JPEG, PNG, MASKED_WITH_ALPHA = range(7)
# Red, green, blue and alpha where no masks are told.
_MASKS = {16: (0x7C00, 0x3E0, 0x1F, 0), 24: (0xFF0000, 0xFF00, 0xFF, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0)}
_EMBEDDED, _LINKED, _CALIBRATED = b"DEBM", b"KNIL", bytes(4)  # colour spaces, in the order of the file's bytes


@dataclass(frozen=True)
class Layout:
    """How the pixels are stored, and what the header says of their colours."""

    width: int
    height: int
    top_down: bool
    bits: int  # of a pixel
    compression: int
    masks: tuple[int, int, int, int] | None  # the bits of red, green, blue and alpha; None: a palette
    palette: tuple[int, int, int]  # place, entries, bytes of an entry
    pixels: int  # where they begin
    profile: tuple[int, int] | None  # place and size of an embedded ICC profile
    linked: bool  # whether the profile is another file
    calibrated: tuple[float, ...] | None  # x, y of red, green, blue and white, then the exponent that makes light

    @property
    def row_bytes(self) -> int:
        """Without the filling that makes rows whole words of four bytes."""
        return (self.width * self.bits + 7) // 8

    @property
    def transparent(self) -> bool:
        """Whether pixels may be: by a mask, or because run lengths leave them out."""
        return self.compression in (RLE8, RLE4) or (self.masks is not None and self.masks[3] != 0)


def is_bmp(start: bytes) -> bool:
    return start[:2] == b"BM" and int.from_bytes(start[14:18], "little") in _HEADERS


def read(window: Window, limits: Limits) -> Header:
    found = layout(window)
    return Header("BMP", found.width, found.height, transparent=found.transparent)


def layout(window: Window) -> Layout:
    """Raises UnsupportedImage for what is not read, BrokenImage for a header that makes no sense."""
    size = _u32(window.at(14, 4), 0)
    head = window.at(14, size)
    if size == 12:
        width, height, bits = (int.from_bytes(head[at : at + 2], "little") for at in (4, 6, 10))
        compression = used = 0
    else:
        width, height = (int.from_bytes(head[at : at + 4], "little", signed=True) for at in (4, 8))
        bits, compression, used = int.from_bytes(head[14:16], "little"), _u32(head, 16), _u32(head, 32)
    _check(bits, compression, size)
    masks = _masks(window, head, bits, compression)
    begin = 14 + size + (12 if size == 40 and compression == MASKED else 16 if size == 40 and compression == 6 else 0)
    entry = 3 if size == 12 else 4
    entries = min(used or 1 << bits, 1 << bits) if bits <= 8 else 0
    stated = _u32(window.at(10, 4), 0)
    if begin < stated < begin + entries * entry:
        entries = (stated - begin) // entry
    profile, linked, calibrated = _colors(head)
    return Layout(
        width=width,
        height=abs(height),
        top_down=height < 0,
        bits=bits,
        compression=compression,
        masks=masks,
        palette=(begin, entries, entry),
        pixels=stated if stated > begin else begin + entries * entry,
        profile=profile,
        linked=linked,
        calibrated=calibrated,
    )


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def _check(bits: int, compression: int, size: int) -> None:
    """Raises UnsupportedImage for ways to store pixels that are not read."""
    if compression in (JPEG, PNG):
        raise UnsupportedImage("BMP files with a JPEG or PNG in them are not read: send that one itself.")
    run_lengths = {RLE8: 8, RLE4: 4}.get(compression)
    known = (
        (compression == PLAIN and bits in (1, 2, 4, 8, 16, 24, 32))
        or run_lengths == bits
        or (compression in (MASKED, MASKED_WITH_ALPHA) and bits in (16, 32) and size != _OS2)
    )
    if not known:
        raise UnsupportedImage(
            f"BMP files of {bits} bits a pixel with compression {compression} are not read: save it with 24 or 32 bits."
        )


def _masks(window: Window, head: bytes, bits: int, compression: int) -> tuple[int, int, int, int] | None:
    if bits <= 8:
        return None
    red, green, blue, alpha = _MASKS[bits]
    told = head[40:56] if len(head) >= 52 and len(head) != _OS2 else b""
    if compression in (MASKED, MASKED_WITH_ALPHA):
        told = told or window.at(14 + 40, 12 if compression == MASKED else 16)
        red, green, blue = (_u32(told, at) for at in (0, 4, 8))
    if compression != PLAIN or (bits == 32 and len(head) >= _VERSION_4):
        # Of plain pixels the colours have their places, and alpha the one that is told: so browsers take it.
        alpha = _u32(told, 12)
    masks = (red, green, blue, alpha)
    if any((mask // (mask & -mask) + 1).bit_count() != 1 for mask in masks if mask) or not all(masks[:3]):
        raise BrokenImage("The BMP file's masks of colours are missing, or have gaps.")
    return masks


def _colors(head: bytes) -> tuple[tuple[int, int] | None, bool, tuple[float, ...] | None]:
    """The place of a profile, whether one is elsewhere, and the calibrated space that versions 4 and 5 can tell."""
    if len(head) < _VERSION_4:
        return None, False, None
    kind = head[56:60]
    if kind == _EMBEDDED and len(head) == 124:
        return (14 + _u32(head, 112), _u32(head, 116)), False, None
    if kind != _CALIBRATED:
        return None, kind == _LINKED, None
    corners = [_u32(head, at) / 2**30 for at in range(60, 96, 4)]  # X, Y, Z of red, green and blue
    gammas = [_u32(head, at) / 2**16 for at in (96, 100, 104)]
    whites = [sum(corners[axis::3]) for axis in range(3)]
    points = [*(corners[at : at + 3] for at in (0, 3, 6)), whites]
    if min(map(sum, points)) <= 0 or min(gammas) <= 0 or max(gammas) - min(gammas) > 0.01:
        return None, False, None  # left empty, as by most writers
    return None, False, (*(value / sum(point) for point in points for value in point[:2]), gammas[0])
