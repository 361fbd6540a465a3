"""Images of every kind through the real service: what is found and done is told, and nothing brings it down."""

import httpx
import numpy as np
import pytest
from PIL import ExifTags, Image

from shared.formats import FORMATS
from tests.conftest import ONE_STORE
from tests.support.calls import finished
from tests.support.corpus import corpus, saved, smooth
from worker.decoding.spaces import PRIMARIES, SRGB_CURVE, Space, as_profile

pytestmark = ONE_STORE

ALL = {sample.name: sample for sample in corpus()}
ONE_EACH = {
    "JPEG": "jpeg",
    "PNG": "png rgb 8",
    "WEBP": "webp",
    "GIF": "gif frames",
    "AVIF": "avif",
    "HEIC": "heic",
    "TIFF": "tiff rgba 16 < deflate",
    "BMP": "bmp",
    "PPM": "ppm raw 3 65535",
    "QOI": "qoi",
    "JPEG2000": "jpeg 2000",
}


@pytest.mark.parametrize("image_format", FORMATS)
def test_every_format_is_clustered(client: httpx.Client, image_format: str) -> None:
    """An image of each format becomes a result that says what it was."""
    sample = ALL[ONE_EACH[image_format]]
    image = finished(client, sample.data, n_clusters=2)["result"]["image"]
    assert image["format"] == image_format
    assert [image["height"], image["width"]] == list(sample.seen.shape[:2])
    assert {name: image[name] for name in sample.found} == sample.found
    if not sample.error:
        kept = sample.seen[..., 3] > 0 if sample.seen.shape[2] == 4 else np.ones(sample.seen.shape[:2], bool)
        assert image["unique_colors"] == len(np.unique(sample.seen[..., :3][kept], axis=0))


def test_what_was_done_is_told(client: httpx.Client) -> None:
    """A profile and an orientation are named in the result, in words for programs and for people."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    profile = as_profile(Space(PRIMARIES[12], SRGB_CURVE, "Display P3"))
    data = saved(Image.fromarray(smooth(2, 5)), "PNG", icc_profile=profile, exif=exif)
    image = finished(client, data, n_clusters=2)["result"]["image"]
    assert (image["width"], image["height"]) == (2, 5)
    assert (image["profile"], image["orientation"], image["mode"], image["bits"]) == ("Display P3", 6, "RGB", 8)
    assert [step["step"] for step in image["steps"]] == ["converted_profile", "oriented"]
    assert "Display P3" in image["steps"][0]["detail"]
