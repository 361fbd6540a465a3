"""Every output through the pipeline."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shared.contract.params import parse_params
from shared.formats import Limits
from tests.support.images import encoded
from worker import pipeline

WAYS: list[dict[str, Any]] = [
    {"algorithm": "optics"},
    {"algorithm": "hdbscan", "recolor": {"noise": "nearest"}},
    {"algorithm": "agglomerative"},
    {"algorithm": "assign", "palette": ["#ff0000", "#00ff00", [0, 0, 255]]},
    {"n_clusters": {"min": 2, "max": 4}},
]


@pytest.mark.parametrize("given", WAYS, ids=str)
@pytest.mark.parametrize("most", [None, 901])
def test_all_outputs_are_made(given: dict[str, Any], most: int | None) -> None:
    """Each output gives its files, or a note; pictures have the size of the label map, also of a smaller image."""
    pixels = np.random.default_rng(1).integers(0, 256, (37, 53, 3), np.uint8) // 32 * 32
    names = ["recolored", "side_by_side", "card", "masks", "points", "scatter", "plot"]
    outputs = [*names, "sweep"] if "n_clusters" in given else names
    params = parse_params({**given, "outputs": outputs, "max_pixels": most})
    outcome = pipeline.run(encoded(pixels), params, lambda stage, fraction: True, limits=Limits())
    labels = np.load(io.BytesIO(outcome.files["labels.npy"]))
    assert labels.shape == ((37, 53) if most is None else (25, 35))
    painted = np.asarray(Image.open(io.BytesIO(outcome.files["recolored.png"])).convert("RGB"))
    assert painted.shape == (*labels.shape, 3)
    palette = np.array([entry.rgb for entry in outcome.result.palette], np.uint8).reshape(-1, 3)
    assert (painted[labels >= 0] == palette[labels[labels >= 0]]).all()
    assert {artifact.name for artifact in outcome.result.artifacts} == set(outcome.files)
    assert {"card.png", "points.json", "scatter.png", "side_by_side.png"} <= set(outcome.files)
    assert ("sweep.gif" in outcome.files) == ("n_clusters" in given)
