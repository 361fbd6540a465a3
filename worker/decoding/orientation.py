"""Pictures turned upright, as EXIF's orientation wants them seen (CIPA DC-008, tag 0x0112)."""

import numpy as np
from numpy.typing import NDArray

from shared.contract.results import Step

_ORIENTED = {
    2: "mirrored left to right",
    3: "turned by 180 degrees",
    4: "mirrored top to bottom",
    5: "mirrored along the falling diagonal",
    6: "turned clockwise by 90 degrees",
    7: "mirrored along the rising diagonal",
    8: "turned anticlockwise by 90 degrees",
}


def told(orientation: int) -> list[Step]:
    """What is told of an orientation that was applied; 1 is upright."""
    if orientation not in _ORIENTED:
        return []
    return [Step(step="oriented", detail=f"It was {_ORIENTED[orientation]}.")]


def turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The pixels [h, w, channels] as stored -> upright."""
    if orientation not in _ORIENTED:
        return pixels
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
