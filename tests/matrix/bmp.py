"""BMP: versions of the header x bits x compression x masks x direction, spaces and profiles."""

import itertools
import struct
from collections.abc import Iterator

import numpy as np

from shared.contract.errors import BrokenImage, UnsupportedImage
from tests.matrix.case import Case
from tests.support.corpus import rounded
from tests.support.profiles import P3_PROFILE, p3_seen

HEIGHT, WIDTH = 9, 13
SIZES = (12, 40, 52, 56, 108, 124)
Masks = tuple[int, int, int, int]


def file_of(
    rows: bytes,
    bits: int,
    *,
    size: int = 40,
    compression: int = 0,
    masks: Masks | None = None,
    palette: bytes = b"",
    top_down: bool = False,
    space: bytes = b"BGRs",
    ends: bytes = b"",
    profile: bytes = b"",
    used: int = 0,
) -> bytes:
    """A BMP of WIDTH x HEIGHT: headers, masks, palette, rows and profile."""
    height = -HEIGHT if top_down else HEIGHT
    if size == 12:
        head = struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", size, WIDTH, height, 1, bits, compression, len(rows), 0, 0, used, 0)
        told = struct.pack("<4I", *(masks or (0, 0, 0, 0)))
        head += told if size >= 56 else told[:12] if size == 52 else b""
        if size >= 108:
            place = size + len(palette) + len(rows) if profile else 0
            head += (space + ends).ljust(52, b"\0") + struct.pack("<4I", 4, place, len(profile), 0)[: size - 108]
    assert len(head) == size
    behind = b""
    if size == 40 and compression in (3, 6) and masks is not None:
        behind = struct.pack("<4I", *masks)[: 12 if compression == 3 else 16]
    begin = 14 + size + len(behind) + len(palette)
    whole = head + behind + palette + rows + profile
    return b"BM" + struct.pack("<IHHI", 14 + len(whole), 0, 0, begin) + whole


def packed(values: np.ndarray, bits: int, top_down: bool) -> bytes:
    """Pixels int[h, w] as rows of whole words, the lowest row first."""
    rows = values if top_down else values[::-1]
    if bits == 24:
        rows = np.stack([rows & 255, rows >> 8 & 255, rows >> 16], -1).astype(np.uint8).reshape(len(rows), -1)
    elif bits >= 16:
        rows = rows.astype("<u2" if bits == 16 else "<u4").view(np.uint8)
    else:
        rows = np.packbits(
            (rows[..., None] >> np.arange(bits)[::-1] & 1).astype(np.uint8).reshape(len(rows), -1), axis=1
        )
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).tobytes()


def random_values(bits: int) -> np.ndarray:
    return np.random.default_rng(bits).integers(0, 1 << bits, (HEIGHT, WIDTH))


def seen_of(values: np.ndarray, masks: Masks) -> np.ndarray:
    """What the bits at the masks stand for."""
    channels = []
    for mask in masks if masks[3] else masks[:3]:
        shift = (mask & -mask).bit_length() - 1
        channels.append(rounded((values & mask) >> shift, mask >> shift))
    return np.stack(channels, -1)


def palettes() -> Iterator[Case]:
    for bits, size, top_down, short in itertools.product((1, 2, 4, 8), SIZES, (False, True), (False, True)):
        if size == 12 and (top_down or short):
            continue
        entries = (1 << bits) - (short and bits > 1)
        colors = np.random.default_rng(5).integers(0, 256, (entries, 3), np.uint8)
        table = np.pad(colors[:, ::-1], ((0, 0), (0, 0 if size == 12 else 1))).tobytes()
        values = random_values(bits) % entries
        data = file_of(
            packed(values, bits, top_down),
            bits,
            size=size,
            palette=table,
            top_down=top_down,
            used=entries if short else 0,
        )
        shown = (bits, size) != (2, 12)
        yield Case(f"bmp palette {bits} {size} {top_down} {short}", data, colors[values], shown=shown)


