"""How far two runs are apart, in a method's own measure."""

import math
from dataclasses import dataclass

from numpy import float64
from numpy.typing import NDArray

# Heights and inertia are sums of some thousand rounded terms.
MOST_DIFFERENCE = 1e-9
# Labels are to be equal but for borders hit exactly.
LEAST_EQUAL = 0.9999


@dataclass(frozen=True)
class Comparison:
    """The exact engine's details against the reference engine's, and what is asked of them to agree."""

    measure: str  # inertia, heights or reachability
    difference: float  # of the measure, exact against reference, relative; of several values the largest, without sign
    several: bool = True  # whether the measure is of several values
    allowed: tuple[float, float] = (-MOST_DIFFERENCE, MOST_DIFFERENCE)  # least and most difference
    least_equal: float = LEAST_EQUAL  # share of the pixels whose labels are to be equal

    @property
    def agrees(self) -> bool:
        least, most = self.allowed
        return least <= self.difference <= most


def largest_difference(values: NDArray[float64], expected: NDArray[float64]) -> float:
    """The largest relative difference of two equally long lists."""
    pairs = zip(values.tolist(), expected.tolist(), strict=True)
    return max((abs(relative(value, other)) for value, other in pairs), default=0.0)


def relative(value: float, expected: float) -> float:
    """By how much of `expected` a value is above it; 0 where both are equal, also where both are 0."""
    if value == expected:
        return 0.0
    return (value - expected) / expected if expected else math.inf
