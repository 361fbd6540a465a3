"""What every method owes to those who wait for it, on runs of about a second."""

import time
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.contract.params import AgglomerativeParams, AnyParams, HdbscanParams, KMeansParams, OpticsParams
from worker.clustering import Stopped, cluster
from worker.color.points import Points
from worker.kernels import STOP
from worker.progress import Meter

METHODS: dict[str, tuple[AnyParams, int]] = {
    "kmeans": (KMeansParams(n_clusters=256), 1 << 16),
    "hdbscan": (HdbscanParams(min_samples=20, min_cluster_size=50), 1 << 17),
    "optics": (OpticsParams(min_samples=20), 1 << 17),
    "optics, many clusters": (OpticsParams(min_samples=2, cluster_method="xi", xi=0.02), 1 << 17),
    "agglomerative": (AgglomerativeParams(n_clusters=8), 1 << 16),
    "average linkage": (AgglomerativeParams(linkage="average"), 3 << 14),
}
# The promises are 0.25 s and 0.5 s. They are held against processor time, which other work on the machine does not
# lengthen; doubled, because two threads spend two seconds of it in one.
LONGEST_SILENCE = 0.5
LONGEST_STOP = 1.0
THREADS = 2


def colors(size: int) -> Points:
    """Distinct random colours, a few pixels each."""
    random = np.random.default_rng(size)
    keys = random.choice(1 << 24, size, replace=False)
    coords = np.column_stack([keys >> 16, keys >> 8 & 255, keys & 255]).astype(np.float64)
    return Points(coords, random.integers(1, 4, size), random.permutation(size))


@pytest.mark.parametrize("method", METHODS)
def test_progress_moves_and_a_stop_is_obeyed(method: str) -> None:
    """The fraction rises at least four times a second; a run that is told to stop in its midst stops at once."""
    params, size = METHODS[method]
    points = colors(size)
    cluster(colors(600), params)  # compiles
    moves = [(time.process_time(), 0.0)]

    def listen(fraction: float) -> bool:
        if fraction > moves[-1][1]:
            moves.append((time.process_time(), fraction))
        return True

    cluster(points, params, listen, THREADS)
    assert len(moves) > 3
    assert moves[-1][1] == 1.0
    silence, since = max((later - earlier, at) for (earlier, at), (later, _) in pairwise(moves))
    assert silence <= LONGEST_SILENCE, f"nothing moved for {silence:.2f} s from {since:.3f} on"
    middle = moves[len(moves) // 2][1]
    told: list[float] = []

    def refuse(fraction: float) -> bool:
        if fraction >= middle:
            told.append(time.process_time())
        return not told

    with pytest.raises(Stopped):
        cluster(points, params, refuse, THREADS)
    assert len(told) == 1
    assert time.process_time() - told[0] <= LONGEST_STOP


def test_what_has_not_begun_when_a_stop_comes_never_begins() -> None:
    """Twenty calls on two threads: those under way are told to stop, the others are not even begun."""
    begun: list[int] = []

    def call(number: int, progress: NDArray[np.int64]) -> None:
        begun.append(number)
        while not progress[STOP]:
            time.sleep(0.001)

    with pytest.raises(Stopped):
        Meter(lambda fraction: False, 2).run_all(call, [(number,) for number in range(20)], 20)
    assert len(begun) <= 2
