"""TIFF: samples x bits x planes x cuts x compression x byte order x BigTIFF, and what modifies each."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from shared.contract.errors import UnsupportedImage
from tests.matrix.case import Case
from tests.matrix.tiff_writer import (
    HEIGHT,
    WIDTH,
    Packing,
    Tags,
    compressed,
    cut,
    file_of,
    jpeg_stream,
    jpeg_tables,
    parts_of,
    units,
    without_tables,
)
from tests.support.corpus import rgb, rounded


class Kind(NamedTuple):
    """What the samples of a pixel are."""

    name: str
    photometric: int
    colors: int
    extra: tuple[int, ...] = ()
    told: bool = True  # whether the file says what the samples beside the colours are

    @property
    def samples(self) -> int:
        return self.colors + len(self.extra)


KINDS = [
    Kind("white is zero", 0, 1),
    Kind("grey", 1, 1),
    Kind("grey, alpha", 1, 1, (2,)),
    Kind("grey, premultiplied", 1, 1, (1,)),
    Kind("grey, other", 1, 1, (0,)),
    Kind("white is zero, alpha", 0, 1, (2,)),
    Kind("RGB", 2, 3),
    Kind("RGB, alpha", 2, 3, (2,)),
    Kind("RGB, premultiplied", 2, 3, (1,)),
    Kind("RGB, other", 2, 3, (0,)),
    Kind("RGB, alpha untold", 2, 3, (2,), False),
    Kind("RGB, alpha, other", 2, 3, (2, 0)),
    Kind("RGB, other, alpha", 2, 3, (0, 2)),
    Kind("palette", 3, 1),
    Kind("palette, alpha", 3, 1, (2,)),
    Kind("CMYK", 5, 4),
    Kind("CMYK, alpha", 5, 4, (2,)),
]


# --- what is seen -----------------------------------------------------------------------------------------------------


def samples_of(kind: Kind, bits: int, seed: int) -> np.ndarray:
    """Random samples int[h, w, n], some of them extreme; colours that were multiplied by alpha are not above it."""
    random, greatest = np.random.default_rng(seed), (1 << bits) - 1
    samples = random.integers(0, greatest + 1, (HEIGHT, WIDTH, kind.samples))
    samples[0, : kind.samples] = greatest
    samples[1, : kind.samples] = 0
    if kind.extra == (1,):
        samples[..., :-1] = samples[..., :-1] * samples[..., -1:] // greatest
    return samples


def palette_of(bits: int, seed: int) -> np.ndarray:
    """Colours int[entries, 3] of 8 bits."""
    return np.random.default_rng(seed).integers(0, 256, (1 << bits, 3))


def seen_of(kind: Kind, samples: np.ndarray, bits: int, palette: np.ndarray) -> np.ndarray:
    """What a person sees of them, by exact arithmetic."""
    greatest = (1 << bits) - 1
    colors = samples[..., : kind.colors]
    alphas = [kind.colors + number for number, what in enumerate(kind.extra) if what in (1, 2)]
    alpha = samples[..., alphas[0] : alphas[0] + 1] if alphas else None
    if kind.photometric == 0:
        colors = greatest - colors
    shown = palette[colors[..., 0]].astype(np.uint8) if kind.photometric == 3 else rgb(rounded(colors, greatest))
    if 1 in kind.extra and alpha is not None:
        shown = np.clip(np.rint(255 * colors / np.maximum(alpha, 1)), 0, 255).astype(np.uint8)
        shown = np.where(alpha == 0, 0, rgb(shown)).astype(np.uint8)
    if kind.photometric == 5:
        shown = np.asarray(Image.fromarray(np.ascontiguousarray(shown), "CMYK").convert("RGB"))
    return shown if alpha is None else np.dstack([shown, rounded(alpha, greatest)])


# --- the matrix -------------------------------------------------------------------------------------------------------

BITS = (1, 2, 3, 4, 6, 8, 10, 12, 14, 16)
COMPRESSIONS = (
    (1, False),
    (5, False),
    (5, True),
    (8, False),
    (8, True),
    (32773, False),
    (32773, True),
    (32946, True),
    (34925, True),
)
CUTS: tuple[dict[str, object], ...] = (
    {},
    {"rows": 4},
    {"rows": 1},
    {"tile": (16, 16)},
    {"tile": (32, 16)},
    {"tile": (16, 32)},
)


def made(kind: Kind, bits: int, how: Packing, tags: Tags | None = None) -> tuple[bytes, np.ndarray]:
    """The file, and what is seen in it."""
    samples, palette = samples_of(kind, bits, bits), palette_of(bits, 7)
    whole: Tags = {
        256: (3, [WIDTH]),
        257: (4, [HEIGHT]),
        258: (3, [bits] * kind.samples),
        259: (3, [how.compression]),
        262: (3, [kind.photometric]),
        277: (3, [kind.samples]),
        **({284: (3, [2])} if how.planar else {}),
        **({266: (3, [2])} if how.reversed_bits else {}),
        **({317: (3, [2])} if how.predictor else {}),
        **({338: (3, list(kind.extra))} if kind.extra and kind.told else {}),
        **({320: (3, [int(v) * 257 for v in palette.T.reshape(-1)])} if kind.photometric == 3 else {}),
        **({322: (3, [how.tile[0]]), 323: (3, [how.tile[1]])} if how.tile else {278: (3, [how.rows])}),
        **(tags or {}),
    }
    data = file_of(parts_of(samples, bits, how), whole, how.order, how.big, how.tile is not None)
    return data, seen_of(kind, samples, bits, palette)


def _packings(bits: int, kind: Kind) -> Iterator[Packing]:
    for (compression, predictor), cut_up, order, big in itertools.product(COMPRESSIONS, CUTS, "<>", (False, True)):
        if predictor and bits not in (8, 16):
            continue
        for planar in (False, True) if kind.samples > 1 else (False,):
            yield Packing(compression, predictor, planar, order=order, big=big, **cut_up)  # type: ignore[arg-type]


def product(step: int) -> Iterator[Case]:
    """Every `step`-th of all combinations."""
    forms = (
        (kind, bits, how)
        for kind, bits in itertools.product(KINDS, BITS)
        if kind.photometric != 3 or bits <= 8
        for how in _packings(bits, kind)
    )
    for kind, bits, how in itertools.islice(forms, 0, None, step):
        data, seen = made(kind, bits, how)
        steps = set() if bits <= 8 else {"reduced_to_8_bits"}
        steps |= {"ignored_channels"} if 0 in kind.extra else set()
        name = f"tiff {kind.name} {bits} {how._asdict()}"
        yield Case(name, data, seen, 1 if 1 in kind.extra else 0, {"bits": bits}, frozenset(steps))


def bitmaps() -> Iterator[Case]:
    """CCITT's compressions, and bits in the other order."""
    for photometric, order, rows in itertools.product((0, 1), "<>", (HEIGHT, 5)):
        kind = KINDS[photometric]
        for compression, reversed_bits in itertools.product((1, 2, 3, 4, 5, 8, 32773), (False, True)):
            how = Packing(compression, rows=rows, order=order, reversed_bits=reversed_bits)
            data, seen = made(kind, 1, how)
            if compression in (2, 3, 4):
                # libtiff's files have 0 for white where ours have 1: what is seen is as we say.
                data, seen = _fax_file(kind, how)
            yield Case(f"tiff bitmap {how._asdict()} {photometric}", data, seen, found={"mode": "bitmap"})


