"""A witness that is not ours: what Chromium shows of an image file, drawn on a canvas in sRGB."""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
    "BMP": "image/bmp",
}
"""The formats that it shows and huemill reads."""
_SVG = "image/svg+xml"

# A script may answer with text and numbers, and slowly with many of these.
TOLD = """pen => {
    const { width, height } = pen.canvas;
    const pixels = pen.getImageData(0, 0, width, height).data;
    let text = '';
    for (let at = 0; at < pixels.length; at += 8192) {
        text += String.fromCharCode.apply(null, pixels.subarray(at, at + 8192));
    }
    return [width, height, btoa(text)];
}"""
"""What has been drawn on a canvas, for `pixels_of`."""

_DRAW = """async source => {
    const image = new Image();
    const shown = await new Promise(told => {
        image.onload = () => told(true);
        image.onerror = () => told(false);
        image.src = source;
    });
    if (!shown) return null;
    const canvas = document.createElement('canvas');
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const pen = canvas.getContext('2d', {colorSpace: 'srgb', willReadFrequently: true});
    pen.drawImage(image, 0, 0);
    return (TOLD)(pen);
}""".replace("TOLD", TOLD)


def pixels_of(told: list[Any]) -> np.ndarray:
    """RGBA u8[h, w, 4]."""
    width, height, text = told
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)


class Chromium:
    """A running browser with an empty page."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def sees(self, data: bytes, image_format: str) -> np.ndarray | None:
        """RGBA u8[h, w, 4], or None where it shows nothing. Colours that are partly clear are rounded by the canvas."""
        media_type = _SVG if image_format == "SVG" else MEDIA_TYPES[image_format]
        source = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
        drawn = self._page.evaluate(_DRAW, source)
        return None if drawn is None else pixels_of(drawn)


@contextmanager
def opened(url: str) -> Iterator[Page]:
    """A page in Debian's browser."""
    options = ["--no-sandbox", "--force-color-profile=srgb"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        page = browser.new_page()
        page.goto(url)
        yield page
        browser.close()


@contextmanager
def chromium() -> Iterator[Chromium]:
    """The browser, with an empty page."""
    with opened("about:blank") as page:
        yield Chromium(page)
