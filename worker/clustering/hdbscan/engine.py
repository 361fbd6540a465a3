"""HDBSCAN: clusters of any shape by density, over all scales, of every pixel.

Core distances, a spanning tree under mutual reachability, single linkage, the condensed tree, and a selection from it.
Everything runs on colours with their counts and gives what the `hdbscan` package gives on the pixels, save for ties:

- Merges at equal distance happen together. A pixel that joins two clusters at the very distance at which they merge
  belongs to neither, but to what they make; the package gives it to the one that its sorting met first.
- Distances below `resolution` count as `resolution`. A colour with more pixels than `min_samples` would be infinitely
  dense else, and infinitely stable: excess of mass would select it and discard all that is around it.

Clusters are numbered as in the package, by their birth in the condensed tree, those born together by first pixel.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import HdbscanParams, resolve_count
from worker.clustering.base import NOISE, Clustering
from worker.clustering.core_distances import core_distances
from worker.clustering.hdbscan.details import CondensedTree, HdbscanDetails
from worker.clustering.hdbscan.sizes import choose
from worker.clustering.kd_tree import kd_tree
from worker.clustering.spanning_tree import spanning_tree
from worker.clustering.ties import without_rounding
from worker.color import spaces
from worker.color.points import Points
from worker.kernels import condense as kernels
from worker.kernels import dendrogram
from worker.progress import Meter

LEAF_SIZE = 16


def run(points: Points, params: HdbscanParams, meter: Meter) -> Clustering:
    """Cluster by density; colours in no selected cluster are noise."""
    pixels = points.pixels
    # The package does not count the pixel itself, and takes at most all others.
    min_samples = min(resolve_count(params.min_samples, pixels, units=points.units) + 1, pixels)
    # A count may be too large for the kernels; above all pixels it makes no difference.
    least = min(resolve_count(params.min_cluster_size, pixels, least=2, units=points.units), pixels + 1)
    floor = resolution(points, params)
    with meter.part(0.0, 0.02) as part:
        tree = kd_tree(points.coords, points.weights, LEAF_SIZE, part)
    with meter.part(0.02, 0.6) as part:
        squared_cores = np.maximum(core_distances(points, min_samples, part, tree), floor * floor)
    with meter.part(0.6, 0.9) as part:
        edges, squares = spanning_tree(tree, squared_cores, part)
    parts, merged = dendrogram.from_edges(edges, points.weights.copy())
    cores, heights = without_rounding(points, np.sqrt(squared_cores), np.sqrt(squares))
    meter.tell(0.92)
    condensed = kernels.condense(
        parts, np.concatenate([cores, heights]), np.concatenate([points.weights, merged]), least
    )
    meter.tell(0.94)
    condensed = kernels.renumber(condensed, points.first.copy())
    meter.tell(0.95)
    stability = kernels.stabilities(condensed, points.weights.copy())
    selected, size = select(condensed, stability, least, points.units, params, meter.within(0.95, 0.96))
    meter.tell(0.96)
    deaths = kernels.deaths(condensed)
    labels = label_points(condensed, selected, deaths, params)
    if (labels == NOISE).all():
        selected[:] = False  # one cluster that is nothing but rim is none
    meter.tell(0.97)
    clusters = np.flatnonzero(selected)
    last_points = exemplars(condensed, selected, deaths)
    meter.tell(0.99)
    details = HdbscanDetails(
        core_distances=cores,
        edges=edges,
        edge_lengths=heights,
        parts=parts,
        heights=heights,
        pixels=merged,
        condensed=CondensedTree(*condensed, stability=stability),
        selected=clusters,
        persistence=persistence(condensed, stability, points.weights, labels, clusters),
        probabilities=probabilities(condensed, deaths, labels, clusters),
        outlier_scores=kernels.outlier_scores(condensed, deaths),
        exemplars=last_points,
        resolution=floor,
        min_cluster_size=None if size is None else max(1, size // points.units),
    )
    return Clustering(labels, points.means(labels, len(clusters)), details)


def resolution(points: Points, params: HdbscanParams) -> float:
    """The distance that smaller ones count as."""
    return spaces.resolution(points) if params.resolution is None else params.resolution


def select(
    tree: kernels.Condensed, stability: NDArray[np.float64], least: int, units: int, params: HdbscanParams, meter: Meter
) -> tuple[NDArray[np.bool_], int | None]:
    """Which clusters are the answer, bool[C], and their least size where it was chosen.

    `tree` and `stability` f64[C] are of clusters of at least `least` of the `units` of a pixel.
    OUT: `stability`: see `excess_of_mass`; a chosen cluster has that of all that goes on as it.
    """
    match params.cluster_selection_method:
        case "auto" | "plscan":
            choice = choose(tree, stability, least, units, params, meter)
            parent, pixels, stabilities, origin = choice.clusters
            larger = tree._replace(parent=parent, birth=tree.birth[origin], pixels=pixels)
            chosen = _not_split_further(larger, choice.selected, params)
            selected = np.zeros(len(tree.parent), np.bool_)
            selected[origin[chosen]], stability[origin[chosen]] = True, stabilities[chosen]
            return selected, choice.size
        case "leaf":
            return _not_split_further(tree, kernels.leaves(tree.parent), params), None
        case "eom":
            selected = kernels.excess_of_mass(tree.parent, stability, params.allow_single_cluster)
            return _not_split_further(tree, selected, params), None


def _not_split_further(
    tree: kernels.Condensed, selected: NDArray[np.bool_], params: HdbscanParams
) -> NDArray[np.bool_]:
    """The selected clusters, bool[C], or those that they split from below `cluster_selection_epsilon`."""
    if params.cluster_selection_epsilon > 0.0 and not selected[0]:
        return kernels.climb(tree, selected, params.cluster_selection_epsilon, params.allow_single_cluster)
    return selected


def label_points(
    tree: kernels.Condensed, selected: NDArray[np.bool_], deaths: NDArray[np.float64], params: HdbscanParams
) -> NDArray[np.int32]:
    """Labels i32[U]. Where all is one cluster, its sparse rim is noise: what leaves it before `epsilon`, or at all."""
    labels = kernels.label(tree, selected)[tree.point_parent]
    if selected[0]:
        epsilon = params.cluster_selection_epsilon
        labels[tree.point_lambda < (1.0 / epsilon if epsilon > 0.0 else deaths[0])] = NOISE
    return labels


def probabilities(
    tree: kernels.Condensed, deaths: NDArray[np.float64], labels: NDArray[np.int32], clusters: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How strongly each point belongs to its cluster, f64[U] in 0..1: its lambda over the cluster's largest."""
    strength = np.zeros(len(labels))
    inside = labels != NOISE
    most = deaths[clusters[labels[inside]]]
    strength[inside] = np.minimum(tree.point_lambda[inside], most) / most
    return strength


