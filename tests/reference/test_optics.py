"""OPTICS against scikit-learn on every pixel, in the pixels' own order."""

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import cluster_optics_dbscan, cluster_optics_xi, compute_optics_graph
from sklearn.datasets import load_sample_image

from shared.contract.params import OpticsParams
from tests.support.weighted import photograph
from worker.clustering import Clustering, cluster
from worker.clustering.optics.details import OpticsDetails, ReachabilityPlot
from worker.clustering.optics.extraction import cut_at, cut_by_xi
from worker.color.counting import ColorSet, count_colors
from worker.kernels.plot import disjoint
from worker.progress import Meter


def crop(name: str, x: int, y: int, width: int, height: int) -> np.ndarray:
    return load_sample_image(name)[y : y + height, x : x + width]


def gamut(seed: int, side: int, height: int = 24, width: int = 32) -> np.ndarray:
    """Few colours on a lattice: next to every distance is a tie."""
    return np.random.default_rng(seed).integers(0, side, (height, width, 3), np.uint8)


def ramp() -> np.ndarray:
    """A smooth gradient: each colour once, all steps equal."""
    return np.stack(np.meshgrid(np.arange(24), np.arange(24), [7]), axis=-1).reshape(24, 24, 3).astype(np.uint8)


CASES: dict[str, tuple[np.ndarray, int, float | None]] = {
    "china": (crop("china.jpg", 250, 150, 40, 30), 10, None),
    "china, near only": (crop("china.jpg", 60, 250, 36, 30), 5, 6.0),
    "flower": (crop("flower.jpg", 250, 180, 40, 30), 25, None),
    "flower, near only": (crop("flower.jpg", 300, 100, 36, 30), 8, 3.0),
    "8 colours": (gamut(1, 2), 50, None),
    "125 colours": (gamut(2, 5), 12, None),
    "1000 colours": (gamut(3, 10), 5, None),
    "1000 colours, near only": (gamut(4, 10), 4, 1.0),
    "more colours than pixels": (gamut(5, 30), 3, 2.5),
    "ramp": (ramp(), 9, None),
}


def graph_of(pixels: np.ndarray, min_samples: int, max_eps: float | None) -> tuple[np.ndarray, ...]:
    """scikit-learn's ordering, core distances, reachabilities and predecessors of every pixel."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="All reachability values are inf")
        return compute_optics_graph(
            pixels.astype(np.float64),
            min_samples=min_samples,
            max_eps=np.inf if max_eps is None else max_eps,
            metric="minkowski",
            p=2,
            metric_params=None,
            algorithm="auto",
            leaf_size=30,
            n_jobs=None,
        )


def details_of(result: Clustering) -> OpticsDetails:
    assert isinstance(result.details, OpticsDetails)
    return result.details


def assert_same_walk(colors: ColorSet, details: OpticsDetails, graph: tuple[np.ndarray, ...]) -> None:
    ordering, cores, reachability, predecessor = graph
    first = colors.first
    assert np.array_equal(ordering[np.isin(ordering, first)], first[details.ordering])
    assert np.array_equal(predecessor[first], np.where(details.predecessor < 0, -1, first[details.predecessor]))
    np.testing.assert_allclose(details.reachability, reachability[first], rtol=1e-12)
    np.testing.assert_allclose(details.core_distances, cores[first], rtol=1e-12)
    # Copies that come at once have this; scikit-learn may take neighbours first that tie, and come to a copy from them.
    copies = np.empty(len(first))
    copies[details.plot.point] = details.plot.copies
    np.testing.assert_allclose(copies, np.minimum(reachability[first], cores[first]), rtol=1e-12)
    is_copy = ~np.isin(np.arange(len(ordering)), first)
    assert (reachability[is_copy] <= copies[colors.index.ravel()[is_copy]] * (1 + 1e-12)).all()


@pytest.mark.parametrize("case", CASES)
def test_ordering_is_scikit_learns(case: str) -> None:
    """First visits and predecessors are scikit-learn's on all pixels, ties included, and so are all distances."""
    image, min_samples, max_eps = CASES[case]
    colors = count_colors(image)
    result = cluster(colors.points(), OpticsParams(min_samples=min_samples, max_eps=max_eps))
    assert_same_walk(colors, details_of(result), graph_of(image.reshape(-1, 3), min_samples, max_eps))


@pytest.mark.parametrize("space", ["lab", "oklab"])
@pytest.mark.parametrize("standardize", [False, True])
def test_ordering_in_other_spaces(space: str, standardize: bool) -> None:
    """Where coordinates are no whole numbers the ordering is scikit-learn's too."""
    image = crop("china.jpg", 300, 200, 30, 24)
    colors = count_colors(image)
    points = colors.points(space, standardize)
    result = cluster(points, OpticsParams(min_samples=6))
    assert_same_walk(colors, details_of(result), graph_of(points.coords[colors.index], 6, None))


def test_ordering_of_a_standardized_lattice() -> None:
    """Steps that differ only by rounding are ties, as scikit-learn rounds distances to 15 decimals."""
    colors = count_colors(gamut(6, 6))
    points = colors.points(standardize=True)
    result = cluster(points, OpticsParams(min_samples=8))
    assert_same_walk(colors, details_of(result), graph_of(points.coords[colors.index], 8, None))


