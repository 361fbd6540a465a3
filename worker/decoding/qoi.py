"""QOI, by a kernel of our own: Pillow's decoder takes a microsecond and more a pixel."""

import numpy as np

from shared.contract.errors import BrokenImage
from shared.contract.results import Step
from shared.formats import Header
from shared.formats.qoi import SPACE
from worker.decoding.decoded import Decoded
from worker.kernels import qoi


def read(data: bytes, header: Header) -> Decoded:
    pixels = np.empty((header.width * header.height, 4), np.uint8)
    if qoi.unpack(np.frombuffer(data, np.uint8)[14:], pixels) < len(pixels):
        raise BrokenImage("The QOI file is cut off. Send the whole file.")
    channels = 4 if header.transparent else 3
    samples = pixels.reshape(header.height, header.width, 4)[..., :channels]
    steps = []
    if data[SPACE] == 1:
        # The specification calls the word informative, and no viewer follows it.
        said = "The file says that its samples are linear light; they were taken for sRGB."
        steps.append(Step(step="ignored_profile", detail=said))
    return Decoded(samples, "rgb", "RGBA" if channels == 4 else "RGB", steps=steps)
