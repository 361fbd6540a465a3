"""What each criterion chooses from a curve."""

import math
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from worker.quality.criteria import Candidate, Criterion, best, elbow_heights
from worker.quality.indices import Indices
from worker.quality.silhouette import Silhouette

NUMBERS = range(2, 8)


def candidate(
    number: int,
    silhouette: float | None = 0.5,
    calinski_harabasz: float | None = 10.0,
    davies_bouldin: float | None = 1.0,
    bic: float = 0.0,
    inertia: float = 1.0,
    explained: float = 0.95,
) -> Candidate:
    indices = Indices(number, inertia, calinski_harabasz, davies_bouldin, bic, explained, math.log(inertia + 0.25))
    return Candidate(number, indices, Silhouette(silhouette, True, 9, 0.0))


def curve(**measures: list[float | None]) -> list[Candidate]:
    """Candidates of 2 to 7 clusters, with those measures."""
    return [
        candidate(number, **{name: values[place] for name, values in measures.items()})  # type: ignore[arg-type]
        for place, number in enumerate(NUMBERS)
    ]


@pytest.mark.parametrize(
    ("criterion", "measure", "values", "number"),
    [
        ("silhouette", "silhouette", [0.2, 0.4, 0.9, 0.9, 0.3, None], 4),
        ("calinski_harabasz", "calinski_harabasz", [5, 6, 7, 70, 70, None], 5),
        ("davies_bouldin", "davies_bouldin", [2, 1, 0.5, 0.5, 3, None], 4),
        ("bic", "bic", [9, 8, -5, -4, -5, 3], 4),
        ("elbow", "inertia", [600, 300, 150, 20, 19, 18], 5),
    ],
)
def test_each_criterion_has_its_own_best(
    criterion: Criterion, measure: str, values: list[float | None], number: int
) -> None:
    """The largest or the smallest, of equals the fewest clusters; what is undefined is never chosen."""
    choice = best(curve(**{measure: values}), criterion)
    assert NUMBERS[choice.place] == number
    assert choice.criterion == criterion
    assert f"{number} clusters" in choice.reason


def test_no_error_left_is_a_ratio_without_bound() -> None:
    """scikit-learn's Calinski-Harabasz is 1 where each colour is a cluster; to the criterion it is what it means."""
    candidates = curve(calinski_harabasz=[5, 6, 7, 8, 9, 1], explained=[0.5, 0.6, 0.7, 0.8, 0.9, 1])
    assert NUMBERS[best(candidates, "calinski_harabasz").place] == 7


def test_a_ratio_that_is_undefined_is_never_chosen() -> None:
    """As many clusters as pixels leave no error, and have no ratio."""
    candidates = curve(calinski_harabasz=[5, 6, 9, 8, 7, None], explained=[0.5, 0.6, 0.7, 0.8, 0.9, 1])
    assert NUMBERS[best(candidates, "calinski_harabasz").place] == 4


def test_by_default_the_most_distinct_clusters_are_taken_if_they_say_enough() -> None:
    """Davies-Bouldin's number, where nine tenths of the variance are between its clusters; otherwise the elbow."""
    measures = {"davies_bouldin": [0.5, 0.9, 1.0, 1.0, 1.0, 1.0], "inertia": [600.0, 300, 150, 20, 19, 18]}
    definite = best(curve(**measures, explained=[0.9] * 6), None)
    assert (NUMBERS[definite.place], definite.criterion) == (2, "davies_bouldin")
    vague = best(curve(**measures, explained=[0.89, *[0.99] * 5]), None)
    assert (NUMBERS[vague.place], vague.criterion) == (5, "elbow")


@pytest.mark.parametrize("criterion", [None, *get_args(Criterion)])
@pytest.mark.parametrize("count", [1, 2])
def test_short_curves_have_an_answer(criterion: Criterion | None, count: int) -> None:
    """One or two candidates, of which nothing is defined: the first."""
    candidates = [candidate(number, None, None, None) for number in range(1, 1 + count)]
    assert best(candidates, criterion).place == 0


def test_an_even_fall_has_no_elbow() -> None:
    """Each cluster takes the same share of the error: nothing bends. What bends is found between the ends."""
    np.testing.assert_allclose(elbow_heights(range(2, 9), -0.5 * np.arange(7)), 0, atol=1e-12)
    np.testing.assert_array_equal(elbow_heights([2, 3], [1.0, 0.0]), 0)
    np.testing.assert_array_equal(elbow_heights([2, 3, 4], [1.0, 1.0, 1.0]), 0)
    bent = elbow_heights([2, 3, 4, 8], [8.0, 4.0, 1.0, 0.0])
    assert np.argmax(bent) == 2
    assert bent[0] == bent[-1] == 0
    assert bent[2] == pytest.approx(4 / 6 - 1 / 8)


def test_the_reason_is_one_sentence() -> None:
    """It names the number and the range, and the measure where it means something."""
    for criterion in get_args(Criterion):
        reason = best(curve(inertia=[600, 300, 150, 20, 19, 18]), criterion).reason
        assert reason.count(". ") == 0
        assert "of 2 to 7" in reason
    one = replace(candidate(3), n_clusters=3)
    assert best([one], None).reason == "Only 3 clusters could be tried."
