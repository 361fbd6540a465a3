"""Display P3 as a profile, and what its colours are in sRGB by formulas without LittleCMS."""

import numpy as np

from worker.decoding.spaces import PRIMARIES, SRGB_CURVE, Space, as_profile

DISPLAY_P3 = PRIMARIES[12]
P3_PROFILE = as_profile(Space(DISPLAY_P3, SRGB_CURVE, "Display P3"))


def rgb_to_xyz(primaries: tuple[float, ...]) -> np.ndarray:
    """The matrix from linear RGB to XYZ (Lindbloom), of 3 columns."""
    xy = np.array(primaries).reshape(4, 2)
    xyz = np.array([[x / y, 1, (1 - x - y) / y] for x, y in xy]).T
    return xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3])


def encoded(light: np.ndarray) -> np.ndarray:
    """sRGB's curve (IEC 61966-2-1), 0..255."""
    light = np.clip(light, 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def srgb_light(pixels: np.ndarray) -> np.ndarray:
    share = pixels / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def expected(light: np.ndarray, primaries: tuple[float, ...]) -> np.ndarray:
    """What linear light of `primaries`, whose white is sRGB's, is in sRGB."""
    matrix = np.linalg.solve(rgb_to_xyz(PRIMARIES[1]), rgb_to_xyz(primaries))
    return encoded(light @ matrix.T)


def p3_seen(pixels: np.ndarray) -> np.ndarray:
    """Display P3's colours u8 in sRGB, u8."""
    return np.rint(expected(srgb_light(pixels), DISPLAY_P3)).astype(np.uint8)
