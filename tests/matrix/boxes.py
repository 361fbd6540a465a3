"""AVIF and HEIC: ranges and matrices of YCbCr, depths, turns and cuts, and the legal ways to lay out boxes."""

import itertools
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.matrix.case import Case
from tests.matrix.tiff import ycc
from tests.support import deep_boxes, heic
from tests.support.corpus import rgb, saved
from tests.support.heic import QUADRANTS
from tests.support.profiles import P3_PROFILE, p3_seen

HEIGHT, WIDTH = 64, 96
SEEN = QUADRANTS.repeat(32, axis=0).repeat(48, axis=1)
LUMAS = {1: (0.2126, 0.7152, 0.0722), 6: (0.299, 0.587, 0.114), 9: (0.2627, 0.678, 0.0593)}
Boxes = list[tuple[bytes, bytes]]


# --- the writer -------------------------------------------------------------------------------------------------------


def box(kind: bytes, data: bytes, wide: bool = False) -> bytes:
    """A box; `wide` ones tell their size in 64 bits."""
    if wide:
        return struct.pack(">I4sQ", 1, kind, 16 + len(data)) + data
    return struct.pack(">I4s", 8 + len(data), kind) + data


def boxes(data: bytes) -> Boxes:
    found, at = [], 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big") or len(data) - at
        found.append((data[at + 4 : at + 8], data[at + 8 : at + size]))
        at += size
    return found


class File:
    """An AVIF or HEIC file taken apart, to be put together in another way; items and their data stay."""

    def __init__(self, data: bytes) -> None:
        self.top = dict(boxes(data))
        self.meta = dict(boxes(self.top[b"meta"][4:]))
        properties = boxes(self.meta.pop(b"iprp"))
        self.properties = boxes(dict(properties)[b"ipco"])
        self.uses = _uses(dict(properties)[b"ipma"])
        self.offset = data.index(b"mdat") + 4
        self.places = self.meta.pop(b"iloc")

    def set(self, kind: bytes, data: bytes) -> None:
        """Another content for every property of a kind."""
        self.properties = [(each, data if each == kind else content) for each, content in self.properties]

    def add(self, kind: bytes, data: bytes) -> None:
        """One more property of the first item."""
        self.properties.append((kind, data))
        first = next(iter(self.uses))
        self.uses[first] = [*self.uses[first], (True, len(self.properties))]

    def whole(self, tables: int = 1, wide: bool = False, large: tuple[bytes, ...] = (), free: int = 0) -> bytes:
        """The file, its properties listed in so many tables, of wide numbers or narrow; some boxes told in 64 bits."""
        uses = list(self.uses.items())
        parts = [dict(uses)] if tables == 1 else [dict(uses[:1]), dict(uses[1:])]
        iprp = box(b"ipco", b"".join(box(*each, wide=each[0] in large) for each in self.properties))
        iprp += b"".join(_table(part, wide ^ (number > 0)) for number, part in enumerate(parts) if part or tables == 1)
        inside = b"".join(box(kind, data, wide=kind in large) for kind, data in self.meta.items())
        inside += box(b"iprp", iprp, wide=b"iprp" in large)
        head = box(b"ftyp", self.top[b"ftyp"]) + box(b"free", bytes(free), wide=b"free" in large)
        size = len(head) + 8 * (1 + (b"meta" in large)) + 4 + len(inside) + 8 + len(self.places)
        places = _moved(self.places, size + 8 * (1 + (b"mdat" in large)) - self.offset)
        meta = box(b"meta", bytes(4) + inside + box(b"iloc", places), wide=b"meta" in large)
        return head + meta + box(b"mdat", self.top[b"mdat"], wide=b"mdat" in large)


def _uses(data: bytes) -> dict[int, list[tuple[bool, int]]]:
    """Item -> its properties' numbers, of a table of narrow ones."""
    assert data[:4] == bytes(4)
    uses, at = {}, 8
    for _ in range(int.from_bytes(data[4:8], "big")):
        item, count = int.from_bytes(data[at : at + 2], "big"), data[at + 2]
        uses[item] = [(bool(value & 0x80), value & 0x7F) for value in data[at + 3 : at + 3 + count]]
        at += 3 + count
    return uses


