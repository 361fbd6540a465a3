"""What Pillow decodes as it is: GIF, animated WebP, AVIF and JPEG 2000, of the eleven formats."""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.contract.errors import BrokenImage, UnsupportedImage
from shared.formats import Header
from worker.decoding.decoded import Decoded, Meaning, Model, decoding, reduced

# Our own limits are checked before decoding; Pillow's would warn and raise at other numbers.
Image.MAX_IMAGE_PIXELS = None

# Pillow's modes -> ours, and the mode in which the samples are taken.
_MODES: dict[str, tuple[Model, str, str]] = {
    "1": ("grey", "bitmap", "L"),
    "L": ("grey", "grey", "L"),
    "LA": ("grey", "grey+alpha", "LA"),
    "La": ("grey", "grey+alpha", "LA"),
    "P": ("rgb", "palette", "RGB"),
    "PA": ("rgb", "palette+alpha", "RGBA"),
    "RGB": ("rgb", "RGB", "RGB"),
    "RGBX": ("rgb", "RGB", "RGB"),
    "RGBA": ("rgb", "RGBA", "RGBA"),
    "RGBa": ("rgb", "RGBA", "RGBA"),
    "YCbCr": ("rgb", "RGB", "RGB"),
    "CMYK": ("cmyk", "CMYK", "CMYK"),
}


def opened(data: bytes, header: Header) -> Image.Image:
    """The first frame, of the size that the header says, not yet decoded."""
    with decoding(header.format), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about metadata that nobody reads here
        image = Image.open(io.BytesIO(data), formats=(header.format,))
    check_size(image.size, (header.width, header.height), header.format)
    return image


def load(data: bytes, header: Header) -> Image.Image:
    """The same, decoded."""
    image = opened(data, header)
    with decoding(header.format), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image.load()
    return image


def check_size(found: tuple[int, int], said: tuple[int, int], image_format: str) -> None:
    """Raises BrokenImage where the library reads another size than our header reader, before memory is taken for it."""
    if found != said:
        raise BrokenImage(f"The {image_format} file says twice how large it is, and differently.")


def decoded(image: Image.Image, header: Header) -> Decoded:
    """The samples of a loaded image, and what they are."""
    samples, model, mode = as_array(image, header.format)
    meaning = Meaning(icc=image.info.get("icc_profile"), cicp=header.cicp)
    return Decoded(samples, model, mode, header.bits, meaning, steps=reduced(header.bits))


def as_array(image: Image.Image, image_format: str) -> tuple[NDArray[np.uint8], Model, str]:
    """Samples u8[h, w, channels], their model, and our name of the mode."""
    if image.mode not in _MODES:
        raise UnsupportedImage(
            f"{image_format} files of mode {image.mode} are not read: save it with 8 or 16 whole-numbered bits "
            "a channel, as grey, RGB, CMYK or a palette."
        )
    model, mode, taken = _MODES[image.mode]
    if image.has_transparency_data and taken in ("L", "RGB"):
        model, mode, taken = "rgb", mode + "+alpha" if mode in ("palette", "grey") else "RGBA", "RGBA"
    samples = np.asarray(image if image.mode == taken else image.convert(taken))
    return samples.reshape(*samples.shape[:2], -1), model, mode


def read(data: bytes, header: Header) -> Decoded:
    return decoded(load(data, header), header)
