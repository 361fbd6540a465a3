"""Compiled loops: arrays in, arrays out. No objects, no policy, no allocation that grows with time.

Long kernels take a `progress` array, i64[2]: the kernel adds its finished work to `progress[0]` and returns
early, at the next convenient place, when it reads a non-zero `progress[1]`.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])

DONE = 0
STOP = 1


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A view of the array that cannot be written to: a kernel is compiled once for it, wherever it comes from."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def kernel(function: F) -> F:
    """Compile without the interpreter lock, and keep the machine code on disk.

    No fast-math: results must not depend on the order in which a compiler would like to add. No `parallel=True`:
    numba's thread pools do not survive a fork; `worker.progress` runs kernels on plain threads instead.
    """
    return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))


def inline(function: F) -> F:
    """A small helper of kernels, compiled into its callers."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy", inline="always")(function))