def _table(uses: dict[int, list[tuple[bool, int]]], wide: bool) -> bytes:
    """`ipma` of version 0, or of version 1 with wide numbers (HEIF, 9.3.1)."""
    data = struct.pack(">BBHI", wide, 0, wide, len(uses))
    for item, numbers in uses.items():
        data += struct.pack(">IB" if wide else ">HB", item, len(numbers))
        for essential, number in numbers:
            data += struct.pack(">H", essential << 15 | number) if wide else bytes([essential << 7 | number])
    return box(b"ipma", data)


def _moved(places: bytes, by: int) -> bytes:
    """`iloc` (version 0, offsets and lengths of four bytes, a base of four or none) with its data elsewhere."""
    assert places[:5] == bytes(4) + b"\x44"
    base = places[5] >> 4
    out, at = places[:8], 8
    for _ in range(int.from_bytes(places[6:8], "big")):
        extents = int.from_bytes(places[at + 4 + base : at + 6 + base], "big")
        out += places[at : at + 6 + base]
        at += 6 + base
        for _ in range(extents):
            offset, length = struct.unpack(">II", places[at : at + 8])
            out, at = out + struct.pack(">II", offset + by, length), at + 8
    return out


# --- the matrix -------------------------------------------------------------------------------------------------------


def avif(pixels: np.ndarray = SEEN, **options: object) -> bytes:
    return saved(Image.fromarray(pixels), "AVIF", **{"quality": 100, "subsampling": "4:4:4", **options})


SOURCES = {"AVIF": avif(), "HEIC": heic.PLAIN}
STORED_BY = {"AVIF": 6, "HEIC": 1}  # the matrix by which each source was made, in the full range


def codes() -> Iterator[Case]:
    """The same YCbCr told to be of another matrix or range means other colours, as formulas say."""
    for name, data in SOURCES.items():
        stored = ycc(SEEN, LUMAS[STORED_BY[name]], False)
        for matrix, full in itertools.product(LUMAS, (False, True)):
            file = File(data)
            file.set(b"colr", b"nclx" + struct.pack(">HHHB", 1, 13, matrix, full << 7))
            # The encoders are a code or two off, which a narrow range makes twice as much of.
            error = 4 if full else 10
            yield Case(f"{name} matrix {matrix}, full {full}", file.whole(), to_rgb(stored, LUMAS[matrix], full), error)


def to_rgb(stored: np.ndarray, k: tuple[float, ...], full: bool) -> np.ndarray:
    """YCbCr of 8 bits as RGB (ITU-T H.273, section 8.3)."""
    y, cb, cr = np.moveaxis(stored.astype(float), -1, 0)
    y, cb, cr = (
        (y, cb - 128, cr - 128) if full else ((y - 16) * 255 / 219, (cb - 128) * 255 / 224, (cr - 128) * 255 / 224)
    )
    red, blue = y + (2 - 2 * k[0]) * cr, y + (2 - 2 * k[2]) * cb
    green = (y - k[0] * red - k[2] * blue) / k[1]
    return np.rint(np.clip(np.stack([red, green, blue], -1), 0, 255)).astype(np.uint8)


def deep() -> Iterator[Case]:
    """Greys and colours of 10 and 12 bits."""
    grey = rgb(np.rint(SEEN @ np.array(LUMAS[6])).astype(np.uint8)[..., None])
    steps = frozenset({"reduced_to_8_bits"})
    for name, data, seen, bits in (
        ("AVIF grey", deep_boxes.AVIF_GREY_10, grey, 10),
        ("AVIF narrow", deep_boxes.AVIF_NARROW_10, SEEN, 10),
        ("AVIF colours", deep_boxes.AVIF_COLORS_12, SEEN, 12),
        ("HEIC grey", deep_boxes.HEIC_GREY_10, grey, 10),
        ("HEIC grey", deep_boxes.HEIC_GREY_12, grey, 12),
    ):
        # What wrote the colours was eight steps off in places: they are near, not exact.
        yield Case(f"{name} {bits}", data, seen, 2 if seen is grey else 8, {"bits": bits}, steps)
        unsaid = File(data)
        unsaid.set(b"pixi", b"")
        unsaid.properties = [(b"free" if kind == b"pixi" else kind, content) for kind, content in unsaid.properties]
        if name.startswith("HEIC"):  # libavif wants it
            yield Case(f"{name} {bits} without pixi", unsaid.whole(), seen, 2 if seen is grey else 8, {"bits": bits})


