"""The measures of tiny clusterings, whatever they are, against definitions written down plainly."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.support.labelled import summed
from worker.color.points import Points
from worker.progress import Meter
from worker.quality.indices import indices
from worker.quality.picture import weighted_percentile
from worker.quality.silhouette import silhouettes

few = settings(max_examples=150, deadline=None)
coordinates = st.tuples(*[st.integers(0, 4)] * 3)
colors = st.lists(
    st.tuples(coordinates, st.integers(1, 4), st.integers(-1, 3), st.integers(-1, 2)), min_size=1, max_size=9
)


def plain_silhouette(pixels: NDArray[np.float64], labels: NDArray[np.int64]) -> float | None:
    """Rousseeuw's definition, pixel by pixel."""
    clusters = np.unique(labels)
    if len(clusters) < 2:
        return None
    values = []
    for pixel, label in zip(pixels, labels, strict=True):
        far = np.sqrt(np.square(pixels - pixel).sum(axis=1))
        if (labels == label).sum() == 1:
            values.append(0.0)
            continue
        own = far[labels == label].sum() / ((labels == label).sum() - 1)
        other = min(far[labels == rival].mean() for rival in clusters if rival != label)
        values.append((other - own) / max(own, other) if max(own, other) > 0 else 0.0)
    return float(np.mean(values))


@few
@given(colors)
def test_silhouette_and_inertia_are_their_definitions(rows: list[tuple[tuple[int, int, int], int, int, int]]) -> None:
    """Two labellings at once, each with noise of its own place, empty numbers, equal colours, single pixels."""
    noise, weights = np.array([row[2] < 0 for row in rows]), np.array([row[1] for row in rows])
    points = Points(np.array([row[0] for row in rows], np.float64), weights, np.arange(len(rows)))
    one = np.where(noise, -1, [row[2] for row in rows]).astype(np.int32)
    other = np.where(noise, -1, [max(row[3], 0) for row in rows]).astype(np.int32)
    if noise.all():
        return
    labelled, sums = summed(points, one, other)
    found = silhouettes(labelled, sums, Meter())
    inertias = indices(labelled, sums, resolution=1.0)
    pixels = np.repeat(points.coords, points.weights, axis=0)
    for labels, silhouette, measured in zip((one, other), found, inertias, strict=True):
        mine = np.repeat(labels, points.weights).astype(np.int64)
        expected = plain_silhouette(pixels[mine >= 0], mine[mine >= 0])
        assert (silhouette.value is None) == (expected is None)
        if silhouette.value is not None and expected is not None:
            assert abs(silhouette.value - expected) < 1e-12
        within = sum(np.square(pixels[mine == j] - pixels[mine == j].mean(axis=0)).sum() for j in set(mine) - {-1})
        assert abs(measured.inertia - within) < 1e-9


@few
@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 5)), min_size=1, max_size=20), st.floats(0, 100))
def test_a_weighted_percentile_is_numpys(rows: list[tuple[float, int]], percent: float) -> None:
    """It is numpy's default on the repeated values, at any share, with equal values."""
    values, counts = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    expected = np.percentile(np.repeat(values, counts), percent)
    assert abs(weighted_percentile(values, counts, percent) - expected) < 1e-9
