"""The kd-tree that the density methods and single linkage stand on: its progress while it is built."""

import numpy as np
import pytest

from shared.contract.params import AgglomerativeParams, AnyParams, HdbscanParams, OpticsParams
from tests.support.weighted import lattice, scattered
from worker import progress
from worker.clustering import Stopped, cluster
from worker.clustering.kd_tree import kd_tree
from worker.kernels import DONE, kdtree
from worker.progress import Meter


@pytest.mark.parametrize("size", [1, 16, 17, 1000, 1024])
def test_progress_reaches_the_stated_work(size: int) -> None:
    """The progress of a build ends at what `work` says, or at most one level of the tree below it."""
    points = scattered(1, size)
    done = np.zeros(2, np.int64)
    kdtree.build(points.coords.copy(), points.weights.copy(), 16, done)
    assert kdtree.work(size, 16) - size <= done[DONE] <= kdtree.work(size, 16)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("size", [1, 2, 128, 129, 1 << 13, 20_001])
def test_threads_build_the_same_tree(size: int, threads: int) -> None:
    """Halved piece by piece on several threads, a tree is to the last byte the one that is built in one go."""
    points = lattice(3, size, side=28)
    whole = kdtree.build(points.coords, points.weights, 16, np.zeros(2, np.int64))
    parts = kd_tree(points.coords, points.weights, 16, Meter(threads=threads))
    assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(whole, parts, strict=True))


@pytest.mark.parametrize(
    "params",
    [HdbscanParams(), OpticsParams(), AgglomerativeParams(linkage="single")],
    ids=["hdbscan", "optics", "agglomerative"],
)
def test_a_run_can_be_stopped_while_its_tree_is_built(params: AnyParams, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first that is heard of a run is the tree's progress, and a no to that ends the run."""
    monkeypatch.setattr(progress, "POLL_SECONDS", 0.002)
    heard: list[float] = []

    def report(fraction: float) -> bool:
        heard.append(fraction)
        return False

    with pytest.raises(Stopped):
        cluster(scattered(2, 1 << 16), params, report)
    assert len(heard) == 1
    assert heard[0] < 0.02
