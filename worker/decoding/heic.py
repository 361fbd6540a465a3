"""HEIC, by libheif, which cuts out what is shown, joins tiles and turns the picture upright."""

import io

import numpy as np
from pi_heif.as_plugin import HeifImageFile

from shared.formats import Header
from worker.decoding import pillow
from worker.decoding.decoded import Decoded, Meaning, decoding, reduced
from worker.decoding.samples import reduce


def read(data: bytes, header: Header) -> Decoded:
    with decoding("HEIC"):
        image = HeifImageFile(io.BytesIO(data))  # type: ignore[no-untyped-call]  # pi_heif annotates no constructor
    pillow.check_size(image.size, header.upright, "HEIC")
    bits = int(image.info["bit_depth"])
    with decoding("HEIC"):
        image.load()  # type: ignore[no-untyped-call]
    meaning = Meaning(icc=image.info.get("icc_profile"), cicp=header.cicp)
    if image.mode == "I;16":
        # Greys of more than 8 bits come shifted up to 16; colours come as 8.
        samples = reduce(np.asarray(image) >> (16 - bits), (1 << bits) - 1)[..., None]
        return Decoded(samples, "grey", "grey", bits, meaning, upright=True, steps=reduced(bits))
    samples, model, mode = pillow.as_array(image, "HEIC")
    return Decoded(samples, model, mode, bits, meaning, upright=True, steps=reduced(bits))
