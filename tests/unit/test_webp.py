"""Still WebP pictures, which libwebp writes into our arrays, beside what Pillow reads of the same files."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from shared.contract.errors import BrokenImage
from shared.formats import Limits
from tests.matrix.webp import chunk, pictures, u24
from tests.support.corpus import saved, smooth
from worker.decoding import animations, webp
from worker.decoding.decode import decode

STILLS = {
    f"{'lossless' if lossless else 'lossy'} {channels} {height}x{width}": saved(
        Image.fromarray(smooth(height, width, channels)), "WEBP", lossless=lossless, exact=True
    )
    for lossless in (True, False)
    for channels in (3, 4)
    for height, width in ((2, 2), (2, 300), (257, 3), (48, 65))
}


@pytest.mark.parametrize("data", STILLS.values(), ids=STILLS)
def test_stills_are_pillows_pixels(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """And Pillow decodes none of them."""
    expected = Image.open(io.BytesIO(data))
    with monkeypatch.context() as without:
        without.setattr(animations, "read", None)
        found = decode(data, Limits())
    assert np.array_equal(found.pixels, np.asarray(expected))
    assert found.found.mode == expected.mode


@pytest.mark.parametrize("data", STILLS.values(), ids=STILLS)
def test_a_pillow_that_hides_its_libwebp(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = decode(data, Limits())
    monkeypatch.setattr(webp, "_DECODERS", {})
    found = decode(data, Limits())
    assert np.array_equal(found.pixels, expected.pixels)
    assert found.found == expected.found


@pytest.mark.parametrize("canvas", [(63, 48), (65, 48), (64, 47), (64, 49), (640, 480)])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("lossless", [True, False])
def test_a_picture_of_another_size_than_its_canvas(canvas: tuple[int, int], channels: int, lossless: bool) -> None:
    picture = pictures(smooth(48, 64, channels), lossless=lossless)
    body = chunk(b"VP8X", bytes([16 * (channels == 4), 0, 0, 0]) + u24(canvas[0] - 1) + u24(canvas[1] - 1)) + picture
    with pytest.raises(BrokenImage):
        decode(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body, Limits())


@pytest.mark.parametrize("name", ["lossy 3 48x65", "lossless 4 48x65", "lossy 4 48x65"])
def test_what_ends_too_early_is_damaged(name: str) -> None:
    """Cut off, and the chunks' sizes set to what is left."""
    data = STILLS[name]
    for left in range(60, len(data) - 12, 7):
        cut = bytearray(data[: left + left % 2])
        cut[4:8] = struct.pack("<I", len(cut) - 8)
        if cut[12:16] != b"VP8X":
            cut[16:20] = struct.pack("<I", len(cut) - 20)
        with pytest.raises(BrokenImage):
            decode(bytes(cut), Limits())
