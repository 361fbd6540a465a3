"""Every number of a result, recomputed from the label map and the image by a stranger (`tests.support.witness`)."""

import io
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_sample_image

from shared.contract.params import parse_params
from shared.formats import Limits
from tests.support.images import encoded
from tests.support.witness.result import Witness
from worker import pipeline

RANDOM = np.random.default_rng(11)


def speckled(height: int, width: int, colors: list[list[int]], spread: int = 3) -> np.ndarray:
    """Stripes of the colours, each pixel a little off."""
    stripes = np.array(colors)[np.arange(width) * len(colors) // width][None].repeat(height, axis=0)
    return np.clip(stripes + RANDOM.integers(-spread, spread + 1, stripes.shape), 0, 255).astype(np.uint8)


def with_alpha(pixels: np.ndarray, alphas: list[int]) -> np.ndarray:
    return np.dstack([pixels, RANDOM.choice(np.array(alphas, np.uint8), pixels.shape[:2])])


PHOTO = np.asarray(Image.fromarray(load_sample_image("china.jpg")).resize((27, 18)))
COLORS = [[200, 40, 30], [40, 60, 90], [220, 220, 210], [20, 160, 80], [250, 200, 0]]
WALK = np.clip(np.cumsum(RANDOM.integers(-2, 3, (1, 5000, 3)), axis=1) // 8 + 128, 0, 255).astype(np.uint8)
PICTURES: dict[str, np.ndarray] = {
    "photograph": PHOTO,
    "stripes": speckled(20, 30, COLORS),
    "three colours": speckled(8, 9, COLORS[:3], 0),
    "one colour": np.full((5, 6, 3), (12, 200, 99), np.uint8),
    "grey": np.repeat(speckled(12, 40, [[30], [90], [200]], 4), 3, axis=2),
    "line": WALK,
    "clear": with_alpha(speckled(16, 24, COLORS[:4]), [0, 51, 102, 255]),
    "noise": RANDOM.integers(0, 256, (12, 12, 3), np.uint8),
}
METHODS: dict[str, dict[str, Any]] = {
    "kmeans": {"algorithm": "kmeans", "n_clusters": 4, "tol": 0},
    "fixed": {"algorithm": "kmeans", "n_clusters": 5, "tol": 0, "fixed": ["#c8281e", [0, 0, 255]]},
    "by tolerance": {"algorithm": "kmeans", "n_clusters": 6},
    "one step": {"algorithm": "kmeans", "init": [[0, 0, 0]] * 3 + [[255, 255, 255]], "max_iter": 1},
    "fixed in a range": {"algorithm": "kmeans", "n_clusters": {"min": 2, "max": 5}, "fixed": ["#c8281e", "#000000"]},
    "auto": {"algorithm": "kmeans", "n_clusters": "auto"},
    "agglomerative": {"algorithm": "agglomerative", "n_clusters": 4},
    "average": {"algorithm": "agglomerative", "n_clusters": 3, "linkage": "average"},
    "range": {"algorithm": "agglomerative", "n_clusters": {"min": 2, "max": 6}},
    "hdbscan": {"algorithm": "hdbscan", "min_cluster_size": 20, "min_samples": 4},
    "optics": {"algorithm": "optics", "min_samples": 4},
    "assign": {"algorithm": "assign", "palette": ["#c8281e", "#283c5a", [220, 220, 210], "#00ff00"]},
    "euclidean": {"algorithm": "assign", "palette": ["#808080", "#c8281e", "#c8281e"], "metric": "euclidean"},
}
OPTIONS: dict[str, dict[str, Any]] = {
    "weight": {"alpha": "weight"},
    "opaque": {"alpha": "opaque"},
    "blend": {"alpha": "blend:#204060"},
    "box": {"region": {"box": [0.1, 0.2, 0.8, 0.9], "unit": "fraction"}},
    "polygon": {"region": {"polygon": [[3.1, 1], [20.5, 4], [17, 14.2], [2, 12.3]]}},
    "exclude": {"exclude": [{"color": "#c8281e", "tolerance": 1.5}, {"color": "#ffffff"}]},
    "max_pixels": {"max_pixels": 150},
    "all of these": {
        "alpha": "weight",
        "region": {"box": [2, 2, 22, 15]},
        "exclude": [{"color": "#14a050", "tolerance": 1.5}],
        "max_pixels": 200,
    },
    "lab": {"color_space": "lab"},
    "oklab": {"color_space": "oklab", "names": "xkcd"},
    "standardize": {"standardize": True},
    "standardized lab": {"color_space": "lab", "standardize": True, "alpha": "weight"},
}


def ran(pixels: np.ndarray, mask: np.ndarray | None = None, **params: Any) -> tuple[Witness, dict[str, bytes]]:
    """The result of the pipeline, with the witness to it, and its files."""
    kept = None if mask is None else encoded(np.where(mask, 255, 0).astype(np.uint8))
    outcome = pipeline.run(
        encoded(pixels), parse_params(params), lambda *_: True, mask=kept, limits=Limits(), threads=1
    )
    result = orjson.loads(outcome.result.model_dump_json())
    labels = np.load(io.BytesIO(outcome.files["labels.npy"]))
    return Witness(result, labels, pixels, mask), outcome.files


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("method", METHODS)
def test_every_number_follows_from_the_label_map(method: str, picture: str) -> None:
    """Of each method on pictures of every kind: a photograph, flat ones, one colour, grey, a line, transparent ones."""
    witness, _ = ran(PICTURES[picture], **METHODS[method])
    witness.check()


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("method", METHODS)
def test_it_does_whatever_is_left_out(method: str, option: str) -> None:
    """Under each choice of the pixels that count, and in each space."""
    witness, _ = ran(PICTURES["clear"], **METHODS[method], **OPTIONS[option])
    witness.check()


@pytest.mark.parametrize("method", METHODS)
def test_it_does_with_a_mask(method: str) -> None:
    """What a mask leaves out is in no number."""
    mask = np.tri(*PHOTO.shape[:2], 8, dtype=bool)
    witness, _ = ran(PHOTO, mask, **METHODS[method])
    assert (witness.labels == -2).sum() == (~mask).sum() > 0
    witness.check()


@pytest.mark.parametrize("space", ["lab", "oklab"])
@pytest.mark.parametrize("method", METHODS)
def test_it_does_where_axes_are_empty(method: str, space: str) -> None:
    """Greys have no second and third axis: standardised, rounding errors would be as long as the first."""
    witness, _ = ran(PICTURES["grey"], **METHODS[method], color_space=space, standardize=True)
    witness.check()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.sampled_from(list(PICTURES)),
    st.sampled_from(list(METHODS)),
    st.lists(st.sampled_from(list(OPTIONS)), max_size=3),
)
def test_it_does_in_any_combination(picture: str, method: str, options: list[str]) -> None:
    """Pictures, methods and options as they fall."""
    params = dict(METHODS[method])
    for option in options:
        params |= OPTIONS[option]
    if "region" in params and picture in ("one colour", "line"):
        del params["region"]  # it would have no pixel of them
    if picture == "three colours":
        params.pop("region", None)
    witness, _ = ran(PICTURES[picture], **params)
    witness.check()