def spaces() -> Iterator[Case]:
    """Code points of P3, and profiles."""
    for name, data in SOURCES.items():
        file = File(data)
        file.set(b"colr", b"nclx" + struct.pack(">HHHB", 12, 13, STORED_BY[name], 128))
        yield Case(f"{name} P3", file.whole(), p3_seen(SEEN), 4, steps=frozenset({"converted_profile"}))
        file.add(b"colr", b"prof" + P3_PROFILE)
        yield Case(f"{name} profile", file.whole(), p3_seen(SEEN), 4, {"profile": "Display P3"})
    file = File(SOURCES["AVIF"])
    file.set(b"colr", b"nclx" + struct.pack(">HHHB", 9, 16, STORED_BY["AVIF"], 128))
    yield Case("AVIF PQ", file.whole(), SEEN, 4, steps=frozenset({"ignored_profile"}), shown=False)
    grey = rgb(np.rint(SEEN @ np.array(LUMAS[6])).astype(np.uint8)[..., None])
    for primaries, transfer in ((1, 1), (5, 6), (6, 6), (9, 14), (9, 15)):
        file = File(avif(grey))
        file.set(b"colr", b"nclx" + struct.pack(">HHHB", primaries, transfer, STORED_BY["AVIF"], 128))
        yield Case(f"AVIF grey of video {primaries} {transfer}", file.whole(), grey, 2)
    yield Case("AVIF grey 8", avif(np.ascontiguousarray(grey[..., 0]), subsampling="4:0:0"), grey, 2)


def transforms() -> Iterator[Case]:
    """Quarter turns, then a mirror, after a cut: HEIF 6.5.10, 6.5.12; ISO/IEC 14496-12, 12.1.4."""
    cut = SEEN[2:62, 3:93]
    for (name, data), turns, mirror, clap in itertools.product(
        SOURCES.items(), (None, 0, 1, 2, 3), (None, 0, 1), (False, True)
    ):
        file, seen = File(data), cut if clap else SEEN
        if clap:
            file.add(b"clap", struct.pack(">8i", 90, 1, 60, 1, 0, 1, 0, 1))
        if turns is not None:
            file.add(b"irot", bytes([turns]))
            seen = np.rot90(seen, turns)
        if mirror is not None:
            file.add(b"imir", bytes([mirror]))
            seen = seen[:, ::-1] if mirror else seen[::-1]
        # Chromium does not cut: it shows nothing of a file with `clap`, or all of it.
        yield Case(f"{name} turns {turns} mirror {mirror} clap {clap}", file.whole(), seen, 4, shown=not clap)


def layouts() -> Iterator[Case]:
    """One table of properties or two, of narrow or wide numbers; sizes of 64 bits; boxes between."""
    both = np.dstack([SEEN, np.where(np.arange(WIDTH) < 48, 0, 255) + np.zeros((HEIGHT, 1), int)]).astype(np.uint8)
    for name, data, seen in (
        *((name, data, SEEN) for name, data in SOURCES.items()),
        ("AVIF", avif(both), both),
        (
            "HEIC",
            heic.ALPHA,
            np.dstack([SEEN, np.where((np.indices((HEIGHT, WIDTH)) < [[[32]], [[48]]]).all(0), 0, 255)]),
        ),
    ):
        for tables, wide, large, free in itertools.product(
            (1, 2), (False, True), ((), (b"meta",), (b"mdat", b"iprp"), (b"colr", b"pixi")), (0, 5)
        ):
            whole = File(data).whole(tables, wide, large, free)
            name_of = f"{name} {seen.shape[2]} {tables} {wide} {large} {free}"
            yield Case(name_of, whole, seen.astype(np.uint8), 4, found={"frames": 1})


def films() -> Iterator[Case]:
    """Animated AVIF: its first picture, with or without an item of its own."""
    other = Image.fromarray(SEEN[::-1].copy())
    data = avif(save_all=True, append_images=[other], duration=60_000)
    yield Case("AVIF film", data, SEEN, 4, {"frames": 2}, shown=False)
    yield Case("AVIF film without an item", data.replace(b"pitm", b"free", 1), SEEN, 4, {"frames": 2}, shown=False)


def cases() -> Iterator[Case]:
    for family in (codes, deep, spaces, transforms, layouts, films):
        yield from family()
