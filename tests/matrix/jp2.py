"""JPEG 2000: channels in every order, palettes, colour spaces, depths, layouts of boxes; the rest is refused."""

import itertools
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from shared.contract.errors import BrokenImage, UnsupportedImage
from tests.matrix.boxes import SEEN, box
from tests.matrix.case import Case
from tests.support import deep_boxes
from tests.support.corpus import rgb, saved, smooth
from tests.support.profiles import P3_PROFILE, p3_seen

HEIGHT, WIDTH = 24, 31
UNSPECIFIED = 65535
SRGB, GREY, SYCC = 16, 17, 18


def stream(samples: np.ndarray) -> bytes:
    """A lossless codestream of u8[h, w, 1 to 4]."""
    return saved(Image.fromarray(samples.squeeze()), "JPEG2000", irreversible=False, no_jp2=True)


def of_depth(codestream: bytes, *depths: int) -> bytes:
    """A codestream that says so of its components' depths (segment SIZ, section A.5.1)."""
    changed = bytearray(codestream)
    for component in range(int.from_bytes(codestream[40:42], "big")):
        changed[42 + 3 * component] = depths[component % len(depths)]
    return bytes(changed)


def colr(space: int | bytes, method: int = 0) -> bytes:
    """An enumerated space, or a profile by method 2 (restricted) or 3 (any)."""
    if isinstance(space, int):
        return box(b"colr", b"\1\0\0" + struct.pack(">I", space))
    return box(b"colr", bytes([method or 2]) + b"\0\0" + space)


def cdef(*entries: tuple[int, int, int]) -> bytes:
    """Channel, what it is (0 colour, 1 opacity, 2 premultiplied opacity), and of which colour."""
    return box(b"cdef", struct.pack(">H", len(entries)) + b"".join(struct.pack(">HHH", *each) for each in entries))


def file_of(
    codestream: bytes, extra: bytes, bits: int = 8, *, wide: bool = False, last: bool = False, more: bytes = b""
) -> bytes:
    """A JP2 file: `extra` are the boxes of its header; told in 64 bits, or the last box by a size of zero, if so."""
    height, width, components = size_of(codestream)
    ihdr = box(b"ihdr", struct.pack(">IIHBBBB", height, width, components, bits - 1, 7, 0, 0))
    head = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    body = box(b"jp2c", codestream, wide=wide)
    if last:
        body = bytes(4) + body[4:]
    return head + box(b"jp2h", ihdr + extra, wide=wide) + more + body


def size_of(codestream: bytes) -> tuple[int, int, int]:
    """Height, width and number of components."""
    return (
        int.from_bytes(codestream[12:16], "big"),
        int.from_bytes(codestream[8:12], "big"),
        int.from_bytes(codestream[40:42], "big"),
    )


def channels() -> Iterator[Case]:
    """Definitions of channels in every order, with opacity at every place."""
    color, clear = smooth(HEIGHT, WIDTH), smooth(HEIGHT, WIDTH, 4)
    for order in itertools.permutations(range(3)):
        stored = np.ascontiguousarray(color[..., list(order)])
        extra = colr(SRGB) + cdef(*((at, 0, which + 1) for at, which in enumerate(order)))
        yield Case(f"jp2 colours {order}", file_of(stream(stored), extra), color)
    for order in itertools.permutations(range(4)):
        stored = np.ascontiguousarray(clear[..., list(order)])
        alpha = [(at, 1, 0) if which == 3 else (at, 0, which + 1) for at, which in enumerate(order)]
        yield Case(
            f"jp2 colours and opacity {order}",
            file_of(stream(stored), colr(SRGB) + cdef(*alpha)),
            clear,
            found={"mode": "RGBA"},
        )
        other = [(at, kind and UNSPECIFIED, meant or UNSPECIFIED) for at, kind, meant in alpha]
        yield Case(
            f"jp2 colours and another {order}",
            file_of(stream(stored), colr(SRGB) + cdef(*other)),
            color,
            steps=frozenset({"ignored_channels"}),
        )
        premultiplied = [(at, 2 * kind, meant) for at, kind, meant in alpha]
        yield Case(
            f"jp2 premultiplied {order}", file_of(stream(stored), colr(SRGB) + cdef(*premultiplied)), UnsupportedImage
        )
    grey = np.ascontiguousarray(clear[..., [1, 3]])
    for first, told in itertools.product((0, 1), (False, True)):
        stored = np.ascontiguousarray(grey[..., ::-1] if first else grey)
        if first and not told:
            continue
        extra = colr(GREY) + (cdef((first, 0, 1), (1 - first, 1, 0)) if told else b"")
        yield Case(f"jp2 grey and opacity {first} {told}", file_of(stream(stored), extra), rgb(grey))
    yield Case("jp2 four channels untold", file_of(stream(clear), colr(SRGB)), clear)
    yield Case("jp2 grey called sRGB", file_of(stream(grey[..., :1]), colr(SRGB)), rgb(grey[..., :1]))


