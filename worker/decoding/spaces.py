"""RGB spaces of a few numbers, as headers tell them: chromaticities and a curve. And what they are in sRGB."""

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker import srgb
from worker.decoding.samples import BLOCK, Samples

# Chromaticities x, y of red, green, blue and white, by ITU-T H.273's number (table 2).
PRIMARIES = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, 0.3127, 0.3290),  # BT.709, as sRGB
    4: (0.670, 0.330, 0.210, 0.710, 0.140, 0.080, 0.3100, 0.3160),  # BT.470 M
    5: (0.640, 0.330, 0.290, 0.600, 0.150, 0.060, 0.3127, 0.3290),  # BT.601, 625 lines
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290),  # BT.601, 525 lines
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290),  # SMPTE ST 240
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, 0.3100, 0.3160),  # film
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),  # BT.2020
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3140, 0.3510),  # P3 of cinemas
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),  # Display P3
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, 0.3127, 0.3290),  # EBU Tech 3213
}
SRGB_PRIMARIES = PRIMARIES[1]
PRIMARIES_NAMES = {
    **{1: "BT.709", 4: "BT.470", 5: "BT.601", 6: "BT.601", 7: "ST 240", 8: "film", 9: "BT.2020"},
    **{11: "DCI P3", 12: "P3", 22: "EBU"},
}

# ICC's parametric curve of type 3: ((a x + b) ** g where x >= d, else c x), as (g, a, b, c, d).
Curve = tuple[float, float, float, float, float]
SRGB_CURVE: Curve = (srgb.GAMMA, 1 / srgb.SCALE, srgb.OFFSET / srgb.SCALE, 1 / srgb.SLOPE, srgb.LINEAR_UP_TO)
# H.273, table 3. Video's own curve (BT.709's: 1, 6, 14 and 15) is shown on screens as sRGB is.
# PQ (16) and HLG (18) are missing: their light has no place in sRGB without a tone curve of taste.
TRANSFERS: dict[int, Curve] = {
    1: SRGB_CURVE,
    4: (2.2, 1, 0, 0, 0),
    5: (2.8, 1, 0, 0, 0),
    6: SRGB_CURVE,
    7: (1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4, 0.0912),
    8: (1, 1, 0, 0, 0),
    13: SRGB_CURVE,
    14: SRGB_CURVE,
    15: SRGB_CURVE,
}

# Bradford's cone responses, as in ICC.1:2022, annex E, and the profile connection space's white, D50.
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])


class BrokenProfile(Exception):
    """A profile, or the numbers of one, cannot be used; the message says why."""


class Space(NamedTuple):
    """An RGB space."""

    primaries: tuple[float, ...] | None  # x, y of red, green, blue and white; None: sRGB's
    curve: Curve
    name: str


def of_code_points(primaries: int, transfer: int) -> Space | None:
    """The space of two numbers of ITU-T H.273; None where either is of none that is followed here."""
    if primaries not in PRIMARIES or transfer not in TRANSFERS:
        return None
    name = f"{PRIMARIES_NAMES[primaries]} colours (ITU-T H.273: {primaries}, {transfer})"
    return Space(PRIMARIES[primaries], TRANSFERS[transfer], name)


def of_gamma(gamma: float, primaries: tuple[float, ...] | None) -> Space:
    """The space of samples that were stored as light ** gamma (PNG's gAMA)."""
    return Space(primaries, (1 / gamma, 1, 0, 0, 0), f"the file's own primaries and gamma {gamma:g}")


def is_srgb_gamma(gamma: float) -> bool:
    """Whether PNG's gAMA means sRGB itself: encoders write 1/2.2 for it (PNG, section 11.3.2.5)."""
    return abs(2.2 * gamma - 1) <= 0.01


def are_srgb(primaries: tuple[float, ...]) -> bool:
    return bool(np.abs(np.subtract(primaries, SRGB_PRIMARIES)).max() <= 0.001)