PLAIN: dict[int, Masks] = {
    16: (0x7C00, 0x3E0, 0x1F, 0),
    24: (0xFF0000, 0xFF00, 0xFF, 0),
    32: (0xFF0000, 0xFF00, 0xFF, 0),
}
MASKS: dict[int, list[Masks]] = {
    16: [
        (0xF800, 0x7E0, 0x1F, 0),
        (0xF00, 0xF0, 0xF, 0),
        (0xF00, 0xF0, 0xF, 0xF000),
        (0x7C00, 0x3E0, 0x1F, 0x8000),
        (0x1F, 0x7E0, 0xF800, 0),
        (0x7, 0x38, 0xC0, 0xFF00),
    ],
    32: [
        (0xFF0000, 0xFF00, 0xFF, 0),
        (0xFF0000, 0xFF00, 0xFF, 0xFF000000),
        (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
        (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
        (0xFF000000, 0xFF0000, 0xFF00, 0),
        (0xFF0, 0xFF000, 0xFF00000, 0),
        (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000),
        (0xFFF00000, 0xFFF00, 0xFF, 0),
    ],
}


def plain() -> Iterator[Case]:
    for bits, size, top_down in itertools.product(PLAIN, SIZES, (False, True)):
        if size == 12 and (bits in (16, 32) or top_down):
            continue
        values = random_values(bits)
        data = file_of(packed(values, bits, top_down), bits, size=size, top_down=top_down)
        yield Case(f"bmp plain {bits} {size} {top_down}", data, seen_of(values, PLAIN[bits]), found={"mode": "RGB"})
    # The alpha of plain pixels counts where versions 4 and 5 name its mask.
    for size in (56, 108, 124):
        values, alpha = random_values(32), 0xFF000000
        masks = (*PLAIN[32][:3], alpha)
        data = file_of(packed(values, 32, False), 32, size=size, masks=masks)
        yield Case(f"bmp plain alpha {size}", data, seen_of(values, masks if size > 56 else PLAIN[32]))


def masked() -> Iterator[Case]:
    for bits, size, compression, top_down in itertools.product((16, 32), SIZES[1:], (3, 6), (False, True)):
        for masks in MASKS[bits]:
            alpha = masks[3] and (size >= 56 or (size == 40 and compression == 6))
            values = random_values(bits)
            data = file_of(
                packed(values, bits, top_down), bits, size=size, compression=compression, masks=masks, top_down=top_down
            )
            seen = seen_of(values, masks if alpha else (*masks[:3], 0))
            deep = any(mask.bit_count() > 8 for mask in masks)
            # Browsers cut samples of more than 8 bits off, and know no alpha without a mask in the header.
            shown = not deep and compression == 3
            yield Case(f"bmp masks {bits} {size} {compression} {top_down} {masks}", data, seen, shown=shown)


def clear() -> Iterator[Case]:
    """A mask of alpha counts also where its bits are 0 in every pixel: the picture is clear."""
    for bits, compression in ((16, 3), (32, 3), (32, 0)):
        masks: Masks = (*PLAIN[bits][:3], {16: 0x8000, 32: 0xFF000000}[bits])
        values = random_values(bits) & ~masks[3]
        data = file_of(packed(values, bits, False), bits, size=124, compression=compression, masks=masks)
        yield Case(f"bmp clear {bits} {compression}", data, seen_of(values, masks), found={"mode": "RGBA"})


def runs() -> Iterator[Case]:
    """Run lengths: runs, literal pixels of odd and even numbers, jumps, and ends before the last pixel."""
    colors = np.random.default_rng(6).integers(0, 256, (16, 3), np.uint8)
    table = np.pad(colors[:, ::-1], ((0, 0), (0, 1))).tobytes()
    for four, jump, ended in itertools.product((False, True), (False, True), ("whole", "early", "without a mark")):
        data, index = _runs(four, jump, ended)
        seen = np.dstack([colors[np.maximum(index, 0)], np.where(index < 0, 0, 255).astype(np.uint8)])
        seen = seen if (index < 0).any() else seen[..., :3]
        file = file_of(data, 4 if four else 8, compression=2 if four else 1, palette=table, used=16)
        # What no run draws is black in Chromium, clear in Firefox, and nobody's colour by the format.
        yield Case(f"bmp runs {four} {jump} {ended}", file, seen, shown=seen.shape[2] == 3)
        yield Case(f"bmp runs cut off {four} {jump} {ended}", file[:-3] if ended != "early" else file[:-9], BrokenImage)


def _runs(four: bool, jump: bool, ended: str) -> tuple[bytes, np.ndarray]:
    """The runs of a picture, and its indices, -1 where nothing is drawn."""
    random = np.random.default_rng(9)
    index = np.full((HEIGHT, WIDTH), -1)
    rows = []
    for y in range(HEIGHT):
        row, x = b"", 0
        if jump and y == 3:
            row, x = b"\0\2\4\0", 4
        literal = random.integers(0, 16, 3 + y % 5)
        index[y, x : x + len(literal)] = literal
        x += len(literal)
        row += bytes([0, len(literal)]) + _literal(literal, four)
        first, second = random.integers(0, 16, 2)
        length = WIDTH - x
        index[y, x:] = np.where(np.arange(length) % 2, second if four else first, first)
        row += bytes([length, first << 4 | second if four else first])
        rows.append(row)
    if ended == "early":
        index[-2:] = -1
        rows = rows[:-2]
    data = b"\0\0".join(rows)
    data += b"\0\0" if ended == "without a mark" else b"\0\1"
    return data, index[::-1]


def _literal(values: np.ndarray, four: bool) -> bytes:
    if four:
        values = np.pad(values, (0, len(values) % 2))
        values = values[::2] << 4 | values[1::2]
    data = bytes(map(int, values))
    return data + b"\0" * (len(data) % 2)


def spaces() -> Iterator[Case]:
    """Profiles in the file, those elsewhere, and endpoints with a gamma."""
    values = random_values(24)
    rows, colors = packed(values, 24, False), seen_of(values, PLAIN[24])
    data = file_of(rows, 24, size=124, space=b"DEBM", profile=P3_PROFILE)
    yield Case("bmp profile", data, p3_seen(colors), 1, {"profile": "Display P3"}, frozenset({"converted_profile"}))
    data = file_of(rows, 24, size=124, space=b"KNIL", profile=b"elsewhere.icc\0")
    yield Case("bmp linked profile", data, colors, 0, {"profile": None}, frozenset({"ignored_profile"}))
    columns = ((0.4124, 0.2126, 0.0193), (0.3576, 0.7152, 0.1192), (0.1805, 0.0722, 0.9505))
    for gamma in (0.0, 1.0, 2.2):
        ends = struct.pack(
            "<9i3I", *(round(v * 2**30) for column in columns for v in column), *[round(gamma * 65536)] * 3
        )
        data = file_of(rows, 24, size=108, space=bytes(4), ends=ends)
        light = (colors / 255) ** gamma if gamma == 1.0 else None
        seen = colors
        if light is not None:
            seen = np.rint(
                255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
            ).astype(np.uint8)
        steps = frozenset({"converted_gamma"} if gamma == 1.0 else ())
        yield Case(f"bmp gamma {gamma}", data, seen, steps=steps, shown=gamma != 1.0)  # browsers do not follow it


def refused() -> Iterator[Case]:
    for compression in (4, 5):
        yield Case(f"bmp compression {compression}", file_of(bytes(99), 24, compression=compression), UnsupportedImage)
    yield Case("bmp runs of 24 bits", file_of(bytes(999), 24, compression=1), UnsupportedImage)
    yield Case("bmp of 5 bits", file_of(bytes(999), 5), UnsupportedImage)
    gap = (0xF0F000, 0xFF0, 0xF, 0)
    yield Case("bmp masks with a gap", file_of(bytes(999), 32, compression=3, masks=gap), BrokenImage)
    yield Case("bmp cut off", file_of(packed(random_values(24), 24, False)[:-10], 24), BrokenImage)
    padding = file_of(packed(random_values(24), 24, False)[:-1], 24)
    yield Case("bmp without its last filling", padding, seen_of(random_values(24), PLAIN[24]), shown=False)


def cases() -> Iterator[Case]:
    for family in (palettes, plain, masked, clear, runs, spaces, refused):
        yield from family()
