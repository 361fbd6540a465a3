"""GIF and WebP, by Pillow: of animations the first frame. What it leaves uncovered is clear, as viewers show it."""

from dataclasses import replace

import numpy as np

from shared.formats import Header
from worker.decoding import pillow
from worker.decoding.decoded import Decoded


def read(data: bytes, header: Header) -> Decoded:
    decoded = pillow.read(data, header)
    if header.covered is None:
        return decoded
    # There Pillow gives some colour, or black.
    channels = decoded.samples.shape[2]
    clear = np.zeros((header.height, header.width, channels + channels % 2), np.uint8)
    clear[..., -1][header.covered] = 255
    clear[..., :channels][header.covered] = decoded.samples[header.covered]
    mode = "RGBA" if decoded.mode == "RGB" else decoded.mode
    return replace(decoded, samples=clear, mode=mode if mode.endswith(("+alpha", "RGBA")) else f"{mode}+alpha")
