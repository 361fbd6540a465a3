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


@pytest.mark.parametrize(("image_format", "most"), [("webp", 16_383), ("avif", 32_768)])
@pytest.mark.parametrize("over", [0, 1])
def test_no_picture_is_made_that_nobody_opens(image_format: str, most: int, over: int) -> None:
    """A picture is as long as its format's decoders take, and opens; one that is longer is left out, and the note says
    why.
    """
    pixels = np.random.default_rng(1).integers(0, 256, (1, most + over, 3), np.uint8) // 128 * 128
    params = parse_params({"outputs": ["recolored"], "recolor": {"format": image_format}})
    outcome = pipeline.run(encoded(pixels), params, lambda stage, fraction: True, limits=Limits())
    name = f"recolored.{image_format}"
    if over:
        assert name not in outcome.files
        (note,) = outcome.result.notes
        assert (note.note, f"{most:,}" in note.detail) == ("left_out", True)
    else:
        assert Image.open(io.BytesIO(outcome.files[name])).size == (most, 1)


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
