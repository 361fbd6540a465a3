"""PBM, PGM and PPM, plain and raw, of any greatest value (https://netpbm.sourceforge.net/doc/ppm.html)."""

import re
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from shared.contract.errors import BrokenImage
from shared.formats import Header, ppm
from worker.decoding.decoded import Decoded, reduced
from worker.decoding.samples import reduce

Sample = TypeVar("Sample", np.uint8, np.uint32)
_LONG_NUMBER = re.compile(rb"[0-9]{6}")
_COMMENT = re.compile(rb"#[^\r\n]*")


def read(data: bytes, header: Header) -> Decoded:
    samples, greatest = read_samples(data)
    color = samples.shape[2] == 3
    mode = "bitmap" if header.bits == 1 else "RGB" if color else "grey"
    return Decoded(reduce(samples, greatest), "rgb" if color else "grey", mode, header.bits, steps=reduced(header.bits))


def read_samples(data: bytes) -> tuple[NDArray[np.uint16], int]:
    """Samples u16[h, w, 1 or 3] and their greatest value. A bitmap's are turned: its 1 is black."""
    header, greatest, begin = ppm.header(data[: ppm.HEADER_BYTES])
    kind = data[1:2]
    width, height, channels = header.width, header.height, 3 if kind in b"36" else 1
    if kind == b"4":
        row_bytes = (width + 7) // 8
        rows = _whole(np.frombuffer(data, np.uint8)[begin:], row_bytes * height).reshape(height, row_bytes)
        return 1 - np.unpackbits(rows, axis=1, count=width).astype(np.uint16)[..., None], 1
    count = width * height * channels
    if kind in b"56":
        stored = np.frombuffer(data, np.uint8)[begin:]
        if greatest > 255:
            samples = _whole(stored, 2 * count).view(">u2").astype(np.uint16)
        else:
            samples = _whole(stored, count).astype(np.uint16)
    elif kind == b"1":
        digits = np.frombuffer(_COMMENT.sub(b"", data[begin:]).translate(None, b" \t\r\n\v\f"), np.uint8)
        samples = 1 - _whole(digits, count).astype(np.uint16) + ord("0")
    else:
        samples = np.minimum(_whole(_numbers(_COMMENT.sub(b"", data[begin:])), count), 65535).astype(np.uint16)
    if samples.size and int(samples.max()) > greatest:
        raise BrokenImage(f"The PPM file has a sample greater than {greatest}, the greatest that its header allows.")
    return samples.reshape(height, width, channels), greatest


def _numbers(text: bytes) -> NDArray[np.uint32]:
    if text.translate(None, b"0123456789 \t\r\n\v\f"):
        raise BrokenImage("The plain PPM file has something else than numbers in it.")
    if _LONG_NUMBER.search(text):
        raise BrokenImage("The plain PPM file has a number of more than five digits.")
    return np.fromstring(text, np.uint32, sep=" ")


def _whole(samples: NDArray[Sample], count: int) -> NDArray[Sample]:
    if len(samples) < count:
        raise BrokenImage("The PPM file is cut off: it has fewer samples than it says. Send the whole file.")
    return samples[:count]
