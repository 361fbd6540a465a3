"""Clusters from a run-length reachability plot: steep areas (xi), and a condensed tree of its valleys.

A plot of U runs: run i is a colour's first pixel with reachability `peaks[i]`, then its copies with `floors[i]`,
which is never higher. Nothing here costs more for a colour of a million pixels than for one of a single pixel.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NONE = -1


class Valleys(NamedTuple):
    """The condensed tree of a plot: C clusters, parents before children; 0 is the whole plot."""

    begin: Ints  # [C]: the cluster's runs are begin..end-1
    end: Ints  # [C]
    parent: Ints  # [C], NONE for 0
    birth: Floats  # [C]: height at which it parted from its siblings, inf for 0
    stability: Floats  # [C]: excess of mass, pixels / distance


@kernel
def _peaks_tree(peaks: Floats) -> tuple[int, Ints, Ints]:
    """The Cartesian tree of peaks[1:]: root, left and right children by run, NONE where there is none.

    Equal peaks hang below each other to the right. O(U): Vuillemin, CACM 1980.
    """
    size = len(peaks)
    left = np.full(size, NONE)
    right = np.full(size, NONE)
    path = np.empty(size, np.int64)
    depth = 0
    for i in range(1, size):
        below = NONE
        while depth > 0 and peaks[path[depth - 1]] < peaks[i]:
            depth -= 1
            below = path[depth]
        left[i] = below
        if depth > 0:
            right[path[depth - 1]] = i
        path[depth] = i
        depth += 1
    return (path[0] if depth > 0 else NONE), left, right


@kernel
def condense_valleys(peaks: Floats, floors: Floats, starts: Ints, min_cluster_size: int, resolution: float) -> Valleys:
    """The valleys of at least `min_cluster_size` pixels, and how much mass each has above the level it parted at.

    The plot is a dendrogram: its highest peaks part it (Sander, Qin, Lu, Niu, Kovarsky, PAKDD 2003). Equal peaks
    part it at once. What is too small falls out of the cluster, and so does a run whose copies part at that very
    height, however many they are: on the pixels it is no valley. Where two or more large parts are left, the cluster
    ends and they begin; its stability is the sum over its pixels of 1 / (height at which the pixel left) - 1 / (height
    of its birth) (Campello, Moulavi, Zimek, Sander, TKDD 2015), heights floored at `resolution` > 0.
    `starts` i64[U + 1]: the place of each run's first pixel, then the number of pixels.
    """
    size = len(peaks)
    top, left, right = _peaks_tree(peaks)
    most = 2 * size + 1
    begin, end = np.zeros(most, np.int64), np.zeros(most, np.int64)
    parent, birth, stability = np.full(most, NONE), np.full(most, np.inf), np.zeros(most)
    end[0] = size
    clusters = 1
    stack = [(np.int64(0), np.int64(size), np.int64(top), np.int64(0))]
    parts = np.empty((size, 3), np.int64)
    while stack:
        lo, hi, peak, cluster = stack.pop()
        height = floors[lo] if peak == NONE else peaks[peak]
        gain = 1 / max(height, resolution) - 1 / max(birth[cluster], resolution)
        if peak == NONE:
            stability[cluster] += gain * (starts[hi] - starts[lo])
            continue
        large = 0
        while True:
            follower = right[peak]
            tied = follower != NONE and peaks[follower] == height
            for part_lo, part_hi, part_peak in ((lo, peak, left[peak]), (peak, hi, follower)):
                if part_lo == peak and tied:
                    continue
                pixels = starts[part_hi] - starts[part_lo]
                if pixels < min_cluster_size or (part_peak == NONE and floors[part_lo] >= height):
                    stability[cluster] += gain * pixels
                else:
                    parts[large, 0], parts[large, 1], parts[large, 2] = part_lo, part_hi, part_peak
                    large += 1
            if not tied:
                break
            lo, peak = peak, follower
        for i in range(large):
            heir = cluster
            if large > 1:
                heir = np.int64(clusters)
                clusters += 1
                begin[heir], end[heir], parent[heir], birth[heir] = parts[i, 0], parts[i, 1], cluster, height
                stability[cluster] += gain * (starts[parts[i, 1]] - starts[parts[i, 0]])
            stack.append((parts[i, 0], parts[i, 1], parts[i, 2], heir))
    return Valleys(
        begin[:clusters].copy(),
        end[:clusters].copy(),
        parent[:clusters].copy(),
        birth[:clusters].copy(),
        stability[:clusters].copy(),
    )


STEEP_UP, UP, FLAT, DOWN, STEEP_DOWN = 2, 1, 0, -1, -2


class Steps(NamedTuple):
    """A pixels' plot as K constant stretches, K <= 2 U, and the infinity after its end."""

    level: Floats  # [K + 1]: the height; the last is inf
    last: Ints  # [K]: place of the stretch's last pixel
    leader: Ints  # [K]: place of the pixel that its pixels were reached from, NONE for a start
    slope: NDArray[np.int8]  # [K]: of the way from the stretch to the next


