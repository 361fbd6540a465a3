"""Every number of a result that came over HTTP, recomputed from the label map that came with it."""

import io
import json
from typing import Any

import httpx
import numpy as np
import pytest

from tests.conftest import ONE_STORE
from tests.reference.test_every_number import METHODS, OPTIONS, PICTURES
from tests.support.images import encoded
from tests.support.witness.result import Witness

pytestmark = ONE_STORE

MASK = np.tri(16, 24, 12, dtype=bool)
CASES = [
    ("kmeans", "weight"),
    ("fixed in a range", "lab"),
    ("auto", "box"),
    ("range", "exclude"),
    ("hdbscan", "max_pixels"),
    ("optics", "blend"),
    ("agglomerative", "standardized lab"),
    ("assign", "oklab"),
]


@pytest.mark.parametrize(("method", "option"), CASES)
@pytest.mark.parametrize("masked", [False, True])
def test_every_number_of_an_answer(client: httpx.Client, method: str, option: str, masked: bool) -> None:
    """Of each method, through the gateway, a real worker and back, with and without a mask."""
    pixels, params = PICTURES["clear"], METHODS[method] | OPTIONS[option]
    files: dict[str, Any] = {"image": encoded(pixels), "params": (None, json.dumps(params))}
    if masked:
        files["mask"] = encoded(np.where(MASK, 255, 0).astype(np.uint8))
    job = client.post("/v1/jobs", files=files, headers={"Prefer": "wait=30"}).json()
    assert job["status"] == "succeeded", job
    result = client.get(job["links"]["result"]).json()
    labels = client.get(job["links"]["labels"], headers={"Accept": "application/x-npy"}).content
    array = np.load(io.BytesIO(labels), allow_pickle=False)
    assert result["labels"]["data"] == array.ravel().tolist()
    Witness(result, array, pixels, MASK if masked else None).check()
