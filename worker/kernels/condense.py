"""From a single-linkage tree of weighted points to HDBSCAN's condensed tree.

Nodes are numbered as in scipy: 0..U-1 are points, the merge i makes node U + i, lower merges first. A point of weight
w is a cluster of w pixels as well, from its merge down to its core distance, where its copies part.

Merges of equal height are one merge of many parts: no part is the other's parent, and the order in which equal edges
were found decides nothing. (Campello, Moulavi and Sander, Density-based clustering based on hierarchical density
estimates, PAKDD 2013; numbering and formulas as in the `hdbscan` package.)
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import kernel

NOBODY = -1
ROOT = 0


class Condensed(NamedTuple):
    """Which pixels leave which cluster when. C clusters, parents before children; lambda is 1 / distance."""

    parent: NDArray[np.int64]  # [C]: the cluster that this one split from, NOBODY for the root
    birth: NDArray[np.float64]  # [C]: lambda of that split, 0 for the root
    pixels: NDArray[np.int64]  # [C]
    point_parent: NDArray[np.int64]  # [U]: the last cluster that the point's pixels were in
    point_lambda: NDArray[np.float64]  # [U]: lambda at which they left it, or fell apart


class Clusters(NamedTuple):
    """The clusters alone, C of them, parents before children."""

    parent: NDArray[np.int64]  # [C]: as in `Condensed`
    pixels: NDArray[np.int64]  # [C]
    stability: NDArray[np.float64]  # [C]: excess of mass
    origin: NDArray[np.int64]  # [C]: which one of the condensed tree it was born as


class _Parts(NamedTuple):
    """The parts of one merge, scratch: at most U of each."""

    big: NDArray[np.int64]
    small: NDArray[np.int64]
    stack: NDArray[np.int64]


@kernel
def _split(
    node: int,
    height: NDArray[np.float64],
    parts: NDArray[np.int64],
    pixels: NDArray[np.int64],
    least: int,
    scratch: _Parts,
) -> tuple[int, int]:
    """How many big and small parts `node` has just below its height; they stand in `scratch`.

    A part is big if it holds `least` pixels and still holds together below: a point whose copies part at the very
    height of the merge is none.
    """
    leaves = len(parts) + 1
    big, small, depth = 0, 0, 1
    scratch.stack[0] = node
    while depth:
        depth -= 1
        for part in parts[scratch.stack[depth] - leaves]:
            tied = height[part] >= height[node]
            if tied and part >= leaves:
                scratch.stack[depth] = part
                depth += 1
            elif not tied and pixels[part] >= least:
                scratch.big[big] = part
                big += 1
            else:
                scratch.small[small] = part
                small += 1
    return big, small


@kernel
def condense(
    parts: NDArray[np.int64],
    height: NDArray[np.float64],
    pixels: NDArray[np.int64],
    least: int,
) -> Condensed:
    """The condensed tree of clusters of at least `least` >= 2 pixels.

    `parts` i64[U - 1, 2]; `height` f64[2U - 1] > 0, ascending over the merges: a point's own is where its copies
    part, and is at most that of its first merge; `pixels` i64[2U - 1].
    """
    leaves, nodes = len(parts) + 1, len(height)
    parent = np.empty(nodes, np.int64)
    birth = np.empty(nodes)
    size = np.empty(nodes, np.int64)
    parent[ROOT], birth[ROOT], size[ROOT] = NOBODY, 0.0, pixels[nodes - 1]
    clusters = 1
    # A node's cluster while it holds together, and the lambda at which it left; 0 while it has not.
    inside = np.full(nodes, NOBODY, np.int64)
    left = np.zeros(nodes)
    inside[nodes - 1] = ROOT
    scratch = _Parts(np.empty(leaves, np.int64), np.empty(leaves, np.int64), np.empty(leaves + 1, np.int64))
    for node in range(nodes - 1, leaves - 1, -1):
        if inside[node] == NOBODY:
            continue  # tied with the merge above, which has dealt with its parts
        if left[node] > 0.0:
            for part in parts[node - leaves]:
                inside[part], left[part] = inside[node], left[node]
            continue
        big, small = _split(node, height, parts, pixels, least, scratch)
        for part in scratch.small[:small]:
            inside[part], left[part] = inside[node], 1.0 / height[node]
        for part in scratch.big[:big]:
            inside[part] = inside[node]
            if big > 1:
                parent[clusters], birth[clusters] = inside[node], 1.0 / height[node]
                size[clusters] = pixels[part]
                inside[part] = clusters
                clusters += 1
    for point in range(leaves):
        if left[point] == 0.0:
            left[point] = 1.0 / height[point]
    return Condensed(
        parent[:clusters].copy(),
        birth[:clusters].copy(),
        size[:clusters].copy(),
        inside[:leaves].copy(),
        left[:leaves].copy(),
    )


def renumber(tree: Condensed, first: NDArray[np.int64]) -> Condensed:
    """The same tree with clusters ordered by (birth, first pixel), so that equal inputs give equal numbers.

    `first` i64[U] is each point's first pixel.
    """
    # Parents are born before their children. (Not compiled: numba's sorting takes seconds to compile.)
    order = np.lexsort((_earliest(tree, first), tree.birth))
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    parent = tree.parent[order]
    parent[1:] = number[parent[1:]]
    return Condensed(parent, tree.birth[order], tree.pixels[order], number[tree.point_parent], tree.point_lambda)


@kernel
def _earliest(tree: Condensed, first: NDArray[np.int64]) -> NDArray[np.int64]:
    """i64[C]: the first pixel of each cluster, those below it included."""
    clusters = len(tree.parent)
    earliest = np.full(clusters, np.iinfo(np.int64).max)
    for point in range(len(first)):
        cluster = tree.point_parent[point]
        earliest[cluster] = min(earliest[cluster], first[point])
    for cluster in range(clusters - 1, ROOT, -1):
        earliest[tree.parent[cluster]] = min(earliest[tree.parent[cluster]], earliest[cluster])
    return earliest


@kernel
def stabilities(tree: Condensed, weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """Excess of mass f64[C]: over the pixels of a cluster, the sum of the lambda at which they leave less its birth."""
    total = np.zeros(len(tree.parent))
    for cluster in range(1, len(tree.parent)):
        parent = tree.parent[cluster]
        total[parent] += (tree.birth[cluster] - tree.birth[parent]) * tree.pixels[cluster]
    for point in range(len(weights)):
        parent = tree.point_parent[point]
        total[parent] += (tree.point_lambda[point] - tree.birth[parent]) * weights[point]
    return total


@kernel
def deaths(tree: Condensed) -> NDArray[np.float64]:
    """f64[C]: the largest lambda at which anything leaves the cluster itself."""
    largest = np.zeros(len(tree.parent))
    for cluster in range(1, len(tree.parent)):
        largest[tree.parent[cluster]] = max(largest[tree.parent[cluster]], tree.birth[cluster])
    for point in range(len(tree.point_parent)):
        parent = tree.point_parent[point]
        largest[parent] = max(largest[parent], tree.point_lambda[point])
    return largest


@kernel
def excess_of_mass(parent: NDArray[np.int64], stability: NDArray[np.float64], with_root: bool) -> NDArray[np.bool_]:
    """Which clusters of a condensed tree to select, bool[C]: disjoint ones of the greatest total stability.

    A cluster as stable as all selected below it is preferred to them. The root only on demand. `parent` i64[C], parents
    before children.
    OUT: `stability` of a cluster that loses becomes the sum of those below, as in the `hdbscan` package.
    """
    clusters = len(parent)
    below = np.zeros(clusters)
    selected = np.zeros(clusters, np.bool_)
    for cluster in range(clusters - 1, -1, -1):
        if cluster == ROOT and not with_root:
            break
        if below[cluster] > stability[cluster]:
            stability[cluster] = below[cluster]
        else:
            selected[cluster] = True
        if cluster != ROOT:
            below[parent[cluster]] += stability[cluster]
    covered = np.zeros(clusters, np.bool_)
    for cluster in range(1, clusters):
        covered[cluster] = covered[parent[cluster]] or selected[parent[cluster]]
        selected[cluster] = selected[cluster] and not covered[cluster]
    return selected


def leaves(parent: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool[C]: clusters that none split from; the root is none. `parent` i64[C], the root first."""
    leaf = np.ones(len(parent), np.bool_)
    leaf[parent[1:]] = leaf[ROOT] = False
    return leaf


