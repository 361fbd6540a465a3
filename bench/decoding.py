"""Decoding beside Pillow's, and the published numbers of colours: `python -m bench decoding`.

Pillow's side is `Image.open` and `load` alone, without handing the pixels to numpy; huemill's is file bytes to counted
colours. Beside them stand the formats' own libraries, as imagecodecs calls them: file bytes to an array. The last rows
hold the counts of colours against those that the benchmark images' authors publish.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image

from bench import common
from bench.common import Row, Work, measure, row
from shared.formats import Limits
from worker.color.counting import count_colors
from worker.decoding.decode import decode

LARGE = (4528, 3024)  # 13.7 megapixels
OPTIONS = {
    "JPEG": {"quality": 90},
    "PNG": {"compress_level": 1},
    "TIFF": {},
    "QOI": {},
    "WebP, lossy": {"quality": 90},
    "WebP, lossless": {"lossless": True, "method": 1},
}
# The libraries alone, by their names in imagecodecs.
RAW = {"PNG": ("spng", "png"), "WebP, lossy": ("webp",), "WebP, lossless": ("webp",)}
# Formats whose writers or readers take minutes for the large one.
SMALL = (1024, 768)
_PUBLISHED = re.compile(r"\| (\S+)(?: \(.*\))? \| \d+ x \d+ \| ([\d,]+) ")


def encoded(path: Path, image_format: str, size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.open(path).convert("RGB").crop((700, 100, 700 + size[0], 100 + size[1])).save(
        buffer, image_format.partition(",")[0], **OPTIONS[image_format]
    )
    return buffer.getvalue()


def huemill(path: Path, image_format: str, size: tuple[int, int]) -> Work:
    data = encoded(path, image_format, size)
    return lambda: len(count_colors(decode(data, Limits()).pixels))


def huemill_decode(path: Path, image_format: str, size: tuple[int, int]) -> Work:
    data = encoded(path, image_format, size)
    return lambda: decode(data, Limits()).pixels.shape[0]


def pillow(path: Path, image_format: str, size: tuple[int, int]) -> Work:
    data = encoded(path, image_format, size)

    def work() -> int:
        image = Image.open(io.BytesIO(data))
        image.load()
        return image.height

    return work


def pillow_array(path: Path, image_format: str, size: tuple[int, int]) -> Work:
    data = encoded(path, image_format, size)
    return lambda: len(np.asarray(Image.open(io.BytesIO(data))))


def raw(path: Path, image_format: str, size: tuple[int, int], library: str) -> Work:
    data = encoded(path, image_format, size)
    decoder = getattr(imagecodecs, f"{library}_decode")
    return lambda: len(decoder(data))


def rows(images: Path) -> Iterator[Row]:
    path = images / "kleiber_20mp.jpg"
    for image_format in OPTIONS:
        size = SMALL if image_format == "QOI" else LARGE
        case = f"{image_format}, {size[0] * size[1] / 1e6:.1f} MP"
        alone = measure(pillow, path, image_format, size, repeat=7)
        aim = "ratio >= 0.77" if image_format == "JPEG" else ""
        both = measure(huemill, path, image_format, size, repeat=7)
        yield row(f"{case}: decode and count", both, "Pillow, decode alone", alone, aim)
        ours = measure(huemill_decode, path, image_format, size, repeat=7)
        theirs = measure(pillow_array, path, image_format, size, repeat=7)
        yield row(f"{case}: decode", ours, "Pillow, decode to an array", theirs)
        for library in RAW.get(image_format, ()):
            alone = measure(raw, path, image_format, size, library, repeat=7)
            aim = "ratio >= 0.77" if library == "spng" else "ratio >= 0.83" if library == "webp" else ""
            compared, what = (ours, "decode") if library == "webp" else (both, "decode and count")
            yield row(f"{case}: {what}", compared, f"imagecodecs, {library} alone", alone, aim)
    for name, published in _PUBLISHED.findall((images / "README.md").read_text()):
        work = measure(huemill_file, images / name, repeat=1)
        assert work.value == int(published.replace(",", "")), name
        yield Row(f"{name}: {work.value:,} colours, as published", work.seconds)


def huemill_file(path: Path) -> Work:
    data = path.read_bytes()
    return lambda: len(count_colors(decode(data, Limits()).pixels))


if __name__ == "__main__":
    print(common.table(rows(common.IMAGES)))
