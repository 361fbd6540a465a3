"""File bytes -> samples, one function a format. The list of decoders is `CODECS`, and nothing else is ever tried."""

import io
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from pi_heif.as_plugin import HeifImageFile
from PIL import Image, ImageFile, JpegImagePlugin, TiffImagePlugin

from shared.contract.errors import BrokenImage, UnsupportedImage
from shared.contract.results import Step
from shared.formats import Header
from worker.decoding import jpeg, png, ppm, profiles
from worker.decoding.lookup import look_up, reduce, unmultiplied
from worker.kernels import qoi

# Our own limits are checked before decoding; Pillow's would warn and raise at other numbers.
Image.MAX_IMAGE_PIXELS = None

Model = Literal["grey", "rgb", "cmyk"]


@dataclass(frozen=True)
class Decoded:
    """Samples as a file has them, reduced to 8 bits, with what it says of their meaning."""

    samples: NDArray[np.uint8]  # [h, w, 1, 3 or 4 by the model, and 1 more with alpha]
    model: Model
    mode: str
    bits: int = 8
    icc: bytes | None = None
    cicp: tuple[int, int] | None = None  # primaries and transfer, ITU-T H.273
    gamma: float | None = None  # PNG's gAMA: samples are light ** gamma
    primaries: tuple[float, ...] | None = None  # PNG's cHRM: x, y of red, green, blue and white
    orientation: int = 1
    upright: bool = False  # whether the decoder has applied the orientation
    steps: list[Step] = field(default_factory=list)


# --- JPEG -------------------------------------------------------------------------------------------------------------

# Its number of channels -> ours, and what simplejpeg calls the colours.
_JPEG_MODES: dict[int, tuple[Model, str, str]] = {
    1: ("grey", "grey", "GRAY"),
    3: ("rgb", "RGB", "RGB"),
    4: ("cmyk", "CMYK", "CMYK"),
}
# Each scan of a progressive file is another pass over all blocks. Encoders make about ten.
MAX_SCANS = 100
MAX_JPEG_SEGMENTS = 8192
_MARKER = re.compile(rb"\xff([\x02-\xcf\xd9-\xfe])")  # those with a length, and the end
# libjpeg-turbo's warnings about bytes that are not the picture's. All others mean that a part of it is missing.
_HARMLESS = (
    "extraneous bytes before marker",
    "Unknown Adobe",
    "unknown JFIF",
    "Invalid SOS",
    "bad ICC",
    "Inconsistent",
)

# Planes of sizes for which its interface has no name, as in some CMYK files: left to Pillow, like what is warned of.
_UNNAMED = "subsampling level"


def _jpeg(data: bytes, header: Header) -> Decoded:
    """By libjpeg-turbo itself: half of Pillow's time for the same pixels, and it tells of damage that Pillow hides."""
    notes = jpeg.read_notes(data, header.body)
    _check_scans(data)
    model, mode, space = _JPEG_MODES[notes.channels]
    samples, steps = _jpeg_samples(data, space)
    return Decoded(samples, model, mode, icc=notes.icc, orientation=header.orientation, steps=steps)


def _jpeg_samples(data: bytes, space: str) -> tuple[NDArray[np.uint8], list[Step]]:
    try:
        samples = simplejpeg.decode_jpeg(data, space, strict=True)
        # CMYK is inverted, as Adobe writes it: 255 is no ink. All viewers take it so.
        return ~samples if space == "CMYK" else samples, []
    except ValueError as error:
        warned = any(words in str(error) for words in _HARMLESS)
        if not warned and _UNNAMED not in str(error):
            raise
        steps = [Step(step="tolerated_damage", detail=f"The decoder warned: {error}.")] if warned else []
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    image.load()
    return np.asarray(image).reshape(image.height, image.width, -1), steps


def _check_scans(data: bytes) -> None:
    """Raises BrokenImage for more scans than MAX_SCANS before the picture's end; a film may be appended behind it."""
    at, scans = 2, 0
    for _ in range(MAX_JPEG_SEGMENTS):
        marker = _MARKER.search(data, at)
        if marker is None or marker[1] == b"\xd9":
            return
        scans += marker[1] == b"\xda"
        if scans > MAX_SCANS:
            raise BrokenImage(f"The JPEG file has more than {MAX_SCANS} scans.")
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    raise BrokenImage(f"The JPEG file has more than {MAX_JPEG_SEGMENTS:,} segments.")


