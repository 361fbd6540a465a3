"""OPTICS' reachability plot, against the plot of every pixel."""

import numpy as np
import pytest

from shared.contract.params import OpticsParams
from tests.support.pictures import colors_in, decoded
from tests.support.plots import blobs, checked, clustered
from worker.clustering import Clustering
from worker.clustering.optics.details import OpticsDetails, ReachabilityPlot
from worker.rendering.plots import reachability


def reached(pixels: np.ndarray, params: OpticsParams) -> tuple[ReachabilityPlot, Clustering, list[str]]:
    _, found, palette = clustered(pixels, params)
    assert isinstance(found.details, OpticsDetails)
    return found.details.plot, found, palette


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (20, 30), (80, 100)])
@pytest.mark.parametrize("method", ["auto", "xi"])
def test_a_bin_shows_the_largest_reachability_of_its_pixels(size: tuple[int, int], method: str) -> None:
    """Of the plot of all pixels: each bin's maximum, the label of most of its pixels, and where it begins."""
    params = OpticsParams() if method == "auto" else OpticsParams(cluster_method="xi", min_samples=5)
    plot, found, _ = reached(blobs(*size), params)
    data = checked(reachability.data(plot, found.labels, "rgb"))
    heights = np.concatenate([[a, *[b] * (n - 1)] for a, b, n in zip(plot.first, plot.copies, plot.count, strict=True)])
    labels = np.repeat(found.labels[plot.point], plot.count)
    assert data["pixels"] == len(heights) == size[0] * size[1]
    assert data["first"][0] == 0
    assert len(data["first"]) == min(len(heights), reachability.BINS)
    for begin, end, height, label in zip(
        data["first"], [*data["first"][1:], len(heights)], data["reachability"], data["label"], strict=True
    ):
        assert begin < end
        largest = heights[begin:end].max()
        assert height is None if np.isinf(largest) else height == pytest.approx(largest, abs=1e-6)
        values, counts = np.unique(labels[begin:end], return_counts=True)
        assert label == values[counts.argmax()]


def test_divided_pixels_are_whole_ones_in_the_plot() -> None:
    """Where each pixel counts as 255 parts, places are in pixels all the same."""
    plot = ReachabilityPlot(
        np.array([1, 0]), np.array([np.inf, 2.0]), np.array([1.0, 1.0]), np.array([510, 255]), np.array([-1, 0])
    )
    found = reachability.data(plot, np.array([0, -1], np.int32), "lab", units=255)
    assert found["pixels"] == 3.0
    assert found["first"][255] == 1.0
    assert found["label"][:510] == [-1] * 510


def test_valleys_have_their_clusters_colours() -> None:
    """Every cluster's colour is in the picture, noise's grey too where there is noise, also where all lie at 0."""
    plot, found, palette = reached(blobs(), OpticsParams())
    picture = reachability.draw(reachability.data(plot, found.labels, "rgb"), palette)
    assert len(palette) >= 2
    assert set(palette) <= colors_in(decoded(picture))
    flat = {"pixels": 4, "space": "rgb", "first": [0, 1, 2, 3], "reachability": [None, 0.0, 0.0, 0.0]}
    seen = colors_in(decoded(reachability.draw({**flat, "label": [0, 0, 1, -1]}, ["#ff0000", "#00ff00"])))
    assert {"#ff0000", "#00ff00", "#b4b4b4"} <= seen


def test_thousands_of_valleys_are_drawn() -> None:
    """A cluster in each bin."""
    bins = range(3000)
    found = {
        "pixels": 3000, "space": "rgb", "first": list(bins), "reachability": [1.0] * 3000, "label": list(bins)
    }  # fmt: skip
    palette = [f"#{number:06x}" for number in range(0, 3000 * 5000, 5000)]
    assert decoded(reachability.draw(found, palette)).shape[:2] == (675, 1200)
