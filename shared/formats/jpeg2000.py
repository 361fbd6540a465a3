"""JPEG 2000 (ITU-T T.800): a codestream, or one in boxes (JP2)."""

from shared.contract.errors import BrokenImage
from shared.formats.header import Header, Limits, Window

_CODESTREAM = b"\xff\x4f\xff\x51"
MAX_BOXES = 256


def read(window: Window, limits: Limits) -> Header:
    """The codestream's SIZ segment (section A.5.1)."""
    at = _codestream(window) + 4
    right, bottom, left, top = (window.u32(at + 4 + 4 * field) for field in range(4))
    components = window.u16(at + 36)
    depths = window.at(at + 38, 3 * components)[::3]
    bits = 1 + max((depth & 0x7F for depth in depths), default=0)
    return Header("JPEG2000", right - left, bottom - top, bits, transparent=components in (2, 4))


def _codestream(window: Window) -> int:
    offset = 0
    for _ in range(MAX_BOXES):
        if window.at(offset, 4) == _CODESTREAM:
            return offset
        size, kind = window.u32(offset), window.at(offset + 4, 4)
        if kind == b"jp2c":
            offset += 16 if size == 1 else 8
            continue
        if size < 8:
            break
        offset += size
    raise BrokenImage("The JPEG 2000 file has no picture in it.")
