"""The weighted quantile of unsorted values."""

import numpy as np
from numpy.typing import NDArray

from worker.kernels import kernel


@kernel
def weighted_select(values: NDArray[np.float64], weights: NDArray[np.int64], size: int, needed: int) -> float:
    """The smallest of values[:size] with weights of at least `needed` up to it; both arrays are permuted.

    Raises ValueError where `needed` is more than the sum of the weights. Quickselect with three-way partition.
    """
    begin, end = 0, size
    while begin < end:
        first, middle, last = values[begin], values[(begin + end) // 2], values[end - 1]
        pivot = max(min(first, middle), min(max(first, middle), last))
        less, i, more = begin, begin, end
        below, equal = 0, 0
        while i < more:
            value, weight = values[i], weights[i]
            if value < pivot:
                below += weight
                values[i], weights[i] = values[less], weights[less]
                values[less], weights[less] = value, weight
                less += 1
                i += 1
            elif value > pivot:
                more -= 1
                values[i], weights[i] = values[more], weights[more]
                values[more], weights[more] = value, weight
            else:
                equal += weight
                i += 1
        if needed <= below:
            end = less
        elif needed <= below + equal:
            return float(pivot)
        else:
            needed -= below + equal
            begin = more
    raise ValueError("the points sought in weigh less than what is needed")
