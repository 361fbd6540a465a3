"""Whatever bytes come: a picture or a typed error, and never half a picture."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.contract.errors import BrokenImage, ImageTooLarge, UnsupportedImage
from shared.formats import FORMATS, Limits, read_header
from tests.fuzz import attempt
from tests.matrix.case import Case
from tests.matrix.formats import everyday
from tests.support.broken import changes, cuts
from tests.support.corpus import Sample, corpus

ALL = {sample.name: sample for sample in corpus()}
# One file for each way through the decoders; `make fuzz` takes them all.
NAMES = [
    *(
        "jpeg",
        "jpeg progressive",
        "jpeg cmyk",
        "png rgb 8",
        "png rgba 16",
        "png palette 4 alpha interlaced",
        "gif frames",
    ),
    *(
        "webp",
        "webp lossless",
        "avif",
        "heic alpha",
        "bmp",
        "jpeg 2000",
        "qoi alpha",
        "ppm plain 3 255",
        "ppm raw 3 65535",
    ),
    *("tiff rgb 8 <", "tiff rgba 16 > deflate tiles", "tiff premultiplied 16 < tiles", "tiff pages", "tiff bitmap"),
]
# Of the forms that only the matrices have: run lengths, masks, blocks, JPEG inside, parts of a canvas.
FORMS = {
    "BMP": ("bmp runs False True whole", f"bmp masks 32 40 3 False {(0xFF0, 0xFF000, 0xFF00000, 0)}"),
    "TIFF": ("tiff YCbCr 709 True (2, 2)", "tiff JPEG YCbCr", "tiff bitmap {'compression': 4"),
    "GIF": ("gif part",),
    "WEBP": ("webp animation True False False (6, 4)",),
    "JPEG2000": ("jp2 palette (2, 0, 1)",),
    "AVIF": ("AVIF grey 10",),
}
SAMPLES: list[Sample | Case] = [ALL[name] for name in NAMES]
for _format, _names in FORMS.items():
    SAMPLES += [next(case for case in everyday(_format) if case.name.startswith(name)) for name in _names]


def test_every_format_is_broken_here() -> None:
    """The chosen files are of all formats that are read."""
    formats = {read_header(io.BytesIO(sample.data), Limits()).format for sample in SAMPLES}
    assert formats == set(FORMATS)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_cut_image_is_an_error(sample: Sample | Case) -> None:
    """A file that is cut off is an error, or it has lost nothing that is seen: never other colours."""
    whole = attempt(sample.data)
    assert isinstance(whole, np.ndarray)
    ends = [attempt(data) for data in cuts(sample.data)]
    assert isinstance(ends[0], str)
    assert all(isinstance(end, str) or np.array_equal(end, whole) for end in ends)
    assert sum(isinstance(end, str) for end in ends) >= 10


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_changed_image_ends(sample: Sample | Case) -> None:
    """A file with a wrong byte ends as a picture or as a typed error, within ten seconds."""
    for data in changes(sample.data, 60):
        attempt(data)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=12))
def test_an_image_with_many_wrong_bytes_ends(sample: Sample | Case, wrong: list[tuple[int, int]]) -> None:
    """Several wrong bytes at once are no worse."""
    broken = bytearray(sample.data)
    for place, value in wrong:
        broken[place % len(broken)] = value
    attempt(bytes(broken))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([sample.data[:16] for sample in SAMPLES]), st.integers(0, 16), st.binary(max_size=400))
@example(b"II\x2b\x00" + bytes(12), 16, bytes(400))
def test_any_bytes_behind_a_signature_end(start: bytes, kept: int, rest: bytes) -> None:
    """A header reader ends on any bytes with the size of a picture, or with one of three errors."""
    with contextlib.suppress(UnsupportedImage, BrokenImage, ImageTooLarge):
        header = read_header(io.BytesIO(start[:kept] + rest), Limits())
        assert 0 < header.width * header.height <= Limits().pixels
