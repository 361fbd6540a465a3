"""JPEG 2000 (ITU-T T.800): a codestream, or one in boxes (JP2, annex I).

Its plain forms are read: grey and colours without or with opacity, in any order of channels, and palettes. Whatever
else the format allows is refused here, before it would be decoded as something that it is not.
"""

import struct
from dataclasses import dataclass

from shared.contract.errors import BrokenImage, UnsupportedImage
from shared.formats import boxes
from shared.formats.header import MAX_METADATA_BYTES, Header, Limits, Window

_CODESTREAM = b"\xff\x4f\xff\x51"
_SRGB, _GREY, _SYCC = 16, 17, 18
_SPACES = {1: "bitmaps", 3: "YCbCr", 12: "CMYK", 14: "CIELab", 20: "e-sRGB", 21: "ROMM RGB", 24: "e-sYCC"}
_COLOR, _OPACITY, _WHOLE, _UNSPECIFIED = 0, 1, 0, 65535
MAX_COMPONENTS = 16384  # the format's own limit


@dataclass(frozen=True)
class Layout:
    """What a decoder of codestreams does not know."""

    header: Header
    stream: int  # where the codestream begins
    ycbcr: bool  # whether the channels are YCbCr of as many samples each
    colors: tuple[int, ...]  # the channels that are grey, or red, green and blue
    opacity: int | None  # the channel that is alpha
    unused: int  # channels of unspecified meaning
    palette: tuple[bytes, ...] | None  # the entries of a palette of 8 bits, one for each channel
    icc: bytes | None


def read(window: Window, limits: Limits) -> Header:
    return layout(window).header


def layout(window: Window) -> Layout:
    """Raises UnsupportedImage for forms that are not read, BrokenImage for a file that contradicts itself."""
    stream, head = _parts(window)
    found = _Stream.read(window, stream)
    said = dict(head).get(b"ihdr", b"")
    told = (found.height, found.width, found.components)
    if head and (len(said) < 10 or struct.unpack(">IIH", said[:10]) != told):
        raise BrokenImage("The JPEG 2000 file says twice how large it is or what it is made of, and differently.")
    space, icc = _color_space(head)
    if space is not None and space not in (_SRGB, _GREY, _SYCC):
        what = _SPACES.get(space, f"the space {space}")
        raise _refused(f"JPEG 2000 files of {what} are not read")
    palette = _palette(head, found)
    channels = len(palette) if palette is not None else found.components
    colors, opacity, unused = _channels(head, channels)
    if space == _GREY and len(colors) > 1:
        raise BrokenImage("The JPEG 2000 file says that it is grey, and has several colours.")
    found.check_sampling(ycbcr=space == _SYCC or (space is None and icc is None))
    if space == _SYCC and (colors, opacity, unused) != ((0, 1, 2), None, 0):
        raise _refused("JPEG 2000 files of YCbCr with other channels are not read")
    if found.bits > 8 and (len(colors) > 1 or opacity is not None):
        raise _refused(f"JPEG 2000 files of colours of {found.bits} bits are not read")
    if found.bits > 16:
        raise _refused(f"JPEG 2000 files of {found.bits} bits are not read")
    header = Header("JPEG2000", found.width, found.height, found.bits, transparent=opacity is not None)
    whole = space == _SYCC and found.plain
    return Layout(header, stream, whole, colors, opacity, unused, palette, icc)


def _refused(what: str) -> UnsupportedImage:
    return UnsupportedImage(f"{what}: save it with 8 bits as grey or sRGB, or as PNG or TIFF.")


def _parts(window: Window) -> tuple[int, list[tuple[bytes, bytes]]]:
    """Where the codestream begins, and the boxes of the header box `jp2h`: none for a bare codestream."""
    if window.peek(0, 4) == _CODESTREAM:
        return 0, []
    head: list[tuple[bytes, bytes]] = []
    for box in boxes.in_file(window):
        if box.kind == b"jp2h" and not head:
            if box.size > MAX_METADATA_BYTES:
                raise BrokenImage(f"The JPEG 2000 file has more than {MAX_METADATA_BYTES:,} bytes of metadata.")
            head = list(boxes.in_bytes(window.at(box.begin, box.size)))
        if box.kind == b"jp2c":
            if window.at(box.begin, 4) != _CODESTREAM:
                break
            return box.begin, head
    raise BrokenImage("The JPEG 2000 file has no picture in it.")


