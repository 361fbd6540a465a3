"""The gateway's pure parts: negotiation, the state machine's table, label maps as JSON."""

import asyncio
import io
import json
from collections.abc import AsyncIterator

import numpy as np
import pytest

from api.http import results
from api.http.negotiation import choose, takes_gzip
from api.http.phrases import phrase
from api.http.preferences import wait_seconds
from shared.contract.errors import NotAcceptable
from shared.contract.params import KMeansParams
from shared.jobs.model import ENDED, TRANSITIONS, Job, JobStatus, Move, Upload, now

OFFERS = ("image/png", "application/x-npy", "application/json")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "image/png"),
        ("", "image/png"),
        (" , ", "image/png"),
        ("*/*", "image/png"),
        ("application/json", "application/json"),
        ("APPLICATION/JSON", "application/json"),
        ("application/*", "application/x-npy"),
        ("image/png;q=0.5, application/json", "application/json"),
        ("image/png;q=0.5, application/json;q=0.5", "image/png"),
        ("text/html, application/json;q=0.1", "application/json"),
        ("*/*, image/png;q=0", "application/x-npy"),
        ("application/json; charset=utf-8; q=1", "application/json"),
        (" application/x-npy ,", "application/x-npy"),
    ],
)
def test_the_best_offer_is_chosen(accept: str | None, chosen: str) -> None:
    """The most specific range decides each offer's quality, the highest quality wins, ours come first among equals."""
    assert choose(accept, OFFERS) == chosen


@pytest.mark.parametrize(
    "accept", ["text/html", "image/png;q=0", "*/*;q=0", "image/png;q=nonsense", "image/png;q=nan", "nonsense"]
)
def test_nothing_acceptable(accept: str) -> None:
    """Where no offer fits, the error names those that there are."""
    with pytest.raises(NotAcceptable, match="application/x-npy"):
        choose(accept, OFFERS)


@pytest.mark.parametrize(
    ("accept_encoding", "taken"),
    [
        ("", False),
        ("gzip", True),
        ("GZip;Q=0.001", True),
        ("x-gzip", True),
        ("deflate, br", False),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("gzip;q=0.0", False),
        ("gzip; q=1, identity; q=0", True),
        ("identity;q=0, *", True),
        ("identity;q=0", False),
        ("gzip;q=0.5, identity", False),
        ("gzip;q=0.5, identity;q=0.5", True),
        ("identity, *;q=0.5", False),
        ("gzip;q=nan", False),
        ("gzip;q=inf", False),
        ("gzip;q=-1", False),
    ],
)
def test_who_takes_gzip(accept_encoding: str, taken: bool) -> None:
    """gzip is for those who take it, and do not like plain bytes better (RFC 9110, section 12.5.3)."""
    assert takes_gzip(accept_encoding) is taken


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("", None),
        ("wait=10", 10),
        ("Wait = 10", 10),
        ('wait="10"', 10),
        ("return=minimal, wait=20", 20),
        ("wait=10; strictly, foo", 10),
        ("wait=5, wait=6", 5),
        ("wait=99999999999", 60),
        ("wait=" + "9" * 9999, 60),
        ("wait", None),
        ("wait=abc", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("foo; wait=10", None),
        ('foo="a, wait=10"', None),
        ('foo="never closed, wait=10', None),
        (",,, ; =, wait=3", 3),
        ('"\\\\' + '"\\\\' * 9999, None),
    ],
)
def test_a_preference_is_understood_or_passed_over(prefer: str, seconds: float | None) -> None:
    """Prefer is a list of names with values; the first wait counts, what is malformed is as if it were not there."""
    assert wait_seconds(prefer, 60.0) == seconds


def test_every_move_is_in_the_table() -> None:
    """Each move has its row, and no move leaves a state that is an end."""
    assert set(TRANSITIONS) == set(Move)
    for sources, target in TRANSITIONS.values():
        assert sources
        assert not sources & ENDED or target is None, "what has ended stays as it is"


def test_every_state_is_reached() -> None:
    """From queued, the table's moves lead to every state."""
    reached = {JobStatus.QUEUED}
    for _ in TRANSITIONS:
        reached |= {target for sources, target in TRANSITIONS.values() if target and sources & reached}
    assert reached == set(JobStatus)


class Pieces:
    """A blob that comes in pieces of one size."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data, self._size = data, size

    async def read(self, _: str) -> AsyncIterator[bytes]:
        for begin in range(0, len(self._data), self._size):
            yield self._data[begin : begin + self._size]


@pytest.mark.parametrize("dtype", ["int16", "int32"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 127, 128, 129, 1000, 10**6])
@pytest.mark.parametrize("pixels", [1, 100])
def test_label_maps_stream_as_json(dtype: str, size: int, pixels: int) -> None:
    """However a label map's bytes are cut, its JSON is whole, with every number in its place."""
    labels = np.random.default_rng(0).integers(-2, 30_000, pixels).astype(dtype)
    buffer = io.BytesIO()
    np.save(buffer, labels)
    upload = Upload(key="k", size=1, sha256="0")
    succeeded = {"status": JobStatus.SUCCEEDED, "result_key": "r/"}
    job = Job(id="a", params=KMeansParams(), upload=upload, created_at=now(), **succeeded)

    async def whole() -> bytes:
        description = {"shape": [1, pixels], "dtype": dtype, "data": None}
        blobs = Pieces(buffer.getvalue(), size)
        return b"".join([piece async for piece in results.stream_labels(description, job, blobs)])  # type: ignore[arg-type]

    answer = json.loads(asyncio.run(whole()))
    assert answer["data"] == labels.tolist()
    assert answer["shape"] == [1, pixels]


def test_a_status_has_one_name_on_every_python() -> None:
    """That of RFC 9110: clients are shown it in titles, and the agreed document has it."""
    named = {400: "Bad Request", 413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable"}
    named |= {422: "Unprocessable Content", 429: "Too Many Requests", 507: "Insufficient Storage"}
    assert {status: phrase(status) for status in named} == named