def persistence(
    tree: kernels.Condensed,
    stability: NDArray[np.float64],
    weights: NDArray[np.int64],
    labels: NDArray[np.int32],
    clusters: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Each cluster's stability, f64[k], as a share of the largest that its pixels could have.

    As in the package, a root that is selected counts what its rim adds, but not the rim's pixels: a little above 1.
    """
    inside = labels != NOISE
    pixels = np.bincount(labels[inside], weights[inside], len(clusters))
    share: NDArray[np.float64] = stability[clusters] / (pixels * tree.point_lambda.max())
    return share


def exemplars(
    tree: kernels.Condensed, selected: NDArray[np.bool_], deaths: NDArray[np.float64]
) -> tuple[NDArray[np.int64], ...]:
    """For each selected cluster its exemplars: the last points to leave the leaves below it."""
    is_leaf = np.ones(len(tree.parent), np.bool_)
    is_leaf[tree.parent[1:]] = False
    owner = kernels.label(tree, selected)[tree.point_parent]
    last = is_leaf[tree.point_parent] & (tree.point_lambda == deaths[tree.point_parent]) & (owner != NOISE)
    # Sorted once: a pass over the points for each cluster takes seconds where clusters are many.
    points = np.flatnonzero(last)
    points = points[np.argsort(owner[points], kind="stable")]
    bounds = np.searchsorted(owner[points], np.arange(int(selected.sum()) + 1)).tolist()
    return tuple(points[begin:end] for begin, end in pairwise(bounds))
