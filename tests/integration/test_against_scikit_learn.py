"""Results over HTTP against scikit-learn's KMeans on every pixel, and against themselves."""

import functools
import io

import httpx
import numpy as np
import pytest
from PIL import Image
from sklearn.cluster import KMeans

from tests.conftest import ONE_STORE
from tests.support.calls import finished
from tests.support.images import photograph

pytestmark = ONE_STORE

PHOTOGRAPHS = ("china.jpg", "flower.jpg")
INIT = [[10, 20, 30], [250, 240, 230], [120, 130, 90], [60, 90, 160], [200, 40, 60], [90, 60, 40]]


def pixels_of(name: str) -> np.ndarray:
    """f64[n, 3]: every pixel."""
    return np.asarray(Image.open(photograph(name)).convert("RGB")).reshape(-1, 3).astype(np.float64)


@functools.cache
def peer(name: str) -> KMeans:
    """scikit-learn on the pixels, from the same centres, with our defaults."""
    return KMeans(len(INIT), init=np.array(INIT, float), n_init=1, max_iter=300, tol=1e-4, algorithm="lloyd").fit(
        pixels_of(name)
    )


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_labels_equal_scikit_learns(client: httpx.Client, name: str) -> None:
    """For given first centres, labels, shares, centroids and inertia are scikit-learn's on every pixel."""
    job = finished(client, photograph(name).read_bytes(), init=INIT)
    npy = client.get(job["links"]["labels"], headers={"Accept": "application/x-npy"}).content
    labels = np.load(io.BytesIO(npy)).reshape(-1)
    fitted = peer(name)
    counts = np.bincount(fitted.labels_, minlength=len(INIT))
    order = np.argsort(-counts, kind="stable")
    rank = np.empty(len(INIT), int)
    rank[order] = np.arange(len(INIT))
    assert np.array_equal(labels, rank[fitted.labels_])
    assert [entry["pixels"] for entry in job["result"]["palette"]] == counts[order].tolist()
    assert job["result"]["proportions"] == (counts[order] / len(labels)).tolist()
    assert np.allclose(job["result"]["centroids"], fitted.cluster_centers_[order], rtol=1e-9)
    assert job["result"]["quality"]["inertia"] == pytest.approx(fitted.inertia_, rel=1e-9)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("params", [{"n_clusters": 8}, {"init": INIT}], ids=["k-means++", "init"])
def test_a_result_agrees_with_itself(client: httpx.Client, name: str, params: dict[str, object]) -> None:
    """Labels, shares, palette, centroids and inertia recount from one another over the pixels."""
    job = finished(client, photograph(name).read_bytes(), **params)
    result = client.get(job["links"]["result"], params={"labels": "inline"}).json()
    pixels = pixels_of(name)
    labels = np.array(result["labels"]["data"])
    centroids = np.array(result["centroids"])
    counts = np.bincount(labels, minlength=len(centroids))
    assert counts.sum() == len(pixels) == result["image"]["clustered_pixels"]
    assert result["proportions"] == (counts / len(pixels)).tolist()
    assert [entry["pixels"] for entry in result["palette"]] == counts.tolist()
    assert sum(result["proportions"]) + result["noise"]["proportion"] == pytest.approx(1)
    inertia = ((pixels - centroids[labels]) ** 2).sum()
    assert result["quality"]["inertia"] == pytest.approx(inertia, rel=1e-9)
    distances = ((pixels[:, None, :] - centroids[None]) ** 2).sum(axis=2)
    assert np.array_equal(distances.argmin(axis=1), labels)
