"""JPEG 2000, by Pillow's OpenJPEG. It gets the bare codestream: what the boxes say of its channels is applied here."""

import io

import numpy as np
from PIL import Image

from shared.contract.errors import BrokenImage
from shared.formats import Header, jpeg2000
from shared.formats.header import Window
from worker.decoding import pillow
from worker.decoding.decoded import Decoded, Meaning, ignored_channels, reduced
from worker.decoding.samples import look_up, reduce


def read(data: bytes, header: Header) -> Decoded:
    layout = jpeg2000.layout(Window(io.BytesIO(data)))
    image = pillow.load(data[layout.stream :], header)
    stored = np.asarray(image)
    stored = stored.reshape(*stored.shape[:2], -1)
    # Pillow shifts all samples up to 8 bits, or to 16.
    samples = reduce(stored >> ((16 if stored.dtype == np.uint16 else 8) - header.bits), (1 << header.bits) - 1)
    if layout.ycbcr:
        samples = np.asarray(Image.fromarray(np.ascontiguousarray(samples), "YCbCr").convert("RGB"))
    if layout.palette is not None:
        index = stored >> (8 - header.bits)
        if index.max() >= len(layout.palette[0]):
            raise BrokenImage("The JPEG 2000 file has a colour that its palette lacks.")
        samples = look_up(np.stack([np.frombuffer(column, np.uint8) for column in layout.palette], 1), index[..., 0])
    channels = [*layout.colors, *([layout.opacity] if layout.opacity is not None else [])]
    if samples.shape[2] <= max(channels):
        raise BrokenImage("The JPEG 2000 file has fewer components than it says.")
    if channels != list(range(samples.shape[2])):
        samples = np.ascontiguousarray(samples[..., channels])
    color, clear = len(layout.colors) == 3, layout.opacity is not None
    mode = "palette" if layout.palette is not None else "RGB" if color else "grey"
    mode = "RGBA" if mode == "RGB" and clear else f"{mode}+alpha" if clear else mode
    steps = [*reduced(header.bits), *ignored_channels(layout.unused)]
    return Decoded(samples, "rgb" if color else "grey", mode, header.bits, Meaning(icc=layout.icc), steps=steps)
