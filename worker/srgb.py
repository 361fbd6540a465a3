"""sRGB's transfer function (IEC 61966-2-1): between samples and light, both 0..1."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Encoded is 12.92 times the light of the darkest, above that 1.055 times its 2.4th root, less 0.055.
GAMMA = 2.4
SCALE, OFFSET = 1.055, 0.055
SLOPE = 12.92
LINEAR_UP_TO = 0.04045  # encoded
LINEAR_UP_TO_LIGHT = 0.0031308


def linear(encoded: Floats) -> Floats:
    """The light of encoded samples, f64 of any shape."""
    return np.where(encoded <= LINEAR_UP_TO, encoded / SLOPE, ((encoded + OFFSET) / SCALE) ** GAMMA)


def encoded(light: Floats) -> Floats:
    """The encoded samples of light, f64 of any shape."""
    return np.where(light <= LINEAR_UP_TO_LIGHT, SLOPE * light, SCALE * light ** (1 / GAMMA) - OFFSET)
