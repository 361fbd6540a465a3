"""Palettes for Adobe's programs: Swatch Exchange (`ase`) and Photoshop's colour swatches (`aco`).

ASE is not published by Adobe; it is read here as Illustrator, InDesign and Photoshop write it. ACO is from Adobe's
"Photoshop File Formats Specification", section "Color Swatches". Both are big-endian, their names UTF-16.
"""

import struct

from api.palette.swatches import Swatches

_GROUP_BEGIN, _GROUP_END, _COLOR = 0xC001, 0xC002, 0x0001
_GLOBAL = 0  # a colour whose uses change with it; Adobe's programs write 0 (global), 1 (spot) or 2 (normal)
MOST_ACO_COLORS = 2**16 - 1  # the number of colours has 16 bits; those left out are the smallest
_RGB = 0  # ACO's number of the colour space


def to_ase(palette: Swatches) -> bytes:
    """One group, named as the palette; each colour as three numbers from 0 to 1."""
    blocks = [_block(_GROUP_BEGIN, _ase_name(palette.title))]
    for color in palette.colors:
        channels = struct.pack(">4s3fH", b"RGB ", *(channel / 255 for channel in color.rgb), _GLOBAL)
        blocks.append(_block(_COLOR, _ase_name(color.name) + channels))
    blocks.append(_block(_GROUP_END, b""))
    return b"ASEF" + struct.pack(">HHI", 1, 0, len(blocks)) + b"".join(blocks)


def _block(kind: int, content: bytes) -> bytes:
    return struct.pack(">HI", kind, len(content)) + content


def _ase_name(name: str) -> bytes:
    """UTF-16 with a zero behind it, which the length in front counts."""
    text = name.encode("utf-16-be") + b"\0\0"
    return struct.pack(">H", len(text) // 2) + text


def to_aco(palette: Swatches) -> bytes:
    """Version 1, which has no names, and then version 2, which has them: readers of either find theirs."""
    colors = palette.colors[:MOST_ACO_COLORS]
    first, second = struct.pack(">HH", 1, len(colors)), struct.pack(">HH", 2, len(colors))
    for color in colors:
        # 16 bits a channel: 255 is 65,535, so that a channel is repeated in both bytes.
        value = struct.pack(">H4H", _RGB, *(257 * channel for channel in color.rgb), 0)
        text = color.name.encode("utf-16-be") + b"\0\0"
        first += value
        second += value + struct.pack(">I", len(text) // 2) + text
    return first + second
