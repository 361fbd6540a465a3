"""PNG: colour type x bits x interlacing x transparent colour x filters x size, and what the colour chunks say."""

import itertools
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from tests.matrix.case import Case
from tests.support.corpus import chunk, rgb, rounded
from tests.support.profiles import DISPLAY_P3, P3_PROFILE, encoded, expected, srgb_light

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
SIZES = ((1, 1), (1, 9), (5, 1), (3, 2), (13, 21))  # rows and columns; some passes of small ones are empty
Chunks = dict[bytes, bytes]


# --- the writer -------------------------------------------------------------------------------------------------------


def file_of(
    samples: np.ndarray,
    bits: int,
    color_type: int,
    before: Chunks | None = None,
    interlaced: bool = False,
    filters: tuple[int, ...] = (0,),
    pieces: int = 1,
) -> bytes:
    """A PNG of `samples` int[h, w, channels], its rows filtered in turn; `before` are the chunks before the pixels."""
    height, width = samples.shape[:2]
    step = max(1, CHANNELS[color_type] * bits // 8)
    data = b""
    for top, left, down, across in PASSES if interlaced else ((0, 0, 1, 1),):
        part = samples[top::down, left::across]
        if part.size:
            data += filtered([packed(row, bits) for row in part], step, filters)
    stream = zlib.compress(data)
    cuts = [len(stream) * piece // pieces for piece in range(pieces + 1)]
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, interlaced)
    chunks = [(b"IHDR", header), *(before or {}).items()]
    chunks += [(b"IDAT", stream[begin:end]) for begin, end in itertools.pairwise(cuts)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, content) for name, content in [*chunks, (b"IEND", b"")])


def packed(row: np.ndarray, bits: int) -> bytes:
    flat = row.reshape(-1)
    if bits == 16:
        return flat.astype(">u2").tobytes()
    return np.packbits((flat[:, None] >> np.arange(bits)[::-1] & 1).astype(np.uint8)).tobytes()


def filtered(rows: list[bytes], step: int, filters: tuple[int, ...]) -> bytes:
    """Each row less what its filter predicts (section 9.2)."""
    data, above = b"", bytes(len(rows[0]))
    for row, which in zip(rows, itertools.cycle(filters), strict=False):
        left, corner = bytes(step) + row[:-step], bytes(step) + above[:-step]
        left, corner = left[: len(row)], corner[: len(row)]
        guess = {
            0: lambda a, b, c: 0,
            1: lambda a, b, c: a,
            2: lambda a, b, c: b,
            3: lambda a, b, c: (a + b) // 2,
            4: paeth,
        }[which]
        around = zip(row, left, above, corner, strict=True)
        data += bytes([which, *((x - guess(a, b, c)) & 255 for x, a, b, c in around)])
        above = row
    return data


def paeth(a: int, b: int, c: int) -> int:
    near = {a: abs(b - c), b: abs(a - c), c: abs(a + b - 2 * c)}
    return min((a, b, c), key=lambda value: near[value]) if len(near) == 3 else _paeth_of_equals(a, b, c)


def _paeth_of_equals(a: int, b: int, c: int) -> int:
    p = a + b - c
    distances = [(abs(p - value), order, value) for order, value in enumerate((a, b, c))]
    return min(distances)[2]


# --- the matrix -------------------------------------------------------------------------------------------------------


def samples_of(color_type: int, bits: int, size: tuple[int, int]) -> np.ndarray:
    samples = np.random.default_rng(bits + 16 * color_type).integers(0, 1 << bits, (*size, CHANNELS[color_type]))
    if color_type in (4, 6) and size[1] > 3:
        samples[:, :2, -1] = 0
        samples[:, 2:, -1] = (1 << bits) - 1
    return samples


