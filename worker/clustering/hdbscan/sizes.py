"""Clusters of a size that is chosen for the image, of all sizes from `min_cluster_size` up.

At size m the clusters are those that split from their parent beside another one, both of at least m pixels. Every other
one of the condensed tree is of one with its parent and adds its excess of mass to it: what is found at a size does not
depend on the sizes before. The clusters change at no more sizes than there are clusters, and at size m there are at
most 2 N / m of them, N and m in pixels: as a rule all sizes together cost little more than one. Where pixels have
weights, sizes are in parts of a pixel, at nearly each of which some cluster ends: there, they are looked at in steps
of a pixel, or of a 256th of the size where that is less.
"""

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import HdbscanParams
from worker.kernels import condense as kernels
from worker.progress import POLL_SECONDS, Meter

_NEARLY = 0.8
"""Of the best. Seldom is more gained by a larger size than is lost: the small clusters that it takes to be none."""


_FINEST = 256
"""Sizes in parts of a pixel grow by one such part of themselves, if that is less than a pixel."""


class Span(NamedTuple):
    """Sizes from `least` to `most`, at all of which the clusters are taken to be those at the least."""

    least: int
    most: int
    clusters: kernels.Clusters
    units: int  # parts of a pixel that the sizes count


class Choice(NamedTuple):
    """The clusters that are the answer, among all of the smallest size that they could have had."""

    size: int
    clusters: kernels.Clusters
    selected: NDArray[np.bool_]  # [C]


def choose(
    tree: kernels.Condensed, stability: NDArray[np.float64], least: int, units: int, params: HdbscanParams, meter: Meter
) -> Choice:
    """As the parameters say.

    `tree` and `stability` f64[C] are of clusters of at least `least` of the `units` of a pixel.
    """
    clusters = kernels.Clusters(tree.parent, tree.pixels, stability, np.arange(len(tree.parent)))
    first = _span(least, clusters, units)
    if params.cluster_selection_method == "plscan":
        return _most_persistent(first, meter)
    return _most_apart(first, params.allow_single_cluster, meter)


def _most_apart(first: Span, with_root: bool, meter: Meter) -> Choice:
    """By excess of mass, at the smallest size at which that tells the pixels apart nearly as well as at any.

    How well is c * s: c is the share of the pixels that are in a cluster, s the share of the pairs of pixels that are
    in two different ones. Noise lowers both, and one cluster that has nearly all lowers s. The root, if it may be the
    answer at all, has no say in the size.
    """
    pixels = int(first.clusters.pixels[kernels.ROOT])
    merits = [_merit(span, pixels) for span in _spans(first, meter)]
    span = _reaching(_NEARLY, first, merits, meter)
    return _choice(span, _by_mass(span, with_root))


def _most_persistent(first: Span, meter: Meter) -> Choice:
    """The leaves, at the size at which they are leaves at the most sizes, all together; the smallest among equals.

    (PLSCAN by size: Bot, McInnes and Aerts, Persistent multiscale density-based clustering, arXiv 2512.16558, 2025.)
    """
    lifetime = np.zeros(len(first.clusters.parent), np.int64)
    for span in _spans(first, meter):
        lifetime[_leaves(span)] += span.most - span.least + 1
    merits = [int(lifetime[_leaves(span)].sum()) for span in _spans(first, meter)]
    span = _reaching(1.0, first, merits, meter)
    return _choice(span, kernels.leaves(span.clusters.parent))


def _merit(span: Span, pixels: int) -> float:
    shares = span.clusters.pixels[_by_mass(span, False)] / pixels
    covered = float(shares.sum())
    return covered * (covered**2 - float((shares**2).sum()))


def _by_mass(span: Span, with_root: bool) -> NDArray[np.bool_]:
    return kernels.excess_of_mass(span.clusters.parent, span.clusters.stability.copy(), with_root)


def _leaves(span: Span) -> NDArray[np.int64]:
    return span.clusters.origin[kernels.leaves(span.clusters.parent)]


def _reaching(share: float, first: Span, merits: Sequence[float], meter: Meter) -> Span:
    """The first of the spans from `first` up with so much of the greatest merit; `first` itself if nothing splits."""
    enough = share * max(merits, default=0.0)
    # Made once more: to keep them all takes too much memory where clusters are many.
    spans = zip(_spans(first, meter), merits, strict=True)
    return next((span for span, merit in spans if merit >= enough), first)


def _spans(span: Span, meter: Meter) -> Iterator[Span]:
    """This one and all above it, ascending, as long as anything splits."""
    due = 0.0
    while len(span.clusters.parent) > 1:
        if monotonic() >= due:
            meter.tell(0.0)  # how many are to come nobody knows; but whoever wants to stop can
            due = monotonic() + POLL_SECONDS
        yield span
        span = _span(span.most + 1, kernels.enlarge(span.clusters, span.most + 1), span.units)


def _span(least: int, clusters: kernels.Clusters, units: int) -> Span:
    step = min(units, max(1, least // _FINEST))
    return Span(least, max(int(clusters.pixels.min()), least + step - 1), clusters, units)


def _choice(span: Span, selected: NDArray[np.bool_]) -> Choice:
    return Choice(span.least, span.clusters, selected)
