"""How near a picture that is painted with its palette comes to the original. Over colours, not over pixels."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worker.color.spaces import from_srgb
from worker.kernels import difference as kernels
from worker.kernels.quickselect import weighted_select
from worker.progress import Meter, run_here

Floats = NDArray[np.float64]

EXPLAINED_WITHIN = 5.0
"""Delta E 2000 up to which a pixel is taken for the colour that it is painted in."""

# Below so many colours other threads cost more than they save.
_WORTH_THREADS = 1 << 14


@dataclass(frozen=True)
class Difference:
    """Delta E 2000 over the pixels in clusters."""

    mean: float
    p95: float
    """`numpy.percentile(differences of all pixels, 95)`: linear between the two nearest ranks."""
    max: float


@dataclass(frozen=True)
class Painted:
    """The measures of a painted picture, over its pixels in clusters."""

    mse: float
    """Mean over the pixels of the squared error, summed over red, green and blue."""
    psnr: float | None
    """10 log10(255^2 / (mse / 3)), in dB: the mean is over pixels and channels. None where the pictures are equal."""
    delta_e: Difference
    explained: float
    """Share of the pixels within Delta E 5 of the colour that they are painted in."""


def differences(
    colors: NDArray[np.uint8], labels: NDArray[np.int32], palette: NDArray[np.uint8], meter: Meter
) -> Floats:
    """Delta E 2000 of each of `colors` u8[U, 3] to the entry of `palette` u8[k, 3] that its label names, f64[U].

    `labels` i32[U]; NaN where they are negative: noise is not painted.
    """
    out = np.full(len(colors), np.nan)
    inside = np.flatnonzero(labels >= 0)
    lab, mine, found = from_srgb(colors[inside], "lab"), labels[inside], np.empty(len(inside))
    arguments = (lab, mine, from_srgb(palette, "lab"), found)
    if len(inside) < _WORTH_THREADS:
        run_here(kernels.to_own, [(0, len(inside), *arguments)])
    else:
        meter.run_ranges(kernels.to_own, len(inside), *arguments)
    out[inside] = found
    return out


def painted(
    colors: NDArray[np.uint8],
    counts: NDArray[np.int64],
    labels: NDArray[np.int32],
    palette: NDArray[np.uint8],
    differences: Floats,
) -> Painted | None:
    """The measures of the picture whose pixels have their label's colour of `palette` u8[k, 3], the rounded centres.

    There are `counts` i64[U] pixels of each of `colors` u8[U, 3]. `differences` are what the function of that name
    gives. None where all is noise.
    """
    inside = labels >= 0
    counts, labels, differences = counts[inside], labels[inside], differences[inside]
    pixels = int(counts.sum())
    if not pixels:
        return None
    errors = np.square(colors[inside].astype(np.int64) - palette[labels]).sum(axis=1)
    mse = int((counts * errors).sum()) / pixels
    return Painted(
        mse=mse,
        psnr=10 * math.log10(3 * 255**2 / mse) if mse else None,
        delta_e=Difference(
            mean=float((counts * differences).sum() / pixels),
            p95=weighted_percentile(differences, counts, 95),
            max=float(differences.max()),
        ),
        explained=int(counts[differences <= EXPLAINED_WITHIN].sum()) / pixels,
    )


def weighted_percentile(values: Floats, counts: NDArray[np.int64], percent: float) -> float:
    """`numpy.percentile(numpy.repeat(values, counts), percent)`, without the repeating: O(U).

    At the rank percent / 100 x (N - 1), counted from 0, and linear between the ranks before and after it.
    """
    rank = percent / 100 * (int(counts.sum()) - 1)
    low = math.floor(rank)
    before, after = (
        weighted_select(values.copy(), counts.copy(), len(values), min(place, int(counts.sum())))
        for place in (low + 1, low + 2)
    )
    return before + (rank - low) * (after - before)
