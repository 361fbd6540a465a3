"""WebP. A still picture is written into our array by libwebp itself, the one that Pillow brings; animations are read by
Pillow, which takes stills for animations too: four bytes a pixel, and two copies of them.
"""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import _webp

from shared.formats import Header
from worker.decoding import animations, pillow
from worker.decoding.decoded import Decoded, Meaning

_CHANNELS = {"RGB": 3, "RGBA": 4}


def read(data: bytes, header: Header) -> Decoded:
    image = pillow.opened(data, header)
    samples = _still(data, np.empty((header.height, header.width, _CHANNELS[image.mode]), np.uint8), image.mode)
    if samples is None:
        return animations.read(data, header)  # by Pillow, which also tells what is damaged
    return Decoded(samples, "rgb", image.mode, meaning=Meaning(icc=image.info.get("icc_profile")))


def _still(data: bytes, samples: NDArray[np.uint8], mode: str) -> NDArray[np.uint8] | None:
    """`samples`, filled; none for an animation, and for what is damaged."""
    decode = _DECODERS.get(mode)
    if decode is None or not decode(data, len(data), samples.ctypes.data, samples.nbytes, samples.strides[0]):
        return None
    return samples


def _decoders() -> dict[str, Callable[..., Any]]:
    """libwebp's `WebPDecode*Into` (decode.h: data and its size, the picture, its size and that of a row; null where it
    fails), by Pillow's mode; none where Pillow was built with libwebp inside of itself.
    """
    library = ctypes.CDLL(_webp.__file__)  # in which the libraries that it uses are looked through as well
    found = {}
    for mode in _CHANNELS:
        decode = getattr(library, f"WebPDecode{mode}Into", None)
        if decode is not None:
            decode.restype = ctypes.c_void_p
            decode.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
            found[mode] = decode
    return found


_DECODERS = _decoders()