@kernel
def enlarge(clusters: Clusters, least: int) -> Clusters:
    """The clusters that split from their parent beside another one, both of at least `least` pixels, and the root.

    All others are of one with their parent, which has their excess of mass.
    """
    parent, pixels = clusters.parent, clusters.pixels
    large = np.zeros(len(parent), np.int64)
    for cluster in range(1, len(parent)):
        large[parent[cluster]] += pixels[cluster] >= least
    # By new number, which is never above the old one.
    above, size, stability, origin = parent.copy(), pixels.copy(), clusters.stability.copy(), clusters.origin.copy()
    number = np.empty(len(parent), np.int64)
    number[ROOT] = ROOT
    count = 1
    for cluster in range(1, len(parent)):
        whole = number[parent[cluster]]
        if pixels[cluster] >= least and large[parent[cluster]] > 1:
            number[cluster] = count
            above[count], size[count] = whole, pixels[cluster]
            stability[count], origin[count] = clusters.stability[cluster], clusters.origin[cluster]
            count += 1
        else:
            number[cluster] = whole
            stability[whole] += clusters.stability[cluster]
    return Clusters(above[:count].copy(), size[:count].copy(), stability[:count].copy(), origin[:count].copy())


@kernel
def climb(tree: Condensed, selected: NDArray[np.bool_], epsilon: float, with_root: bool) -> NDArray[np.bool_]:
    """bool[C]: selected clusters that split from their parent below the distance `epsilon` give way to the first
    ancestor that did not; where none is left, to the root or, without it, to the topmost ancestor.

    (Malzer and Baum, A hybrid approach to hierarchical density-based cluster selection, MFI 2020.)
    """
    result = np.zeros(len(selected), np.bool_)
    for start in range(1, len(selected)):
        if not selected[start]:
            continue
        cluster = start
        if 1.0 / tree.birth[start] < epsilon:
            while True:
                parent = tree.parent[cluster]
                if parent == ROOT:
                    cluster = ROOT if with_root else cluster
                    break
                cluster = parent
                if 1.0 / tree.birth[cluster] > epsilon:
                    break
        result[cluster] = True
    return result


@kernel
def label(tree: Condensed, selected: NDArray[np.bool_]) -> NDArray[np.int32]:
    """i32[C]: the number of the selected cluster that a cluster is or lies in, -1 if there is none."""
    labels = np.full(len(selected), -1, np.int32)
    count = 0
    for cluster in range(len(selected)):
        if selected[cluster]:
            labels[cluster] = count
            count += 1
        elif cluster != ROOT:
            labels[cluster] = labels[tree.parent[cluster]]
    return labels


@kernel
def outlier_scores(tree: Condensed, death: NDArray[np.float64]) -> NDArray[np.float64]:
    """GLOSH, f64[U] in 0..1: how much sooner than the densest pixel of its last cluster a point leaves.

    (Campello, Moulavi, Zimek and Sander, TKDD 2015.)
    """
    densest = death.copy()
    for cluster in range(len(densest) - 1, ROOT, -1):
        densest[tree.parent[cluster]] = max(densest[tree.parent[cluster]], densest[cluster])
    scores = np.empty(len(tree.point_parent))
    for point in range(len(scores)):
        top = densest[tree.point_parent[point]]
        scores[point] = (top - tree.point_lambda[point]) / top
    return scores
