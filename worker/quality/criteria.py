"""Which number of clusters: criteria that choose one from the measures of a range of numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.quality.indices import Indices
from worker.quality.silhouette import Silhouette

Floats = NDArray[np.float64]
Criterion = Literal["silhouette", "calinski_harabasz", "davies_bouldin", "bic", "elbow"]

MOST_EXPLAINED = 0.9
"""The default trusts Davies-Bouldin where the clusters that it chooses carry that share of the variance."""


@dataclass(frozen=True)
class Candidate:
    """A number of clusters that was tried, with its measures."""

    n_clusters: int  # as asked for: some of them may have no pixel
    indices: Indices
    silhouette: Silhouette


class Choice(NamedTuple):
    """What was chosen, by which criterion, and why."""

    place: int  # in the curve
    criterion: Criterion
    reason: str  # one sentence for a person


def best(curve: Sequence[Candidate], criterion: Criterion | None) -> Choice:
    """The candidate that `criterion` prefers, the one of fewest clusters among equals.

    None is the choice that did best in trials (docs/algorithms.md): by `davies_bouldin`, if its clusters carry nine
    tenths of the variance. Otherwise the picture has no definite number of colours, and `elbow` says how many are
    worth having. The curve stands by rising number.
    """
    if criterion is None:
        place = _place(curve, "davies_bouldin")
        criterion = "davies_bouldin" if curve[place].indices.explained_variance >= MOST_EXPLAINED else "elbow"
    place = _place(curve, criterion)
    return Choice(place, criterion, _reason(curve, place, criterion))


def _place(curve: Sequence[Candidate], criterion: Criterion) -> int:
    return int(np.argmax(np.array([-math.inf if score is None else score for score in _scores(curve, criterion)])))


def _scores(curve: Sequence[Candidate], criterion: Criterion) -> Sequence[float | None]:
    """For each candidate how good it is; None where its measure is undefined."""
    if criterion == "elbow":
        return list(elbow_heights([one.n_clusters for one in curve], [one.indices.log_error for one in curve]))
    if criterion == "silhouette":
        return [one.silhouette.value for one in curve]
    if criterion == "calinski_harabasz":  # scikit-learn's 1 for no variance within stands for a ratio without bound
        return [_ratio(one.indices) for one in curve]
    if criterion == "bic":
        return [-one.indices.bic for one in curve]
    return [None if (index := one.indices.davies_bouldin) is None else -index for one in curve]


def _ratio(indices: Indices) -> float | None:
    whole = indices.calinski_harabasz is not None and indices.explained_variance == 1
    return math.inf if whole else indices.calinski_harabasz


def elbow_heights(numbers: Sequence[int], errors: Sequence[float]) -> Floats:
    """How far the curve of log errors bends below the straight line between its ends, f64[n], both scaled to 0..1.

    (Kneedle: Satopää, Albrecht, Irwin and Raghavan 2011.) On logarithms, so that a curve on which each further cluster
    takes the same share of the error away has no bend. The ends have 0.
    """
    x, y = np.array(numbers, np.float64), np.array(errors)
    if len(x) < 3 or y[0] <= y[-1]:
        return np.zeros(len(x))
    heights: Floats = (x[-1] - x) / (x[-1] - x[0]) - (y - y[-1]) / (y[0] - y[-1])
    return heights


def _reason(curve: Sequence[Candidate], place: int, criterion: Criterion) -> str:
    chosen, measures = curve[place], curve[place].indices
    count = f"{chosen.n_clusters} cluster{'s' if chosen.n_clusters > 1 else ''}"
    if len(curve) == 1:
        return f"Only {count} could be tried."
    tried = f"of {curve[0].n_clusters} to {curve[-1].n_clusters}"
    if _scores(curve, criterion)[place] is None:
        return f"Nothing tells the numbers {tried} apart; {count} is the lowest."
    if criterion == "silhouette":
        return f"{count} have the highest mean silhouette {tried}: {chosen.silhouette.value:.3f}."
    if criterion == "calinski_harabasz":
        return f"{count} have the highest ratio of variance between them to variance within, {tried}."
    if criterion == "bic":
        return f"{count} have the lowest Bayesian information criterion {tried}."
    if criterion == "davies_bouldin":
        share = f"{100 * measures.explained_variance:.0f} % of the variance is between them"
        return f"{count} are the most distinct {tried} (Davies-Bouldin index {measures.davies_bouldin:.3f}); {share}."
    return (
        f"From {count} on, {tried}, a further one takes little more of the error away: there the curve has its elbow."
    )
