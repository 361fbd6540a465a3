"""What a decoder hands on: samples as the file has them, with what it says of their meaning."""

import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from shared.contract.errors import BrokenImage, UnsupportedImage
from shared.contract.results import Step
from worker.decoding.samples import Samples

log = logging.getLogger("huemill.decoding")

Model = Literal["grey", "rgb", "cmyk"]

# What the decoders raise on bad data. A defect of ours, such as a call with wrong arguments, is none of these.
_BAD_DATA = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    RuntimeError,
    struct.error,
)

_NOT_READ = ("unsupported", "not supported", "not implemented")  # in a library's words, of what is not damaged


class Meaning(NamedTuple):
    """What a file says of its colours' meaning, of which the first that is there counts; nothing: sRGB."""

    cicp: tuple[int, int] | None = None  # primaries and transfer, ITU-T H.273
    icc: bytes | None = None
    gamma: float | None = None  # PNG's gAMA: samples are light ** gamma
    primaries: tuple[float, ...] | None = None  # PNG's cHRM: x, y of red, green, blue and white


SRGB = Meaning()


@dataclass(frozen=True)
class Decoded:
    """Samples of the first frame."""

    samples: Samples  # [h, w, 1, 3 or 4 by the model, and 1 more with alpha]; those of u16 are of 0..65535
    model: Model
    mode: str
    bits: int = 8  # of a sample in the file
    meaning: Meaning = SRGB
    upright: bool = False  # whether the decoder has applied the orientation
    steps: list[Step] = field(default_factory=list)


def reduced(bits: int) -> list[Step]:
    """What is told of samples of so many bits."""
    if bits <= 8:
        return []
    return [Step(step="reduced_to_8_bits", detail=f"Samples of {bits} bits were rounded to 8.")]


def ignored_channels(count: int) -> list[Step]:
    """What is told of channels beside colours and alpha."""
    if not count:
        return []
    said = "One channel" if count == 1 else f"{count} channels"
    return [Step(step="ignored_channels", detail=f"{said} of no specified meaning beside the colours: left out.")]


@contextmanager
def decoding(image_format: str) -> Iterator[None]:
    """Around a library's calls, and nothing else: what it raises on bad data is said of the file, in our words.

    Its own words go to the log: they name places in memory, temporary files and whatever else is nobody's business.
    """
    try:
        yield
    except _BAD_DATA as error:
        log.info("the decoder of %s says: %r", image_format, error)
        if any(words in str(error).lower() for words in _NOT_READ):
            raise UnsupportedImage(
                f"{image_format} files of this kind are not read: save it as an ordinary {image_format}, or as PNG."
            ) from error
        raise BrokenImage(
            f"The {image_format} file is damaged or cut off: its pixels cannot be decoded. Send the whole file."
        ) from error