@kernel
def cut_into_steps(
    peaks: Floats,
    floors: Floats,
    starts: Ints,
    predecessor: Ints,
    xi: float,
) -> Steps:
    """Stretches of equal height. `predecessor` i64[U]: the run that a run was reached from, NONE for a start.

    Copies are reached from their own first pixel if that is nearer than where the first one was reached from. A
    slope 0 / 0 or inf / inf is not a number and counts as flat, as in scikit-learn.
    """
    size = len(peaks)
    level = np.empty(2 * size + 1)
    last = np.empty(2 * size, np.int64)
    leader = np.empty(2 * size, np.int64)
    count = 0
    for i in range(size):
        origin = starts[predecessor[i]] if predecessor[i] != NONE else NONE
        level[count], last[count], leader[count] = peaks[i], starts[i], origin
        count += 1
        if starts[i + 1] - starts[i] > 1:
            level[count], last[count] = floors[i], starts[i + 1] - 1
            leader[count] = starts[i] if floors[i] < peaks[i] else origin
            count += 1
    level[count] = np.inf
    slope = np.zeros(count, np.int8)
    for k in range(count):
        ratio = level[k] / level[k + 1]
        if ratio <= 1 - xi:
            slope[k] = STEEP_UP
        elif ratio >= 1 / (1 - xi):
            slope[k] = STEEP_DOWN
        elif ratio < 1:
            slope[k] = UP
        elif ratio > 1:
            slope[k] = DOWN
    return Steps(level[: count + 1].copy(), last[:count].copy(), leader[:count].copy(), slope)


@kernel
def _end_of_area(steps: Steps, start: int, direction: int, patience: int) -> int:
    """The last stretch of the steep area that begins on leaving `start`: scikit-learn's _extend_region.

    Between its steep pixels at most `patience` others may stand that do not go the other way.
    """
    end = start
    others = 0
    for k in range(start, len(steps.last)):
        if k > start:
            others += steps.last[k] - steps.last[k - 1] - 1  # all but the last pixel of a stretch are level
        if others > patience:
            break
        slope = steps.slope[k] * direction
        if slope == STEEP_UP:
            others = 0
            end = k
        elif slope < 0:
            break
        else:
            others += 1
    return end


@kernel
def _cluster_between(
    steps: Steps, down: int, down_end: int, up: int, up_end: int, xi: float, min_cluster_size: int, correct: bool
) -> tuple[int, int]:
    """The cluster from a steep down area to a steep up area, [first, last] place, or (NONE, NONE).

    Definition 11 of Ankerst, Breunig, Kriegel and Sander, SIGMOD 1999, as scikit-learn reads it.
    """
    level, last = steps.level, steps.last
    begin, end, end_place = down, up_end, last[up_end]
    height, after = level[down], level[up_end + 1]
    if height * (1 - xi) >= after:
        while begin < down_end and level[begin + 1] > after:
            begin += 1
    elif after * (1 - xi) >= height:
        while end >= up and level[end] > height:
            end -= 1
        if end < up:
            end, end_place = up, last[up]
        elif end < up_end:
            end_place = last[end] + 1
            end += 1
    first = last[begin]
    # Algorithm 2 of Schubert and Gertz, LWDA 2018: what was not reached from within falls off at the end. All
    # pixels of a stretch have one height and one leader.
    while correct and not (level[begin] > level[end] or first <= steps.leader[end] < end_place):
        end -= 1
        if end <= begin:
            return NONE, NONE
        end_place = last[end]
    if end_place - first + 1 < min_cluster_size or first > last[down_end] or end_place < last[up]:
        return NONE, NONE
    return first, end_place


@kernel
def xi_clusters(
    steps: Steps, xi: float, min_samples: int, min_cluster_size: int, correct: bool, progress: Ints
) -> Ints:
    """[C, 2]: first and last place of every xi cluster, smaller ones first, in scikit-learn's order.

    Progress counts stretches.
    """
    level = steps.level
    size = len(steps.last)
    areas = np.empty((size, 2), np.int64)  # steep down areas that an up area may still close
    between = np.empty(size)  # the highest level since the end of each of them
    open_areas = 0
    found = [(NONE, NONE) for _ in range(0)]
    ahead = 0
    highest = 0.0
    for k in range(size):
        if k < ahead:
            continue
        highest = max(highest, level[k])
        if abs(steps.slope[k]) < STEEP_UP:
            continue
        progress[DONE] = k
        if progress[STOP]:
            break
        kept = 0
        for i in range(open_areas):
            if np.isfinite(highest) and highest <= level[areas[i, 0]] * (1 - xi):
                areas[kept] = areas[i]
                between[kept] = max(between[i], highest)
                kept += 1
        open_areas = kept
        end = _end_of_area(steps, k, 1 if steps.slope[k] > 0 else -1, min_samples)
        if steps.slope[k] < 0:
            areas[open_areas, 0], areas[open_areas, 1] = k, end
            between[open_areas] = 0.0
            open_areas += 1
        else:
            for i in range(open_areas - 1, -1, -1):
                if level[end + 1] * (1 - xi) < between[i]:
                    continue
                cluster = _cluster_between(steps, areas[i, 0], areas[i, 1], k, end, xi, min_cluster_size, correct)
                if cluster[0] != NONE:
                    found.append(cluster)
        ahead = end + 1
        highest = level[ahead]
    clusters = np.empty((len(found), 2), np.int64)
    for i in range(len(found)):
        clusters[i] = found[i]
    return clusters


@kernel
def disjoint(clusters: Ints) -> Ints:
    """Of the `clusters` [C, 2] that `xi_clusters` gives, those that meet none before them; scikit-learn labels these.

    A cluster ends on the steep way up that closes it, and begins on an earlier way down than those before it in the
    list that are closed by the same. So it meets one of them if it begins no later than the farthest of them ends.
    """
    kept = np.empty_like(clusters)
    count = 0
    for i in range(len(clusters)):
        if count == 0 or clusters[i, 0] > kept[count - 1, 1]:
            kept[count] = clusters[i]
            count += 1
    return kept[:count].copy()