def forms() -> Iterator[Case]:
    """Every colour type and depth, interlaced or not, with each filter and all in turn."""
    for color_type, size, interlaced, filters in itertools.product(
        CHANNELS, SIZES, (False, True), ((0,), (1,), (2,), (3,), (4,), (4, 3, 2, 1, 0))
    ):
        for bits in DEPTHS[color_type]:
            for keyed in (False, True) if color_type in (0, 2, 3) else (False,):
                samples = samples_of(color_type, bits, size)
                before, seen = _colors(samples, color_type, bits, keyed)
                data = file_of(samples, bits, color_type, before, interlaced, filters, pieces=1 + len(filters))
                yield Case(
                    f"png {color_type} {bits} {size} {interlaced} {filters} {keyed}", data, seen, found={"bits": bits}
                )


def _colors(samples: np.ndarray, color_type: int, bits: int, keyed: bool) -> tuple[Chunks, np.ndarray]:
    """The chunks PLTE and tRNS, and what is seen."""
    if color_type == 3:
        colors = np.random.default_rng(3).integers(0, 256, (1 << bits, 3), np.uint8)
        chunks = {b"PLTE": colors.tobytes()}
        if not keyed:
            return chunks, colors[samples[..., 0]]
        alphas = np.where(np.arange(1 << bits) % 3, 255, 0).astype(np.uint8)
        chunks[b"tRNS"] = alphas[:-1].tobytes()
        alphas[-1] = 255
        return chunks, np.dstack([colors[samples[..., 0]], alphas[samples[..., 0]]])
    seen = rgb(rounded(samples, (1 << bits) - 1))
    if not keyed:
        return {}, seen
    key = samples[0, 0]
    clear = (samples == key).all(axis=2)
    return {b"tRNS": key.astype(">u2").tobytes()}, np.dstack([seen, np.where(clear, 0, 255).astype(np.uint8)])


def chrm(primaries: tuple[float, ...]) -> bytes:
    return struct.pack(">8I", *(round(100_000 * value) for value in (*primaries[6:], *primaries[:6])))


LINEAR, SRGB_GAMMA, STEEP = (struct.pack(">I", value) for value in (100_000, 45_455, 55_556))
P3_CHRM = chrm(DISPLAY_P3)
SRGB_CHRM = chrm((0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290))
ICCP = b"x\0\0" + zlib.compress(P3_PROFILE)
# The chunks that say something of colours, and what they mean together: a curve and primaries, or neither.
MEANINGS: list[tuple[str, Chunks, str]] = [
    ("nothing", {}, "sRGB"),
    ("sRGB", {b"sRGB": b"\0"}, "sRGB"),
    ("gamma of sRGB", {b"gAMA": SRGB_GAMMA}, "sRGB"),
    ("gamma and primaries of sRGB", {b"gAMA": SRGB_GAMMA, b"cHRM": SRGB_CHRM}, "sRGB"),
    ("linear", {b"gAMA": LINEAR}, "linear"),
    ("linear, primaries of sRGB", {b"gAMA": LINEAR, b"cHRM": SRGB_CHRM}, "linear"),
    ("linear P3", {b"gAMA": LINEAR, b"cHRM": P3_CHRM}, "linear P3"),
    ("steep P3", {b"gAMA": STEEP, b"cHRM": P3_CHRM}, "steep P3"),
    ("P3 without a curve", {b"cHRM": P3_CHRM}, "untold"),
    ("sRGB before gamma", {b"sRGB": b"\0", b"gAMA": LINEAR, b"cHRM": P3_CHRM}, "sRGB"),
    ("profile", {b"iCCP": ICCP}, "P3"),
    ("profile before sRGB", {b"iCCP": ICCP, b"sRGB": b"\0", b"gAMA": LINEAR}, "P3"),
    ("code points of P3", {b"cICP": bytes([12, 13, 0, 1])}, "P3"),
    ("code points of linear P3", {b"cICP": bytes([12, 8, 0, 1])}, "linear P3"),
    ("code points of sRGB", {b"cICP": bytes([1, 13, 0, 1])}, "sRGB"),
    ("code points before a profile", {b"cICP": bytes([1, 13, 0, 1]), b"iCCP": ICCP}, "sRGB"),
    ("narrow code points", {b"cICP": bytes([1, 13, 0, 0])}, "narrow"),
    ("narrow code points of P3", {b"cICP": bytes([12, 13, 0, 0])}, "narrow P3"),
    ("code points of YCbCr, which PNG has not", {b"cICP": bytes([12, 13, 1, 1]), b"sRGB": b"\0"}, "sRGB"),
]
PATCHES = np.array([(0, 0, 0), (1, 1, 1), (0.5, 0.5, 0.5), (0.08, 0.08, 0.08), (0.78, 0.39, 0.35), (0.35, 0.59, 0.43)])


