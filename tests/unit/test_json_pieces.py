"""JSON that is joined from pieces, and results as they are stored."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http import results
from api.http.json_pieces import embed, numbers
from shared.contract.params import KMeansParams
from shared.contract.results import LABELS_NPY, Artifact, ClusterResult
from shared.contract.stored_result import StoredResult, dump_result, read_result
from shared.jobs.model import Job, JobStatus, Upload, now

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.just("@labels@"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
members = st.dictionaries(st.text(max_size=4), values, max_size=4)
sizes = st.integers(1, 40)


async def cut(data: bytes, size: int) -> AsyncIterator[bytes]:
    for begin in range(0, len(data), size):
        yield data[begin : begin + size]


def whole(pieces: AsyncIterator[bytes]) -> bytes:
    async def join() -> bytes:
        return b"".join([piece async for piece in pieces])

    return asyncio.run(join())


def npy(labels: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, labels)
    return file.getvalue()


@given(outer=members, inner=members, name=st.text(max_size=4), other=st.text(max_size=4), put=values, size=sizes)
def test_a_value_is_put_into_its_place(
    outer: dict[str, Any], inner: dict[str, Any], name: str, other: str, put: Any, size: int
) -> None:
    """Whatever the other members are called and hold, the value stands where the path leads, and nothing else moves."""
    document = {**outer, name: {**inner, other: None}}
    found = whole(embed(document, (name, other), cut(orjson.dumps(put), size)))
    expected = {**outer, name: {**inner, other: put}}
    assert json.loads(found) == expected
    assert found == orjson.dumps(expected)


@pytest.mark.parametrize("dtype", ["int16", "int32"])
@given(labels=st.lists(st.integers(-2, 32_767), min_size=1, max_size=100), size=st.integers(1, 300))
def test_numbers_come_out_of_any_pieces(dtype: str, labels: list[int], size: int) -> None:
    """However a .npy file is cut, the list has every number in its place."""
    assert json.loads(whole(numbers(cut(npy(np.array(labels, dtype)), size), dtype))) == labels


NOTHING = {"value": None, "exact": True, "sample": 0, "error": 0}
QUALITY = {"mse": None, "psnr": None, "delta_e": None, "explained": None, "silhouette": NOTHING}


def a_result(profile: str, clusters: int = 2) -> ClusterResult:
    """A result that says `profile` where files of strangers are quoted."""
    labels = {"shape": (2, 2), "dtype": "int16"}
    image = {
        **{"format": "PNG", "mode": "RGB", "bits": 8, "profile": profile, "width": 2, "height": 2, "sha256": "0"},
        **{"pixels": 4, "clustered_pixels": 4, "excluded_pixels": 0, "unique_colors": 2},
    }
    return ClusterResult.model_validate(
        {
            **{"algorithm": "kmeans", "params": {"algorithm": "kmeans"}, "digest": "sha256:0", "image": image},
            **{"centroids": [(0, 0, 0)] * clusters, "proportions": [1 / clusters] * clusters, "labels": labels},
            **{
                "palette": [],
                "noise": {"pixels": 0, "proportion": 0},
                "quality": QUALITY,
                "timings_ms": {},
                "software": {},
            },
            "artifacts": [Artifact(name=LABELS_NPY, media_type="application/x-npy", bytes=136)],
        }
    )


def read(text: bytes, size: int) -> tuple[dict[str, Any], bytes]:
    """The head of a stored result, and the rest of its text."""

    async def run() -> tuple[dict[str, Any], bytes]:
        stored = await read_result(cut(text, size))
        return stored.head, b"".join([piece async for piece in stored.rest])

    return asyncio.run(run())


@given(profile=st.text() | st.sampled_from(["@labels@", "\n", "\\n", '"}\n,"', "\u2028"]), size=sizes)
def test_a_stored_result_is_read_as_far_as_it_is_needed(profile: str, size: int) -> None:
    """Whatever a file says of itself, the text is the whole result, and its first line ends before the rest."""
    result = a_result(profile)
    text = dump_result(result)
    assert json.loads(text) == result.model_dump(mode="json")
    head, rest = read(text, size)
    assert set(head) == {"labels", "artifacts"}
    assert json.loads(orjson.dumps(head)[:-1] + rest) == json.loads(text)


@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_a_result_of_an_older_version(size: int) -> None:
    """A text without a line break, as versions before this wrote it, is read all the same."""
    result = a_result("sRGB")
    head, rest = read(result.model_dump_json().encode(), size)
    assert set(head) == {"labels", "artifacts"}
    assert json.loads(orjson.dumps(head)[:-1] + rest) == result.model_dump(mode="json")


class OneBlob:
    """A blob store with a label map in it, read in small pieces."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, _: str) -> AsyncIterator[bytes]:
        return cut(self._data, 50)


def test_a_profile_that_looks_like_a_place() -> None:
    """A result whose profile is called @labels@ has its labels where they belong, and its profile too."""
    job = Job(
        **{"id": "a", "params": KMeansParams(), "upload": Upload(key="k", size=1, sha256="0"), "created_at": now()},
        **{"status": JobStatus.SUCCEEDED, "result_key": "r/"},
    )
    labels = np.array([0, 1, 1, 0], np.int16)

    async def text() -> bytes:
        stored: StoredResult = await read_result(cut(dump_result(a_result("@labels@")), 64))
        pieces = results.pieces_with_labels(stored, job, OneBlob(npy(labels)))
        return b"".join([piece async for piece in pieces])

    found = json.loads(asyncio.run(text()))
    assert found["labels"]["data"] == [0, 1, 1, 0]
    assert found["image"]["profile"] == "@labels@"
    assert set(found) == set(ClusterResult.model_fields)