def expanded(plot: ReachabilityPlot) -> dict[str, Any]:
    """The plot of all pixels, numbered by their places in it, as scikit-learn takes it."""
    starts, runs = plot.starts, np.repeat(np.arange(len(plot.count)), plot.count)
    places = np.arange(starts[-1])
    is_first = places == starts[runs]
    origin = np.where(plot.leader < 0, -1, starts[plot.leader])[runs]
    own = ~is_first & (plot.copies < plot.first)[runs]
    return {
        "reachability": np.where(is_first, plot.first[runs], plot.copies[runs]),
        "predecessor": np.where(own, starts[runs], origin),
        "ordering": places,
    }


def random_plot(seed: int, heights: int, size: int = 400) -> ReachabilityPlot:
    """A plot of random heights, zeros and infinities among them, and random earlier leaders."""
    random = np.random.default_rng(seed)
    walk = np.abs(np.cumsum(random.integers(-2, 3, size))) * random.choice([0, 1, 1], size)
    first = (walk % heights).astype(np.float64)
    first[random.random(size) < 0.01] = first[0] = np.inf
    leader = np.array([-1, *(random.integers(max(0, i - 40), i) for i in range(1, size))])
    copies = np.minimum(first, random.integers(0, heights, size))
    return ReachabilityPlot(np.arange(size), first, copies, random.integers(1, 6, size), leader)


def plots() -> dict[str, ReachabilityPlot]:
    made = {f"random {seed}": random_plot(seed, 4 + 5 * (seed % 7)) for seed in range(16)}
    for name, params in {"5": {"min_samples": 5}, "40": {"min_samples": 40, "max_eps": 12.0}}.items():
        made[f"photograph {name}"] = details_of(cluster(photograph(60, 40), OpticsParams(**params))).plot
    return made


PLOTS = plots()


def rows_of(result: np.ndarray) -> list[list[int]]:
    """scikit-learn's hierarchy, whose shape is (0,) where nothing is found."""
    return result.reshape(-1, 2).tolist()


@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize("xi", [0.02, 0.1, 0.3])
def test_xi_clusters_are_scikit_learns(xi: float, corrected: bool) -> None:
    """The hierarchy and the label of every pixel are cluster_optics_xi's on the expanded plot, by number."""
    for plot in PLOTS.values():
        for min_samples, min_cluster_size in ((2, 2), (5, 10), (20, 7)):
            with np.errstate(divide="ignore"):
                labels, hierarchy = cluster_optics_xi(
                    **expanded(plot),
                    min_samples=min_samples,
                    min_cluster_size=min_cluster_size,
                    xi=xi,
                    predecessor_correction=corrected,
                )
            params = OpticsParams(cluster_method="xi", xi=xi, predecessor_correction=corrected)
            cut = cut_by_xi(plot, params, min_samples, min_cluster_size, Meter())
            assert cut.hierarchy.tolist() == rows_of(hierarchy)
            by_place = np.full(plot.starts[-1], -1)
            for label, (first, last) in enumerate(disjoint(cut.hierarchy)):
                by_place[first : last + 1] = label
            assert np.array_equal(by_place, labels)
            whole = np.minimum.reduceat(labels, plot.starts[:-1]) == np.maximum.reduceat(labels, plot.starts[:-1])
            used = np.unique(cut.labels[cut.labels >= 0])
            if len(used) == labels.max() + 1:  # no cluster is so small that each of its colours is mostly elsewhere
                assert np.array_equal(cut.labels[whole], labels[plot.starts[:-1]][whole])


@pytest.mark.parametrize("eps", [0.5, 3.0, 7.0, 20.0])
def test_dbscan_cuts_are_scikit_learns(eps: float) -> None:
    """The labels are cluster_optics_dbscan's on the expanded plot, by number."""
    for plot in PLOTS.values():
        values = expanded(plot)
        del values["predecessor"]
        # Above the cut, `copies` is the core distance; below it the core distance is not looked at.
        labels = cluster_optics_dbscan(**values, core_distances=np.repeat(plot.copies, plot.count), eps=eps)
        cut = cut_at(plot, OpticsParams(cluster_method="dbscan", eps=eps))
        assert np.array_equal(np.repeat(cut.labels, plot.count), labels)


def test_a_border_through_a_colour_gives_it_to_most_of_its_pixels() -> None:
    """Of a colour that xi tears apart, the label is the one that most of its pixels have on the expanded plot."""
    torn = 0
    for plot in PLOTS.values():
        with np.errstate(divide="ignore"):
            labels, _ = cluster_optics_xi(**expanded(plot), min_samples=2, min_cluster_size=30, xi=0.1)
        cut = cut_by_xi(plot, OpticsParams(cluster_method="xi", xi=0.1), 2, 30, Meter())
        for run, pixels in enumerate(np.split(labels, plot.starts[1:-1])):
            torn += len(set(pixels)) > 1
            assert cut.labels[run] == np.bincount(pixels + 1).argmax() - 1
    assert torn > 10