def meant(share: np.ndarray, meaning: str) -> np.ndarray:
    """What samples 0..1 mean, as sRGB 0..255 that is not rounded."""
    if meaning.startswith("narrow"):
        share = np.clip((255 * share - 16) / 219, 0, 1)
    if meaning in ("sRGB", "untold", "narrow"):
        return 255 * share
    light = share if "linear" in meaning else share**1.8 if "steep" in meaning else srgb_light(255 * share)
    return expected(light, DISPLAY_P3) if "P3" in meaning else encoded(light)


def meanings() -> Iterator[Case]:
    for (name, chunks, meaning), color_type, bits in itertools.product(MEANINGS, CHANNELS, (8, 16)):
        if color_type == 3 and bits == 16:
            continue
        grey = color_type in (0, 4)
        greatest = (1 << bits) - 1
        colors = np.rint(PATCHES[None, :4, :1] * greatest if grey else PATCHES[None] * greatest).astype(int)
        samples, before = colors, dict(chunks)
        if color_type == 3:
            before[b"PLTE"] = colors[0].astype(np.uint8).tobytes()
            samples = np.arange(colors.shape[1])[None, :, None]
        if color_type in (4, 6):
            samples = np.concatenate([samples, np.full((*samples.shape[:2], 1), greatest)], axis=2)
        seen = np.rint(meant(rgb(colors) / greatest, meaning)).astype(np.uint8)
        data = file_of(samples, bits, color_type, before)
        told = _told(meaning, bits, grey, name)
        # Chromium knows no narrow range, takes 1/2.2 with primaries at its word, and refuses code points of YCbCr.
        shown = not meaning.startswith("narrow") and name not in (MEANINGS[3][0], MEANINGS[-1][0])
        yield Case(f"png {name}, {color_type} {bits}", data, seen, 1, steps=told, shown=shown)


def _told(meaning: str, bits: int, grey: bool, name: str) -> frozenset[str] | None:
    told = {"reduced_to_8_bits"} if bits == 16 else set()
    if meaning.startswith("narrow"):
        told.add("expanded_range")
    if name == MEANINGS[-1][0]:
        told.add("ignored_profile")
    if grey and "P3" in meaning:
        return None
    if meaning == "untold":
        told |= set() if grey else {"ignored_profile"}
    elif meaning == "linear":
        told.add("converted_gamma")
    elif "P3" in meaning:
        told.add("converted_profile")
    return frozenset(told)


def animations() -> Iterator[Case]:
    """The first frame of an animation is its default image, whether it is a frame or not."""
    samples = samples_of(2, 8, (13, 21))
    still = file_of(samples, 8, 2)
    pixels = still[still.index(b"IDAT") - 4 : still.index(b"IEND") - 4]
    frame = struct.pack(">IIIIIHHBB", 0, 21, 13, 0, 0, 1, 10, 0, 0)
    other = zlib.compress(b"".join(b"\0" + bytes(21 * 3) for _ in range(13)))
    for first in (True, False):
        frames = [(b"fcTL", frame)] if first else []
        more = [
            (b"fcTL", struct.pack(">I", len(frames)) + frame[4:]),
            (b"fdAT", struct.pack(">I", len(frames) + 1) + other),
        ]
        data = still[:33] + chunk(b"acTL", struct.pack(">II", 1 + first, 0))
        data += b"".join(chunk(*part) for part in frames) + pixels + b"".join(chunk(*part) for part in more)
        found = {"frames": 1 + first}
        yield Case(
            f"png animation {first}", data + chunk(b"IEND", b""), samples.astype(np.uint8), found=found, shown=first
        )


def cases() -> Iterator[Case]:
    for family in (meanings, animations, forms):
        yield from family()
