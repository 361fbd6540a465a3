"""The choice of clusters that HDBSCAN and OPTICS share."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.kernels.condense import NOBODY, excess_of_mass


def chosen(parents: list[int], stabilities: list[int], with_root: bool) -> tuple[set[int], list[float]]:
    """The selected clusters, and what became of the stabilities. `parents` are of the clusters but the root."""
    stability = np.array(stabilities, np.float64)
    selected = excess_of_mass(np.array([NOBODY, *parents]), stability, with_root)
    return set(np.flatnonzero(selected).tolist()), stability.tolist()


@pytest.mark.parametrize(
    ("stabilities", "with_root", "expected"),
    [
        ([0, 5, 1, 2, 2], False, {1, 2}),
        ([0, 5, 1, 2, 3], False, {1, 2}),  # as good as its parts together: it is preferred
        ([0, 5, 1, 2, 4], False, {2, 3, 4}),
        ([7, 5, 1, 2, 4], True, {0}),
        ([7, 5, 1, 2, 4], False, {2, 3, 4}),
        ([6, 5, 1, 2, 4], True, {2, 3, 4}),
        ([0, 0, 0, 0, 0], False, {1, 2}),
    ],
)
def test_a_cluster_or_its_parts(stabilities: list[int], with_root: bool, expected: set[int]) -> None:
    """Of a cluster and its parts the more stable are selected; the root only where it may be."""
    assert chosen([0, 0, 1, 1], stabilities, with_root)[0] == expected


def test_a_cluster_that_loses_is_told_what_beat_it() -> None:
    """Its stability becomes the sum of those below, as the hdbscan package reports it; the others keep theirs."""
    assert chosen([0, 0, 1, 1], [3, 5, 1, 2, 4], False)[1] == [3, 6, 1, 2, 4]


@given(data=st.data(), clusters=st.integers(1, 8), with_root=st.booleans())
def test_no_other_choice_is_more_stable(data: st.DataObject, clusters: int, with_root: bool) -> None:
    """Of all sets of disjoint clusters it is one of the greatest total, and of those one of the fewest clusters."""
    parents = [data.draw(st.integers(0, cluster - 1)) for cluster in range(1, clusters)]
    stabilities = data.draw(st.lists(st.integers(1, 9), min_size=clusters, max_size=clusters))
    around: list[set[int]] = [set()]
    for parent in parents:
        around.append(around[parent] | {parent})
    candidates = range(0 if with_root else 1, clusters)
    choices = [
        set(some)
        for size in range(clusters + 1)
        for some in combinations(candidates, size)
        if not any(around[one] & set(some) for one in some)
    ]

    def merit(some: set[int]) -> tuple[int, int]:
        return sum(stabilities[one] for one in some), -len(some)

    selected, _ = chosen(parents, stabilities, with_root)
    assert selected in choices
    assert merit(selected) == max(map(merit, choices))
