"""The silhouette (Rousseeuw 1987) over the pixels, Euclidean, in the space of the points.

A pixel's is (b - a) / max(a, b): a is its mean distance to the other pixels of its cluster, b the mean distance to
those of the nearest other cluster. A pixel that is alone in its cluster has 0. The mean over all pixels is
scikit-learn's `silhouette_score` on the repeated pixels.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from worker.kernels import silhouette as kernels
from worker.kernels.labelings import Clusters
from worker.progress import Meter, run_here
from worker.quality.labelings import Labelled, Sums, rows_of, summed_up

Floats = NDArray[np.float64]

EXACT_COLORS = 1 << 15
"""Up to so many colours every pixel is measured: some 10^9 distances, about half a second on two cores."""

# Above, so many distances are spent on a sample of pixels, of at least and at most so many.
_DISTANCES = 1 << 30
_FEWEST, _MOST = 512, 2048
# Up to so many pairs of a colour and a cluster are guessed at for the sake of it: some seconds.
_MOST_GUESSES = 1 << 31
_CONFIDENCE = 1.959963984540054  # 95 % of a normal distribution are within so many standard deviations
# Below so many distances other threads cost more than they save; above, the tiles are dealt out in so many pieces.
_WORTH_THREADS, _PIECES = 1 << 20, 64
_SEED = 11


@dataclass(frozen=True)
class Silhouette:
    """The mean silhouette of a labelling."""

    value: float | None
    """-1..1; None where there are fewer than two clusters, since there is no other cluster then."""
    exact: bool
    sample: int
    """How many pixels were measured: all that are in a cluster, or those drawn."""
    error: float
    """The true mean is within this of `value` in 95 of 100 cases; 0 where it is exact."""


def silhouettes(
    labelled: Labelled, sums: Sums, meter: Meter, exact_colors: int = EXACT_COLORS, sample: int | None = None
) -> list[Silhouette]:
    """The silhouette of each labelling, from one pass over the distances of pairs of colours.

    Up to `exact_colors` colours they are exact, in O(n^2). Above, so many pixels are measured as `sample` says, an even
    number (None: `sample_size`), each against all colours; see `_estimate`.
    """
    masses = np.split(sums.clusters.mass, sums.clusters.begin[1:-1])
    kept = np.flatnonzero([np.count_nonzero(mass) > 1 for mass in masses])
    answers = [Silhouette(None, True, 0, 0.0)] * len(labelled.sizes)
    if len(kept):
        clusters = _only(labelled, sums.clusters, kept)
        order = _along_a_curve(labelled)
        if len(order) <= exact_colors:
            found = _exact(labelled, clusters, order, meter)
        else:
            draws = sample_size(len(order)) if sample is None else sample
            found = _estimate(labelled, clusters, order, draws, meter)
        for row, silhouette in zip(kept, found, strict=True):
            answers[row] = silhouette
    return answers


def _exact(labelled: Labelled, clusters: Clusters, order: NDArray[np.intp], meter: Meter) -> list[Silhouette]:
    values, _ = _measure(labelled, clusters, order, np.arange(len(order)), meter)
    weights, pixels = labelled.weights[order], round(labelled.pixels)
    return [Silhouette(float((weights * mine).sum() / weights.sum()), True, pixels, 0.0) for mine in values]


def _estimate(
    labelled: Labelled, clusters: Clusters, order: NDArray[np.intp], draws: int, meter: Meter
) -> list[Silhouette]:
    """The silhouettes from a stratified sample of pixels.

    The pixels stand in the given order, cell by cell and along a curve; two are drawn of every stretch of equal weight.
    What is estimated from them is how much the silhouette differs on average from a guess, whose own mean is known from
    all pixels: the silhouette under root mean squared distances. So it is unbiased, with a fraction of the variance
    (the difference estimator: Särndal, Swensson and Wretman, "Model Assisted Survey Sampling", 1992, chapter 6). The
    two of a stretch say what the variance is. The draws are the same each time. Where clusters are so many that the
    guess takes too long for all pixels, it is 0.
    """
    drawn, place = np.unique(_draw(labelled.weights[order], draws // 2), return_inverse=True)
    with meter.part(0.0, 0.8) as part:
        values, guesses = _measure(labelled, clusters, order, drawn, part)
    means = np.zeros(len(values))
    if len(order) * len(clusters.mass) <= _MOST_GUESSES:
        with meter.part(0.8, 1.0) as part:
            means = summed_up(kernels.guess, labelled, clusters, means.shape, part) / labelled.weights.sum()
        values = values - guesses
    answers = []
    for off, known in zip(values, means, strict=True):
        pairs = off[place.reshape(-1, 2)]
        error = _CONFIDENCE * float(np.sqrt((np.diff(pairs) ** 2).sum())) / draws
        answers.append(Silhouette(float(known + pairs.mean()), False, draws, error))
    return answers


def sample_size(colors: int) -> int:
    """How many pixels are measured of a picture with more than EXACT_COLORS colours: an even number."""
    return 2 * (min(max(_DISTANCES // colors, _FEWEST), _MOST) // 2)


def _only(labelled: Labelled, clusters: Clusters, kept: NDArray[np.intp]) -> Clusters:
    """The clusters of the labellings `kept`."""
    sizes = np.array(labelled.sizes)
    if len(kept) == len(sizes):
        return clusters
    chosen = np.repeat(np.isin(np.arange(len(sizes)), kept), sizes)
    begin = np.concatenate([[0], np.cumsum(sizes[kept])]).astype(np.int64)
    rows = rows_of(labelled.labels[kept], begin)
    return Clusters(begin, rows, clusters.mass[chosen], clusters.means[chosen], clusters.variance[chosen])


def _along_a_curve(labelled: Labelled) -> NDArray[np.intp]:
    """The points cell by cell, within a cell along a Morton curve: neighbours in the order are neighbours in space."""
    coords = labelled.coords
    low, width = coords.min(axis=0), np.ptp(coords, axis=0).max()
    scale = 255.0 / width if width > 0 else 0.0
    place = labelled.cells.astype(np.int64) << 24
    for axis in range(3):
        place |= _SPREAD[((coords[:, axis] - low[axis]) * scale).astype(np.uint8)] << 2 - axis
    return np.argsort(place, kind="stable")


_BYTES = np.arange(256)
_SPREAD = np.stack([(_BYTES >> bit & 1) << 3 * bit for bit in range(8)]).sum(axis=0)
"""A byte's bits with two places between each."""