def _fax_file(kind: Kind, how: Packing) -> tuple[bytes, np.ndarray]:
    """What CCITT calls white is what the photometric interpretation calls 0."""
    bits = samples_of(kind, 1, 3)
    tags: Tags = {
        256: (3, [WIDTH]),
        257: (3, [HEIGHT]),
        258: (3, [1]),
        259: (3, [how.compression]),
        262: (3, [kind.photometric]),
        277: (3, [1]),
        278: (3, [how.rows]),
        **({266: (3, [2])} if how.reversed_bits else {}),
    }
    # Pillow writes bitmaps with 1 for white and black is zero: CCITT's own white is its 0.
    data = file_of(parts_of(bits, 1, how), tags, how.order, False, False)
    return data, rgb((255 * (bits if kind.photometric == 1 else 1 - bits)).astype(np.uint8))


def orientations() -> Iterator[Case]:
    """All orientations, by every type of numbers, of files in both orders."""
    for orientation, kind, order, big in itertools.product(range(10), (1, 3, 4), "<>", (False, True)):
        data, seen = made(KINDS[6], 8, Packing(order=order, big=big), {274: (kind, [orientation])})
        yield Case(f"tiff orientation {orientation} of type {kind} {order}{big}", data, upright(seen, orientation))


def upright(stored: np.ndarray, orientation: int) -> np.ndarray:
    """By the words of the specification: where the 0th row and the 0th column are on the upright picture."""
    return {
        2: lambda: stored[:, ::-1],
        3: lambda: stored[::-1, ::-1],
        4: lambda: stored[::-1],
        5: lambda: stored.swapaxes(0, 1),
        6: lambda: np.rot90(stored, -1),
        7: lambda: np.rot90(stored, 2).swapaxes(0, 1),
        8: lambda: np.rot90(stored, 1),
    }.get(orientation, lambda: stored)()