def light(curve: Curve, levels: int) -> NDArray[np.float64]:
    """The light 0..1 of each of the samples 0..levels-1."""
    g, a, b, c, d = curve
    share = np.arange(levels) / (levels - 1)
    return np.where(share >= d, np.maximum(a * share + b, 0) ** g, c * share)


def encoded(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Light 0..1 by sRGB's curve, rounded to 0..255."""
    samples: NDArray[np.uint8] = np.rint(255 * srgb.encoded(light)).astype(np.uint8)
    return samples


def curve_table(curve: Curve, levels: int) -> NDArray[np.uint8]:
    """sRGB u8[levels] of the samples 0..levels-1."""
    return encoded(light(curve, levels))


def convert_deep(samples: Samples, space: Space) -> NDArray[np.uint8]:
    """RGB samples u16[h, w, 3] of `space` as sRGB u8[h, w, 3]; what sRGB cannot show is clipped."""
    assert space.primaries is not None
    to_light = light(space.curve, 65536)
    matrix = np.linalg.solve(to_d50(SRGB_PRIMARIES).T, to_d50(space.primaries).T).T
    flat = samples.reshape(-1, 3)
    colors = np.empty(flat.shape, np.uint8)
    for begin in range(0, len(flat), BLOCK):
        red, green, blue = to_light[flat[begin : begin + BLOCK].T]
        for channel, share in enumerate(matrix.T):
            # No `@`: its library takes all processors, whatever the settings say.
            mixed = share[0] * red + share[1] * green + share[2] * blue
            colors[begin : begin + BLOCK, channel] = encoded(np.clip(mixed, 0, 1))
    return colors.reshape(samples.shape)


def to_d50(primaries: tuple[float, ...]) -> NDArray[np.float64]:
    """XYZ f64[3, 3] of red, green and blue, each a row, seen under D50 (ICC.1:2022, annex E).

    Raises BrokenProfile for primaries that span no space.
    """
    xy = np.asarray(primaries, np.float64).reshape(4, 2)
    if not np.isfinite(xy).all() or (xy[:, 1] <= 0).any() or (xy > 2).any():
        raise BrokenProfile("its primaries make no sense")
    xyz = np.column_stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(axis=1)) / xy[:, 1]])
    corners, white = xyz[:3].T, xyz[3]
    if abs(np.linalg.det(corners)) < 1e-6:
        raise BrokenProfile("its primaries span no colours")
    matrix = corners * np.linalg.solve(corners, white)
    cones = _BRADFORD @ white
    if (np.abs(cones) < 1e-6).any():
        raise BrokenProfile("its white makes no sense")
    adaptation = np.linalg.solve(_BRADFORD, ((_BRADFORD @ _D50) / cones)[:, None] * _BRADFORD)
    adapted: NDArray[np.float64] = (adaptation @ matrix).T
    if (np.abs(adapted) > 100).any():
        raise BrokenProfile("its primaries make no sense")
    return adapted


def as_profile(space: Space) -> bytes:
    """An ICC profile (version 4, three curves and a matrix). Raises BrokenProfile."""
    red, green, blue = to_d50(space.primaries or SRGB_PRIMARIES)
    para = b"para" + struct.pack(">4xHxx5i", 3, *(_fixed(value) for value in space.curve))
    tags = {
        b"desc": _text(space.name),
        b"cprt": _text("none"),
        b"wtpt": _xyz(_D50),
        b"rXYZ": _xyz(red),
        b"gXYZ": _xyz(green),
        b"bXYZ": _xyz(blue),
        b"rTRC": para,
        b"gTRC": para,
        b"bTRC": para,
    }
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4xI4s4s4s12x4s", offset + len(body), 0x04400000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    header += bytes(28) + b"".join(struct.pack(">i", _fixed(value)) for value in _D50)
    return header.ljust(128, b"\0") + table + body


def _fixed(value: float) -> int:
    """ICC's s15Fixed16Number."""
    return round(value * 65536)


def _xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", _fixed(value)) for value in values)


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(encoded), 28) + encoded
