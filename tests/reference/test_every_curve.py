"""Every number of a curve: of each number of clusters that was tried, not only of the one that was chosen."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence
from sklearn.metrics import silhouette_score

from tests.reference.test_every_number import COLORS, PICTURES, ran, speckled
from tests.support.witness.measures import Labelled, check_candidate

CRITERIA = ["silhouette", "calinski_harabasz", "davies_bouldin", "bic", "elbow"]
TILE = speckled(16, 25, COLORS, 12)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("algorithm", ["kmeans", "agglomerative"])
@pytest.mark.parametrize("picture", ["photograph", "stripes", "three colours", "one colour", "clear"])
def test_each_criterion_chooses_by_the_curve(algorithm: str, criterion: str, picture: str) -> None:
    """What a criterion chooses follows from the numbers that are told, and the chosen number's are of the result."""
    for params in ({}, {"alpha": "weight", "color_space": "oklab"}):
        witness, _ = ran(
            PICTURES[picture], algorithm=algorithm, n_clusters={"min": 2, "max": 7}, criterion=criterion, **params
        )
        witness.check()


@pytest.mark.parametrize("linkage", ["ward", "average", "single"])
@pytest.mark.parametrize("option", [{}, {"alpha": "weight"}, {"color_space": "lab", "standardize": True}])
def test_a_tree_is_cut_at_each_number(linkage: str, option: dict[str, Any]) -> None:
    """Each entry of the curve is of the label map that the number alone gives."""
    params = {"algorithm": "agglomerative", "linkage": linkage, **option}
    swept, _ = ran(PICTURES["clear"], n_clusters={"min": 2, "max": 6}, **params)
    for told in swept.result["selection"]["curve"]:
        alone, _ = ran(PICTURES["clear"], n_clusters=told["n_clusters"], **params)
        check_candidate(told, alone.found, alone.found.means(told["n_clusters"]), alone.step)


@pytest.mark.parametrize("params", [{}, {"color_space": "lab"}, {"fixed": ["#c8281e", "#14a050"]}])
def test_the_animation_shows_what_was_measured(params: dict[str, Any]) -> None:
    """Each entry of KMeans' curve is of the labels that the number's frame shows: read off the GIF."""
    pixels = np.concatenate([TILE, TILE], axis=1)  # each colour also stands where no number is written over it
    witness, files = ran(
        pixels, algorithm="kmeans", n_clusters={"min": 2, "max": 8}, outputs=["sweep"], tol=0, **params
    )
    curve, chosen = witness.result["selection"]["curve"], witness.result["selection"]["chosen"]
    frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(Image.open(io.BytesIO(files["sweep.gif"])))]
    assert len(frames) == len(curve) + 1
    for told, frame in zip(curve, frames, strict=False):
        if told["n_clusters"] == chosen:
            continue  # of the result, which may be a little better: tested above
        labels = shown(np.asarray(frame), *pixels.shape[:2])
        assert labels.max() + 1 == told["n_clusters"]
        found = Labelled(witness.coords, witness.weights, labels)
        centers = found.means(told["n_clusters"])
        for fixed in params.get("fixed", []):
            move_nearest(centers, np.array(list(bytes.fromhex(fixed[1:])), float), found)
        check_candidate(told, found, centers, witness.step)


def shown(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    """The labels of all pixels by the colours of the frame's right half, which is like its left."""
    side = frame.shape[1] // width
    seen = frame[side // 2 : side * height : side, side // 2 :: side]
    right = seen[:, width // 2 :].reshape(-1, 3)
    labels = np.unique(right, axis=0, return_inverse=True)[1].reshape(height, width // 2)
    return np.concatenate([labels, labels], axis=1).reshape(-1)


def move_nearest(centers: np.ndarray, fixed: np.ndarray, found: Labelled) -> None:
    """Put the centre of the pixels that are nearest to a fixed colour there: it has not moved with them."""
    mine = found.labels[np.linalg.norm(found.coords - fixed, axis=1).argmin()]
    centers[mine] = fixed


def test_above_so_many_colours_a_sample_is_measured() -> None:
    """Of 8,550 colours some are too many: a sample's size and error are told, and the true value is within two."""
    pixels = np.random.default_rng(3).integers(0, 256, (92, 93, 3)).astype(np.uint8)
    witness, _ = ran(pixels, algorithm="kmeans", n_clusters=4)
    told = witness.result["quality"]["silhouette"]
    assert (told["exact"], told["error"] > 0) == (False, True)
    assert 64 <= told["sample"] < 8_500
    true = silhouette_score(witness.coords.astype(np.float32), witness.mine)
    assert abs(told["value"] - true) <= 2 * told["error"]
    assert told["error"] < 0.02


@pytest.mark.parametrize("params", [{"n_clusters": 8}, {"n_clusters": 12}, {"algorithm": "agglomerative"}])
def test_a_small_vivid_area_is_among_the_first_three(params: dict[str, Any]) -> None:
    """On a photograph of dull colours, a red of 2 % of the pixels is what a person would name."""
    pixels = np.asarray(Image.fromarray(np.tile(PICTURES["photograph"], (4, 4, 1))).resize((72, 54))).copy()
    pixels = (0.3 * pixels + 80).astype(np.uint8)
    pixels[20:30, 30:38] = (220, 20, 30)
    witness, _ = ran(pixels, **params)
    ranked = sorted(witness.palette, key=lambda entry: -entry["accent"])
    assert any(entry["rgb"][0] > 180 and max(entry["rgb"][1:]) < 80 for entry in ranked[:3])
