"""AVIF, by Pillow's libavif. The clean aperture is cut out here: it leaves that to its callers."""

from dataclasses import replace

from shared.formats import Header
from worker.decoding import pillow
from worker.decoding.decoded import Decoded


def read(data: bytes, header: Header) -> Decoded:
    decoded = pillow.read(data, header)
    return decoded if header.shown is None else replace(decoded, samples=decoded.samples[header.shown])
