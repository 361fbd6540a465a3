"""The orientation that EXIF data note (CIPA DC-008, tag 0x0112), by which JPEG, PNG and WebP are turned upright."""

from typing import Literal

_TAG = 0x0112
_SIZES = {1: 1, 3: 2, 4: 4}  # bytes of BYTE, SHORT, LONG
MOST_BYTES = 64 * 1024  # of the data; the note stands near their beginning


def orientation(data: bytes) -> int:
    """1 to 8; 1, as stored, where the data note none or cannot be read: they say nothing of the picture then."""
    data = data.removeprefix(b"Exif\0\0").removeprefix(b"Exif\0\0")
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)

    if data[:2] not in (b"II", b"MM") or number(2, 2) != 42:
        return 1
    directory = number(4, 4)
    for at in range(directory + 2, min(directory + 2 + 12 * number(directory, 2), len(data) - 11), 12):
        if number(at, 2) == _TAG:
            found = number(at + 8, _SIZES.get(number(at + 2, 2), 0))
            return found if 1 <= found <= 8 else 1
    return 1