# --- PNG --------------------------------------------------------------------------------------------------------------

_PNG_MODES = {0: "grey", 2: "RGB", 3: "palette", 4: "grey+alpha", 6: "RGBA"}


def _png(data: bytes, header: Header) -> Decoded:
    """Colours by the third edition's order of precedence (section 4.3): cICP, iCCP, sRGB, gAMA with cHRM."""
    chunks = png.read_chunks(data)
    samples = png.read_samples(chunks)
    channels = samples.shape[2]
    model: Model = "grey" if channels <= 2 else "rgb"
    cicp, icc, gamma, primaries = chunks.color()
    steps: list[Step] = []
    if chunks.bits == 16:
        table = None
        if gamma is not None and primaries is None and not profiles.is_srgb_gamma(gamma) and 0.1 <= gamma <= 10:
            table = profiles.gamma_table(gamma, 65536)
        steps.append(_reduced(16))
        colors = channels - (channels in (2, 4))
        reduced = reduce(samples, 65535)
        if table is not None:
            reduced[..., :colors] = look_up(table, samples[..., :colors])
        samples = reduced
    transparent = b"tRNS" in chunks.first and channels in (2, 4)
    mode = _PNG_MODES[chunks.color_type] + ("+alpha" if transparent else "")
    return Decoded(
        samples.astype(np.uint8, copy=False),
        model,
        mode,
        chunks.bits,
        icc,
        cicp,
        gamma,
        primaries,
        header.orientation,
        steps=steps,
    )


# --- 16 bits ----------------------------------------------------------------------------------------------------------


def _reduced(bits: int) -> Step:
    return Step(step="reduced_to_8_bits", detail=f"Samples of {bits} bits were rounded to 8.")


# --- by Pillow --------------------------------------------------------------------------------------------------------

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


def _by_pillow(data: bytes, header: Header) -> Decoded:
    """WebP, BMP and AVIF."""
    image = Image.open(io.BytesIO(data), formats=(header.format,))
    decoded = _loaded(image, header)
    return decoded if header.shown is None else replace(decoded, samples=decoded.samples[header.shown])


def _gif(data: bytes, header: Header) -> Decoded:
    """By Pillow. Where the first frame covers only a part, it gives the rest some colour; viewers show it clear."""
    image = Image.open(io.BytesIO(data), formats=("GIF",))
    left, top, right, bottom = image.tile[0].extents or (0, 0, 0, 0)
    decoded = _loaded(image, header)
    if (left, top, right, bottom) == (0, 0, header.width, header.height):
        return decoded
    channels = decoded.samples.shape[2]
    clear = np.zeros((header.height, header.width, channels + channels % 2), np.uint8)
    clear[..., -1][top:bottom, left:right] = 255
    clear[top:bottom, left:right, :channels] = decoded.samples[top:bottom, left:right]
    mode = decoded.mode if decoded.mode.endswith("+alpha") else f"{decoded.mode}+alpha"
    return replace(decoded, samples=clear, mode=mode)


def _jpeg2000(data: bytes, header: Header) -> Decoded:
    """Pillow shifts samples to 8 bits. To the right it rounds, and what is rounded up from 255 becomes 0, white black:
    so only grey ones of more bits are read, which it gives in full. Those of fewer are shifted back and scaled.
    """
    image = Image.open(io.BytesIO(data), formats=("JPEG2000",))
    if header.bits > 8 and not image.mode.startswith("I;16"):
        raise UnsupportedImage(
            f"JPEG 2000 files of colours of {header.bits} bits are not read: save it with 8, or as PNG or TIFF."
        )
    decoded = _loaded(image, header)
    if header.bits >= 8 or image.mode == "P":
        return decoded
    return replace(decoded, samples=reduce(decoded.samples >> (8 - header.bits), (1 << header.bits) - 1))


def _heic(data: bytes, header: Header) -> Decoded:
    """By libheif, which cuts out what is shown and turns it."""
    image = HeifImageFile(io.BytesIO(data))  # type: ignore[no-untyped-call]  # pi_heif annotates no constructor
    return _loaded(image, header, upright=True)


