"""How alike two clusterings of the same points are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import AnyParams
from worker.clustering import NOISE, Clustering
from worker.clustering.comparison import Comparison
from worker.clustering.registry import method_of
from worker.color.points import Points


@dataclass(frozen=True)
class Agreement:
    """Two clusterings held against each other, pixel by pixel, and the engines' details."""

    rand: float  # adjusted Rand index; 1: the same partition
    equal: float  # share of the pixels with the same label, once clusters are matched by their overlap
    comparison: Comparison

    @property
    def agrees(self) -> bool:
        return self.equal >= self.comparison.least_equal and self.comparison.agrees


def compare(exact: Clustering, reference: Clustering, points: Points, params: AnyParams) -> Agreement:
    """Whether the engines agree, within the tolerances that the method's details have."""
    differences = method_of(params.algorithm).compare
    assert differences is not None, "the command takes methods that have a reference only"
    return Agreement(
        adjusted_rand(exact.labels, reference.labels, points.weights),
        equal_share(exact.labels, reference.labels, points.weights),
        differences(exact.details, reference.details, points, params),
    )


def overlaps(
    left: NDArray[np.int32], right: NDArray[np.int32], weights: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The non-empty cells of the contingency table: label pairs i64[C, 2] and their pixels i64[C]."""
    pairs, cell = np.unique(np.column_stack([left, right]).astype(np.int64), axis=0, return_inverse=True)
    pixels = np.zeros(len(pairs), np.int64)
    np.add.at(pixels, cell, weights)
    return pairs, pixels


def adjusted_rand(left: NDArray[np.int32], right: NDArray[np.int32], weights: NDArray[np.int64]) -> float:
    """Adjusted Rand index over the pixels (Hubert and Arabie 1985); noise counts as a cluster."""
    pairs, pixels = overlaps(left, right, weights)
    together = _pairs_within(pixels)
    sides = []
    for side in range(2):
        _, label = np.unique(pairs[:, side], return_inverse=True)
        sides.append(_pairs_within(np.bincount(label, pixels).astype(np.int64)))
    total = _pairs_within(np.array([pixels.sum()]))
    expected = sides[0] * sides[1] / total if total else 0.0
    most = (sides[0] + sides[1]) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


def _pairs_within(pixels: NDArray[np.int64]) -> int:
    """How many pairs of pixels share a cell. In Python's integers: 20 million pixels overflow 64 bits nearly."""
    return sum(int(count) * (int(count) - 1) // 2 for count in pixels)


def equal_share(left: NDArray[np.int32], right: NDArray[np.int32], weights: NDArray[np.int64]) -> float:
    """Share of the pixels whose labels are the same once clusters are matched, largest overlap first.

    Noise matches noise only.
    """
    pairs, pixels = overlaps(left, right, weights)
    taken_left: set[int] = set()
    taken_right: set[int] = set()
    equal = 0
    for cell in np.argsort(-pixels, kind="stable"):
        a, b = (int(label) for label in pairs[cell])
        if a in taken_left or b in taken_right or (a == NOISE) != (b == NOISE):
            continue
        taken_left.add(a)
        taken_right.add(b)
        equal += int(pixels[cell])
    return equal / int(pixels.sum())