def _draw(weights: NDArray[np.int64], strata: int) -> NDArray[np.intp]:
    """Two places of each of `strata` stretches of equal weight, [strata, 2]; a place as often as it weighs."""
    shares = np.random.default_rng(_SEED).random((strata, 2))
    ends = np.cumsum(weights)
    targets = (np.arange(strata)[:, None] + shares) / strata * float(ends[-1])
    return np.minimum(np.searchsorted(ends, targets, side="right"), len(ends) - 1)


def _measure(
    labelled: Labelled, clusters: Clusters, order: NDArray[np.intp], asked: NDArray[np.intp], meter: Meter
) -> tuple[Floats, Floats]:
    """Exact and simplified silhouettes f64[K, m] of the points at the places `asked` [m] of `order`."""
    x, y, z = coords = np.stack([labelled.coords[order, axis] for axis in range(3)])
    cells = labelled.cells[order]
    bounds = np.searchsorted(cells, np.arange(labelled.labels.shape[1] + 1))
    field = kernels.Field(x, y, z, labelled.weights[order].astype(np.float64), bounds.astype(np.int64))
    tiles = -(-len(asked) // kernels.TILE)
    padded = np.append(asked, np.repeat(asked[-1:], tiles * kernels.TILE - len(asked)))
    out = np.empty((2, len(clusters.begin) - 1, len(padded)))
    queries = np.ascontiguousarray(coords[:, padded])
    arguments = (field, clusters, queries, cells[padded], float(labelled.units), out)
    if len(asked) * len(order) < _WORTH_THREADS:
        run_here(kernels.measure, [(0, tiles, *arguments)])
    else:
        ends = np.unique(np.linspace(0, tiles, _PIECES + 1).astype(int)).tolist()
        meter.run_all(kernels.measure, [(*span, *arguments) for span in pairwise(ends)], tiles)
    return out[0, :, : len(asked)], out[1, :, : len(asked)]