def _loaded(image: Image.Image, header: Header, upright: bool = False) -> Decoded:
    if sorted(image.size) != sorted(header.size if upright else (header.width, header.height)):
        raise BrokenImage(f"The {header.format} file says twice how large it is, and differently.")
    orientation = header.orientation
    icc = image.info.get("icc_profile")
    image.load()
    if image.mode.startswith("I;16"):
        # JPEG 2000 and TIFF of 9 to 16 bits. The former's are shifted up to 16.
        greatest = (1 << header.bits) - 1
        grey = np.asarray(image).astype(np.uint16)
        if header.format == "JPEG2000":
            grey >>= 16 - header.bits
        samples = reduce(np.minimum(grey, greatest), greatest)[..., None]
        return Decoded(
            samples, "grey", "grey", header.bits, icc, None, None, None, orientation, upright, [_reduced(header.bits)]
        )
    if image.mode not in _MODES:
        raise UnsupportedImage(
            f"{header.format} files of mode {image.mode} are not read: save it with 8 or 16 whole-numbered bits "
            "a channel, as grey, RGB, CMYK or a palette."
        )
    model, mode, taken = _MODES[image.mode]
    if image.has_transparency_data and taken in ("L", "RGB"):
        model, mode, taken = "rgb", mode + "+alpha" if mode in ("palette", "grey") else "RGBA", "RGBA"
    samples = np.asarray(image if image.mode == taken else image.convert(taken))
    steps = [_reduced(header.bits)] if header.bits > 8 else []
    samples = samples.reshape(*samples.shape[:2], -1)
    return Decoded(samples, model, mode, header.bits, icc, header.cicp, None, None, orientation, upright, steps)


# --- TIFF -------------------------------------------------------------------------------------------------------------

# Grey and alpha of 16 bits are unknown to Pillow. A pixel has four bytes, as one of 8-bit RGBA has.
for _prefix in (b"II", b"MM"):
    TiffImagePlugin.OPEN_INFO[(_prefix, 1, (1,), 1, (16, 16), (2,))] = ("RGBA", "RGBA")


def _tiff(data: bytes, header: Header) -> Decoded:
    """Strips, tiles and pages by Pillow and libtiff. Pillow applies the orientation itself."""
    image = _open_tiff(data)
    tags = image.tag_v2
    _check_covered(image)
    bits = tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))
    raw_mode = _arguments(image.tile[0])[0]
    separate = tags.get(TiffImagePlugin.PLANAR_CONFIGURATION, 1) == 2
    if bits[0] == 16 and len(bits) > 1:
        if separate:
            raise UnsupportedImage(
                "TIFF files of 16 bits in separate planes are not read: save it with its channels together."
            )
        return _sixteen_bit_tiff(data, image, raw_mode, header)
    decoded = _loaded(image, header, upright=True)
    if tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0 and bits[0] == 16:
        # Pillow turns white-is-zero round, except in this mode.
        return Decoded(
            ~decoded.samples,
            "grey",
            "grey",
            16,
            decoded.icc,
            None,
            None,
            None,
            decoded.orientation,
            True,
            decoded.steps,
        )
    return decoded


def _check_covered(image: TiffImagePlugin.TiffImageFile) -> None:
    """Raises BrokenImage where strips or tiles are missing: Pillow would leave their pixels black."""
    tags = image.tag_v2
    areas = (tile.extents or (0, 0, 0, 0) for tile in image.tile)
    covered = sum((right - left) * (bottom - top) for left, top, right, bottom in areas)
    separate = tags.get(TiffImagePlugin.PLANAR_CONFIGURATION, 1) == 2 and image.tile[0].codec_name != "libtiff"
    planes = tags.get(TiffImagePlugin.SAMPLESPERPIXEL, 1) if separate else 1
    if covered < tags[TiffImagePlugin.IMAGEWIDTH] * tags[TiffImagePlugin.IMAGELENGTH] * planes:
        raise BrokenImage("The TIFF file lacks strips or tiles of its picture.")


