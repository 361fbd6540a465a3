"""What goes wrong in decoding is the file's fault or ours, and never called the one when it is the other."""

import io
import logging

import numpy as np
import pytest
from PIL import Image

from shared.contract.errors import BrokenImage, UnsupportedImage
from shared.formats import Limits
from tests.support.corpus import saved, smooth
from worker.decoding import codecs, pillow
from worker.decoding.decode import decode
from worker.decoding.decoded import decoding

PLAIN = saved(Image.fromarray(smooth()), "GIF")


@pytest.mark.parametrize("defect", [TypeError, AttributeError, KeyError, ValueError, IndexError, ZeroDivisionError])
def test_a_defect_of_a_decoder_of_ours_is_not_the_files(
    monkeypatch: pytest.MonkeyPatch, defect: type[Exception]
) -> None:
    """What our own code raises comes out as it is: the task logs it, and the job ends as internal."""

    def broken(data: bytes, header: object) -> None:
        raise defect("a defect")

    monkeypatch.setitem(codecs.CODECS, "GIF", broken)
    with pytest.raises(defect, match="a defect"):
        decode(PLAIN, Limits())


def test_a_wrong_call_of_a_library_is_not_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a library's calls too, what only a wrong call raises is a defect."""
    monkeypatch.setattr(pillow.Image, "open", lambda file: file)
    with pytest.raises(TypeError, match="formats"):
        decode(PLAIN, Limits())


def test_a_librarys_words_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What a library says of bad data is for operators; the user reads what to do."""
    with (
        caplog.at_level(logging.INFO, "huemill.decoding"),
        pytest.raises(BrokenImage, match="The GIF file is damaged or cut off") as raised,
        decoding("GIF"),
    ):
        Image.open(io.BytesIO(b"GIF89a"), formats=("GIF",))
    assert "BytesIO" not in str(raised.value)
    assert "BytesIO" in caplog.text


def test_what_a_library_does_not_support_is_not_damaged() -> None:
    """A whole file of a kind that a library leaves out is called that."""
    with (
        pytest.raises(UnsupportedImage, match="of this kind are not read: save it as an ordinary HEIC"),
        decoding("HEIC"),
    ):
        raise RuntimeError("Unsupported feature: Unsupported codec")


def test_memory_that_is_missing_is_not_the_files() -> None:
    """A library that gets no memory is told of as that."""
    with pytest.raises(MemoryError), decoding("GIF"):
        np.empty((1 << 62,), np.uint8)