@dataclass(frozen=True)
class _Stream:
    """What the codestream says of its components (segment SIZ, section A.5.1)."""

    width: int
    height: int
    bits: int
    components: int
    steps: tuple[tuple[int, int], ...]  # across and down, of each component's samples
    origin: tuple[int, int]

    @staticmethod
    def read(window: Window, begin: int) -> "_Stream":
        at = begin + 6
        right, bottom, left, top = (window.u32(at + 2 + 4 * field) for field in range(4))
        components = window.u16(at + 34)
        if not 1 <= components <= MAX_COMPONENTS:
            raise BrokenImage(f"The JPEG 2000 file says that it has {components} components.")
        told = window.at(at + 36, 3 * components)
        depths, steps = told[::3], tuple(zip(told[1::3], told[2::3], strict=True))
        if len(set(depths)) > 1 or depths[0] & 0x80:
            raise _refused("JPEG 2000 files of signed samples, or of several depths, are not read")
        return _Stream(right - left, bottom - top, 1 + depths[0], components, steps, (left, top))

    @property
    def plain(self) -> bool:
        """Whether all components have a sample for each pixel."""
        return set(self.steps) == {(1, 1)}

    def check_sampling(self, ycbcr: bool) -> None:
        """Raises UnsupportedImage for components of fewer samples, unless every one of these covers whole pixels."""
        if self.plain:
            return
        even = self.origin == (0, 0) and all(
            across and down and self.width % across == 0 and self.height % down == 0 for across, down in self.steps
        )
        if not (ycbcr and self.components == 3 and self.steps[0] == (1, 1) and self.steps[1] == self.steps[2] and even):
            raise _refused("JPEG 2000 files of subsampled components of odd sizes, or of other colours, are not read")


def _color_space(head: list[tuple[bytes, bytes]]) -> tuple[int | None, bytes | None]:
    """The number of an enumerated colour space, or an ICC profile: what the first `colr` says (section I.5.3.3)."""
    for kind, data in head:
        if kind != b"colr" or len(data) < 3:
            continue
        if data[0] == 1:
            return int.from_bytes(data[3:7], "big"), None
        if data[0] in (2, 3):
            return None, data[3:]
    return None, None


def _palette(head: list[tuple[bytes, bytes]], found: _Stream) -> tuple[bytes, ...] | None:
    """The columns of `pclr` that `cmap` names, in its order (sections I.5.3.4 and I.5.3.5)."""
    inside = dict(head)
    if b"pclr" not in inside and b"cmap" not in inside:
        return None
    table, uses = inside.get(b"pclr", b""), inside.get(b"cmap", b"")
    entries, columns = int.from_bytes(table[:2], "big"), table[2] if len(table) > 2 else 0
    depths, values = table[3 : 3 + columns], table[3 + columns :]
    if not (entries and columns and uses) or len(values) < entries * columns:
        raise BrokenImage("The JPEG 2000 file's palette is not whole.")
    mapped = [(uses[at : at + 2], uses[at + 2], uses[at + 3]) for at in range(0, len(uses) - 3, 4)]
    plain = all(component == b"\0\0" and how == 1 and column < columns for component, how, column in mapped)
    if found.components != 1 or found.bits > 8 or not plain or set(depths) != {7}:
        raise _refused("JPEG 2000 files of palettes other than of one component and of 8 bits are not read")
    return tuple(values[column : entries * columns : columns] for _, _, column in mapped)


def _channels(head: list[tuple[bytes, bytes]], count: int) -> tuple[tuple[int, ...], int | None, int]:
    """The colours' channels, that of opacity, and how many others there are: what `cdef` says (section I.5.3.6)."""
    definitions = dict(head).get(b"cdef")
    if definitions is None:
        # Without a word, the last of an even number is taken for opacity, as by all viewers.
        if count > 4:
            raise _refused(f"JPEG 2000 files of {count} components are not read")
        return tuple(range(count - (count % 2 == 0))), count - 1 if count % 2 == 0 else None, 0
    told = [
        tuple(int.from_bytes(definitions[at + place : at + place + 2], "big") for place in (0, 2, 4))
        for at in range(2, len(definitions) - 5, 6)
    ]
    colors = {meant: channel for channel, kind, meant in told if kind == _COLOR}
    opacities = [channel for channel, kind, meant in told if kind == _OPACITY and meant == _WHOLE]
    unused = [channel for channel, kind, _ in told if kind == _UNSPECIFIED]
    every = sorted([*colors.values(), *opacities, *unused])
    if every != list(range(count)) or len(opacities) > 1 or sorted(colors) not in ([1], [1, 2, 3]) or count > 4:
        raise _refused("JPEG 2000 files of channels other than grey or red, green and blue, and opacity, are not read")
    return tuple(colors[meant] for meant in sorted(colors)), opacities[0] if opacities else None, len(unused)