def palettes() -> Iterator[Case]:
    """Palettes of three and four columns, in every order of columns; colours that occur twice."""
    index = np.random.default_rng(1).integers(0, 12, (HEIGHT, WIDTH, 1), np.uint8)
    table = np.random.default_rng(2).integers(0, 256, (12, 4), np.uint8)
    table[7] = table[3]
    for columns, order in itertools.chain(
        ((3, order) for order in itertools.permutations(range(3))),
        ((4, order) for order in itertools.permutations(range(4))),
    ):
        stored = table[:, :columns]
        pclr = box(b"pclr", struct.pack(">HB", 12, columns) + bytes([7]) * columns + stored.tobytes())
        # Channel number `at` is the column order[at].
        cmap = box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, column) for column in order))
        seen = stored[:, list(order)][index[..., 0]]
        alpha = cdef((0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 1, 0)) if columns == 4 else b""
        data = file_of(stream(index), colr(SRGB) + pclr + cmap + alpha)
        yield Case(f"jp2 palette {order}", data, seen, found={"mode": "palette" + "+alpha" * (columns == 4)})
    wide = box(b"pclr", struct.pack(">HB", 12, 3) + bytes([15]) * 3 + bytes(12 * 6))
    plain = box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, column) for column in range(3)))
    yield Case("jp2 palette of 16 bits", file_of(stream(index), colr(SRGB) + wide + plain), UnsupportedImage)
    short = box(b"pclr", struct.pack(">HB", 12, 3) + bytes([7]) * 3 + bytes(12))
    yield Case("jp2 palette cut off", file_of(stream(index), colr(SRGB) + short + plain), BrokenImage)


def spaces() -> Iterator[Case]:
    color = smooth(HEIGHT, WIDTH)
    grey = np.ascontiguousarray(color[..., 1:2])
    for method in (2, 3):
        data = file_of(stream(color), colr(P3_PROFILE, method))
        yield Case(
            f"jp2 profile {method}",
            data,
            p3_seen(color),
            1,
            {"profile": "Display P3"},
            frozenset({"converted_profile"}),
        )
    data = file_of(stream(color), colr(SRGB) + colr(P3_PROFILE))
    yield Case("jp2 sRGB, then a profile", data, color, found={"profile": None}, steps=frozenset())
    yield Case("jp2 without a space", file_of(stream(color), b""), color)
    yield Case("jp2 grey", file_of(stream(grey), colr(GREY)), rgb(grey), found={"mode": "grey"})
    luma = np.asarray(Image.fromarray(color).convert("YCbCr"))
    yield Case("jp2 YCbCr", file_of(stream(luma), colr(SYCC)), color, 3)
    for space in (0, 1, 3, 12, 14, 20, 21, 24, 99):
        yield Case(f"jp2 space {space}", file_of(stream(color), colr(space)), UnsupportedImage)
    yield Case("jp2 colours called grey", file_of(stream(color), colr(GREY)), BrokenImage)


def depths() -> Iterator[Case]:
    """Greys of 1 to 16 bits by the codestream's word: its zero is the middle of the range (section G.1)."""
    base = np.tile(np.arange(16, dtype=np.uint8), (16, 1))[..., None]
    for bits in range(4, 17):
        # 8 bits' 128 is the middle; so is 2 ** (bits - 1) of the others.
        values = base.astype(int) + 120 - 128 + (1 << bits - 1)
        seen = rgb(np.rint(values * 255 / ((1 << bits) - 1)).astype(np.uint8))
        data = of_depth(stream(base + 120), bits - 1)
        yield Case(f"jp2 stream grey {bits}", data, seen, found={"bits": bits})
        yield Case(f"jp2 grey {bits}", file_of(data, colr(GREY), bits), seen, found={"bits": bits})
    color = stream(smooth(HEIGHT, WIDTH))
    for name, told in {"12 bits": (11,), "signed": (0x87,), "several depths": (7, 7, 4)}.items():
        yield Case(f"jp2 colours of {name}", of_depth(color, *told), UnsupportedImage)


def layouts() -> Iterator[Case]:
    color = smooth(HEIGHT, WIDTH)
    for wide, last, more in itertools.product((False, True), (False, True), (b"", box(b"xml ", b"<a/>", wide=True))):
        if wide and last:
            continue
        data = file_of(stream(color), colr(SRGB), wide=wide, last=last, more=more)
        yield Case(f"jp2 boxes {wide} {last} {len(more)}", data, color)
    yield Case("jp2 stream", stream(color), color)
    yield Case("jp2 without its stream", file_of(stream(color), colr(SRGB)).replace(b"jp2c", b"free"), BrokenImage)
    lying = file_of(stream(color), colr(SRGB))
    at = lying.index(b"ihdr") + 4
    yield Case("jp2 of five components, it says", lying[: at + 8] + b"\0\5" + lying[at + 10 :], BrokenImage)
    yield Case("jp2 of another height, it says", lying[: at + 3] + b"\x09" + lying[at + 4 :], BrokenImage)


def subsampled() -> Iterator[Case]:
    """YCbCr of fewer colours than lumas: read where every one of them covers whole pixels."""
    yield Case("jp2 4:2:0", deep_boxes.JP2_YUV420P_96, SEEN, 14)
    yield Case("jp2 4:2:2", deep_boxes.JP2_YUV422P_96, SEEN, 14)
    yield Case("jp2 4:2:0 of odd sizes", deep_boxes.JP2_YUV420P_95, UnsupportedImage)
    srgb = deep_boxes.JP2_YUV420P_96.replace(struct.pack(">I", SYCC), struct.pack(">I", SRGB), 1)
    yield Case("jp2 sRGB subsampled", srgb, UnsupportedImage)


def cases() -> Iterator[Case]:
    for family in (channels, palettes, spaces, depths, layouts, subsampled):
        yield from family()