def _arguments(tile: ImageFile._Tile) -> tuple[Any, ...]:
    if not isinstance(tile.args, tuple):
        raise BrokenImage("The TIFF file's samples are packed in an unknown way.")
    return tile.args


def _open_tiff(data: bytes) -> TiffImagePlugin.TiffImageFile:
    try:
        image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    except SyntaxError as error:
        if "unknown pixel mode" not in str(error):
            raise
        message = (
            "The TIFF file's samples are of a kind that is not read: save it as grey, RGB or CMYK, of 8 or 16 bits."
        )
        raise UnsupportedImage(message) from error
    image.info.pop("xmp", None)  # Pillow would take an orientation from there, which viewers do not
    return image


def _sixteen_bit_tiff(data: bytes, image: TiffImagePlugin.TiffImageFile, raw_mode: str, header: Header) -> Decoded:
    """Colours of 16 bits. Pillow gives 8 of them at a time, so they are decoded twice, as PNG's are."""
    tags = image.tag_v2
    compressed = image.tile[0].codec_name == "libtiff"  # its samples come in the machine's own order
    little = sys.byteorder == "little" if compressed else tags.prefix == b"II"
    icc = image.info.get("icc_profile")
    if len(tags[TiffImagePlugin.BITSPERSAMPLE]) == 2:
        raw = _tiff_bytes(data, "RGBA", "RGBA")
        high, low = (raw[..., 1::2], raw[..., 0::2]) if little else (raw[..., 0::2], raw[..., 1::2])
        model: Model = "grey"
        mode = "grey+alpha"
    else:
        kind = raw_mode.partition(";")[0]
        plain = kind.upper() if kind == "RGBa" else kind
        high = _tiff_bytes(data, image.mode, f"{plain};16{'L' if little else 'B'}")
        low = _tiff_bytes(data, image.mode, f"{plain};16{'B' if little else 'L'}")
        model = "cmyk" if image.mode == "CMYK" else "rgb"
        mode = image.mode
    samples = (high.astype(np.uint16) << 8 | low).astype(np.uint16, copy=False)
    if raw_mode.startswith("RGBa"):
        samples = unmultiplied(samples)
    orientation = header.orientation
    return Decoded(reduce(samples, 65535), model, mode, 16, icc, None, None, None, orientation, True, [_reduced(16)])


def _tiff_bytes(data: bytes, mode: str, raw_mode: str) -> NDArray[np.uint8]:
    """The picture, upright, its samples unpacked by `raw_mode`."""
    image = _open_tiff(data)
    if image.mode != mode:
        raise BrokenImage("The TIFF file's samples are not as its tags say.")
    image.tile = [tile._replace(args=(raw_mode, *_arguments(tile)[1:])) for tile in image.tile]
    image.load()
    return np.asarray(image)


# --- without a library ------------------------------------------------------------------------------------------------


def _ppm(data: bytes, header: Header) -> Decoded:
    samples, greatest = ppm.read_samples(data)
    steps = [_reduced(header.bits)] if greatest > 255 else []
    model: Model = "rgb" if samples.shape[2] == 3 else "grey"
    mode = "bitmap" if header.bits == 1 else {"rgb": "RGB", "grey": "grey"}[model]
    return Decoded(reduce(samples, greatest), model, mode, header.bits, steps=steps)


def _qoi(data: bytes, header: Header) -> Decoded:
    """By a kernel of our own: Pillow's takes a microsecond and more a pixel."""
    pixels = np.empty((header.width * header.height, 4), np.uint8)
    if qoi.unpack(np.frombuffer(data, np.uint8, offset=14), pixels) < len(pixels):
        raise BrokenImage("The QOI file is cut off. Send the whole file.")
    channels = 4 if header.transparent else 3
    samples = pixels.reshape(header.height, header.width, 4)[..., :channels]
    return Decoded(samples, "rgb", "RGBA" if channels == 4 else "RGB")


CODECS: dict[str, Callable[[bytes, Header], Decoded]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _by_pillow,
    "GIF": _gif,
    "AVIF": _by_pillow,
    "HEIC": _heic,
    "TIFF": _tiff,
    "BMP": _by_pillow,
    "PPM": _ppm,
    "QOI": _qoi,
    "JPEG2000": _jpeg2000,
}