def ycbcr() -> Iterator[Case]:
    """Coefficients, ranges and subsamplings; two colours that fill whole blocks, so that all sampling is exact."""
    colors = np.array([(200, 60, 30), (20, 90, 240)])
    picture = colors[(np.arange(16)[:, None] // 4 + np.arange(24) // 4) % 2]
    for (name, k), limited, sub, compression, cut_up, order in itertools.product(
        (("601", (0.299, 0.587, 0.114)), ("709", (0.2126, 0.7152, 0.0722))),
        (False, True),
        ((1, 1), (2, 1), (2, 2), (4, 1), (4, 4), (1, 2)),
        (1, 5, 8),
        ({}, {"rows": 4}, {"tile": (16, 16)}),
        "<>",
    ):
        how = Packing(compression, rows=16, order=order)._replace(**cut_up)
        codes = ycc(picture, k, limited)
        parts = [compressed(units(piece, *sub), piece, 8, how) for piece in cut(codes, how)]
        reference = [16, 235, 128, 240, 128, 240] if limited else [0, 255, 128, 255, 128, 255]
        tags: Tags = {
            256: (3, [24]),
            257: (3, [16]),
            258: (3, [8, 8, 8]),
            259: (3, [compression]),
            262: (3, [6]),
            277: (3, [3]),
            529: (5, [number for value in k for number in (round(value * 10000), 10000)]),
            530: (3, list(sub)),
            532: (5, [number for value in reference for number in (value, 1)]),
            **({322: (3, [16]), 323: (3, [16])} if how.tile else {278: (3, [how.rows])}),
        }
        data = file_of(parts, tags, order, False, how.tile is not None)
        yield Case(f"tiff YCbCr {name} {limited} {sub} {how._asdict()}", data, picture.astype(np.uint8), 2)


def long_tags() -> Iterator[Case]:
    """Tags of more fractions than have a meaning say nothing, and take nothing away."""
    primaries: Tags = {319: (5, [1, 3] * 65)}
    data, seen = made(KINDS[6], 8, Packing(), primaries)
    yield Case("tiff of 65 primaries", data, seen, steps=frozenset())
    picture = np.array([(200, 60, 30), (20, 90, 240)])[np.arange(8)[:, None] // 4 + np.arange(8) // 4 & 1]
    how = Packing(rows=8)
    parts = parts_of(ycc(picture, (0.299, 0.587, 0.114), False), 8, how)
    tags: Tags = {
        256: (3, [8]),
        257: (3, [8]),
        258: (3, [8, 8, 8]),
        259: (3, [how.compression]),
        262: (3, [6]),
        277: (3, [3]),
        278: (3, [how.rows]),
        529: (5, [1, 3] * 65),
        530: (3, [1, 1]),
        532: (5, [1, 3] * 99),
    }
    yield Case("tiff of 65 coefficients", file_of(parts, tags, "<", False, False), picture.astype(np.uint8), 2)


def ycc(picture: np.ndarray, k: tuple[float, ...], limited: bool) -> np.ndarray:
    red, green, blue = np.moveaxis(picture.astype(float), -1, 0)
    y = k[0] * red + k[1] * green + k[2] * blue
    planes = [y, (blue - y) / (2 - 2 * k[2]), (red - y) / (2 - 2 * k[0])]
    if limited:
        planes = [16 + planes[0] * 219 / 255, *(128 + plane * 224 / 255 for plane in planes[1:])]
    else:
        planes = [planes[0], *(128 + plane for plane in planes[1:])]
    return np.clip(np.rint(np.stack(planes, -1)), 0, 255).astype(int)


def jpegs() -> Iterator[Case]:
    """JPEG inside, of grey, RGB, YCbCr and inks, in strips, tiles and planes."""
    y, x = np.mgrid[0:48, 0:64]
    ramps = np.stack([x * 4, y * 5, (x + y) * 2, 255 - x * 3], -1)
    for name, photometric, channels in (("grey", 1, 1), ("RGB", 2, 3), ("YCbCr", 6, 3), ("CMYK", 5, 4)):
        for cut_up, planar, tables in itertools.product(
            ({}, {"rows": 16}, {"tile": (32, 16)}), (False, True), (False, True)
        ):
            if planar and name in ("grey", "YCbCr"):
                continue
            how = Packing(7, planar=planar, rows=48)._replace(**cut_up)
            samples = ramps[..., :channels]
            pieces = np.split(samples, channels, 2) if planar else [samples]
            streams = [jpeg_stream(piece, name) for plane in pieces for piece in cut(plane, how)]
            head = jpeg_tables(streams[0]) if tables else b""
            streams = [without_tables(stream) for stream in streams] if tables else streams
            tags: Tags = {
                256: (3, [64]),
                257: (3, [48]),
                258: (3, [8] * channels),
                259: (3, [7]),
                262: (3, [photometric]),
                277: (3, [channels]),
                284: (3, [2 if planar else 1]),
                **({347: (1, list(head))} if tables else {}),
                **({530: (3, [1, 1])} if photometric == 6 else {}),
                **({322: (3, [32]), 323: (3, [16])} if how.tile else {278: (3, [how.rows])}),
            }
            seen = samples.astype(np.uint8)
            if channels == 4:
                seen = np.asarray(Image.fromarray(np.ascontiguousarray(seen), "CMYK").convert("RGB"))
            data = file_of(streams, tags, "<", False, how.tile is not None)
            yield Case(f"tiff JPEG {name} {how._asdict()} {tables}", data, rgb(seen), 8)


def other_jpegs() -> Iterator[Case]:
    """JPEG inside, of YCbCr with other coefficients than JPEG's own, or of video's range."""
    y, x = np.mgrid[0:32, 0:48]
    picture = np.stack([60 + 2 * x, 80 + 3 * y, 200 - x - y], -1)
    for k, limited in itertools.product(((0.299, 0.587, 0.114), (0.2126, 0.7152, 0.0722)), (False, True)):
        reference = [16, 235, 128, 240, 128, 240] if limited else [0, 255, 128, 255, 128, 255]
        tags: Tags = {
            256: (3, [48]),
            257: (3, [32]),
            258: (3, [8, 8, 8]),
            259: (3, [7]),
            262: (3, [6]),
            277: (3, [3]),
            278: (3, [32]),
            529: (5, [number for value in k for number in (round(value * 10000), 10000)]),
            530: (3, [1, 1]),
            532: (5, [number for value in reference for number in (value, 1)]),
        }
        data = file_of([jpeg_stream(ycc(picture, k, limited), "RGB")], tags, "<", False, False)
        yield Case(f"tiff JPEG of coefficients {k} {limited}", data, picture.astype(np.uint8), 6)


def small_palettes() -> Iterator[Case]:
    """Palettes of 8 bits where the format has 16, as old writers write them."""
    for bits, order in itertools.product((1, 2, 4, 8), "<>"):
        values = [int(value) for value in palette_of(bits, 7).T.reshape(-1)]
        data, seen = made(KINDS[13], bits, Packing(order=order), {320: (3, values)})
        yield Case(f"tiff small palette {bits} {order}", data, seen, found={"mode": "palette"})


def refused() -> Iterator[Case]:
    """Whole files of kinds that are not read."""
    for compression in (6, 32771, 32809, 32909, 33003, 34712, 34676, 34887, 34933, 50001, 50002, 60000):
        data, _ = made(KINDS[1], 8, Packing(), {259: (3, [compression])})
        yield Case(f"tiff compression {compression}", data, UnsupportedImage)
    for name, tags in {
        "floats": {339: (3, [3, 3, 3])},
        "signed": {339: (3, [2, 2, 2])},
        "one signed": {339: (3, [1, 1, 2])},
        "Lab": {262: (3, [8])},
        "LogLuv": {262: (3, [32845])},
        "mixed bits": {258: (3, [8, 8, 16])},
        "32 bits": {258: (3, [32] * 3)},
        "predictor of floats": {317: (3, [3]), 259: (3, [8])},
    }.items():
        data, _ = made(KINDS[6], 8, Packing(), tags)  # type: ignore[arg-type]
        yield Case(f"tiff {name}", data, UnsupportedImage)
    data, _ = made(KINDS[15], 8, Packing(), {332: (3, [2])})
    yield Case("tiff other inks", data, UnsupportedImage)
    data, _ = made(KINDS[6], 4, Packing(8), {317: (3, [2])})
    yield Case("tiff predictor of 4 bits", data, UnsupportedImage)


def cases(step: int = 1) -> Iterator[Case]:
    for family in (orientations, bitmaps, ycbcr, long_tags, jpegs, other_jpegs, small_palettes, refused):
        yield from family()
    yield from product(step)
