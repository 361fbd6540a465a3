"""Every format and mode is read as the pixels that a person sees."""

import numpy as np
import pytest

from shared.formats import Limits
from tests.support.corpus import Sample, corpus
from worker.imaging.decode import decode

SAMPLES = corpus()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_pixels_are_as_known(sample: Sample) -> None:
    """Lossless files give the very pixels, lossy ones come within their codec's error; what was found is told."""
    raster = decode(sample.data, Limits())
    assert raster.pixels.dtype == np.uint8
    assert raster.pixels.shape == sample.seen.shape
    difference = int(np.abs(raster.pixels.astype(int) - sample.seen).max())
    assert difference <= sample.error
    assert {name: getattr(raster.found, name) for name in sample.found} == sample.found
