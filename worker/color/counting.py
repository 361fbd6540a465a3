"""From pixels to unique colours with their counts."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.errors import NothingToCluster
from shared.contract.params import ColorSpace
from shared.contract.results import EXCLUDED_LABEL
from worker.color import spaces
from worker.color.points import Points
from worker.kernels import counting
from worker.progress import Meter, run_here

# Below this many pixels a thread, another thread costs more than it saves.
_PIXELS_A_THREAD = 1 << 19
# Up to so many pixels are looked up by search: in a table of all colours nearly each would touch a page of its own.
_FEW_PIXELS = 1 << 16
# Two tallies are enough: more threads would be waiting for memory.
_MOST_TALLIES = 2

# Tables of earlier calls: of zeros to count in, and for look-ups. Fresh ones would cost more than a small image:
# the system clears them page by page. list.pop and list.append are atomic, so that threads never share a table.
_idle_counts: list[NDArray[np.uint8]] = []
_idle_tables: list[NDArray[np.int32]] = []

# Pixels whose weights are added at a time: keeps the widened copies of a large image small.
_ALPHAS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class ColorSet:
    """The U colours of an image, in ascending order of (red, green, blue), and where they stand.

    The arrays are made read-only; `image` must not be changed by others either. U is 0 where every pixel is left out.
    """

    colors: NDArray[np.uint8]  # [U, 3]
    counts: NDArray[np.int64]  # [U], >= 1
    first: NDArray[np.int64]  # [U]: raster index of the colour's first pixel
    image: NDArray[np.uint8]  # [h, w, 3 or 4]: the pixels that were counted
    left_out: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 3), np.uint8))
    """[E, 3]: other colours of the image, all of whose pixels are left out."""
    weights: NDArray[np.int64] | None = None  # [U], >= 1: what each colour counts for; None: its pixels
    units: int = 1  # how many of a pixel's parts the weights count: see `Points.units`

    def __post_init__(self) -> None:
        for name in ("colors", "counts", "first", "image", "left_out"):
            object.__setattr__(self, name, _read_only(getattr(self, name)))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image."""
        return self.image.shape[0], self.image.shape[1]

    @cached_property
    def index(self) -> NDArray[np.int32]:
        """The colour of every pixel, i32[h * w], -1 where the pixel is left out. Read-only; made when first asked for.

        Label maps need none: `label_map` is faster than a look-up through the index.
        """
        return self._index(None)

    def _index(self, threads: int | None) -> NDArray[np.int32]:
        return _read_only(self._look_up(np.arange(len(self), dtype=np.int32), -1, threads))

    def label_map(self, labels: NDArray[Any], threads: int | None = None) -> NDArray[Any]:
        """Every pixel's label, [h, w], in the dtype of `labels` [U], int16 or int32; EXCLUDED_LABEL where left out."""
        return self._look_up(labels, EXCLUDED_LABEL, threads).reshape(self.shape)

    def _look_up(self, values: NDArray[Any], excluded: int, threads: int | None) -> NDArray[Any]:
        """For every pixel the entry of `values` [U] that belongs to its colour."""
        size = self.image.shape[0] * self.image.shape[1]
        if size <= _FEW_PIXELS:
            return self._search(values, excluded)
        try:
            whole = _idle_tables.pop()
        except IndexError:
            whole = np.empty(counting.KEYS, np.int32)
        table = whole.view(values.dtype)[: counting.KEYS]
        counting.enter(self.colors, _read_only(values), table)
        if len(self.left_out):
            counting.enter(self.left_out, _read_only(np.full(len(self.left_out), excluded, values.dtype)), table)
        out = np.empty(size, values.dtype)
        meter = Meter(threads=_useful_threads(size, threads))
        meter.run_ranges(counting.look_up, size, self.image.reshape(-1), self.image.shape[2], table, excluded, out)
        _idle_tables.append(whole)
        return out

    def _search(self, values: NDArray[Any], excluded: int) -> NDArray[Any]:
        """`_look_up` in memory linear in the pixels."""
        # At the end what stands for all colours that are not in the set.
        known, values = np.append(_keys(self.colors), -1), np.append(values, values.dtype.type(excluded))
        keys = _keys(self.image.reshape(-1, self.image.shape[2]))
        order = np.argsort(keys)
        keys = keys[order]
        place = np.searchsorted(known[:-1], keys)
        out = np.empty(len(keys), values.dtype)
        out[order] = values[np.where(known[place] == keys, place, len(self))]
        if self.image.shape[2] == 4:
            out[self.image[:, :, 3].reshape(-1) == 0] = excluded
        return out

    def __len__(self) -> int:
        return len(self.colors)

    @property
    def pixels(self) -> int:
        """How many pixels are to be clustered: those that are not left out."""
        return int(self.counts.sum())

    def points(self, space: ColorSpace = "rgb", standardize: bool = False) -> Points:
        """The colours as weighted points of `space`, in the same order.

        Raises NothingToCluster where no pixel is left.
        """
        if not len(self):
            raise NothingToCluster(
                "Every pixel is left out (transparent, masked, excluded, outside of the region): nothing is to cluster."
            )
        coords = spaces.from_srgb(self.colors, space)
        weights = self.counts if self.weights is None else self.weights
        if not standardize:
            return Points(coords, weights, self.first, space, units=self.units)
        scaling = spaces.standardization(coords, weights)
        return Points((coords - scaling.mean) / scaling.scale, weights, self.first, space, scaling, self.units)

    def without(self, excluded: NDArray[np.bool_]) -> "ColorSet":
        """The set less the `excluded` bool[U] colours, whose pixels are left out; before `weighted`."""
        if not excluded.any():
            return self
        kept = np.flatnonzero(~excluded)
        left_out = np.concatenate([self.left_out, self.colors[excluded]])
        return ColorSet(self.colors[kept], self.counts[kept], self.first[kept], self.image, left_out)

    def weighted(self, alpha: NDArray[np.uint8], threads: int | None = None) -> "ColorSet":
        """The set with every pixel weighted by its `alpha` u8[h, w].

        The unit is the largest part of a pixel, 1/255 or more, of which all weights are multiples. So an image whose
        pixels are opaque has unit 1, and weights that are its counts.
        """
        flat, colors = alpha.reshape(-1), self._index(threads)
        weights = np.zeros(len(self), np.int64)
        for begin in range(0, len(flat), _ALPHAS_AT_ONCE):
            index = colors[begin : begin + _ALPHAS_AT_ONCE]
            shown = index >= 0
            np.add.at(weights, index[shown], flat[begin : begin + _ALPHAS_AT_ONCE][shown].astype(np.int64))
        part = int(np.gcd.reduce(weights, initial=255))
        return replace(self, weights=_read_only(weights // part), units=255 // part)


def count_colors(pixels: NDArray[np.uint8], threads: int | None = None) -> ColorSet:
    """Count the colours of `pixels` u8[h, w, 3] or u8[h, w, 4], in any memory layout.

    With four channels, pixels of alpha 0 are left out; all others count as they are. If none is left, the set
    is empty, and only `points()` complains. One pass over the pixels, and work in the number of colours.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise ValueError(f"pixels must be uint8 [h, w, 3] or [h, w, 4], got {pixels.dtype} {pixels.shape}")
    pixels = _read_only(np.ascontiguousarray(pixels))
    channels = pixels.shape[2]
    size = pixels.shape[0] * pixels.shape[1]
    meter = Meter(threads=min(_useful_threads(size, threads), _MOST_TALLIES))
    bounds = [size * piece // meter.threads for piece in range(meter.threads + 1)]
    spans = list(pairwise(bounds))
    tallies = [_tally(end - begin) for begin, end in spans]
    calls = [(*span, pixels.reshape(-1), channels, into) for span, into in zip(spans, tallies, strict=True)]
    used = run_here(counting.tally, calls) if len(calls) == 1 else meter.run_all(counting.tally, calls, size)

    found = np.concatenate([into.found[:count] for into, (count, _) in zip(tallies, used, strict=True)])
    full = np.concatenate([into.full[:count] for into, (_, count) in zip(tallies, used, strict=True)])
    found.sort()
    full.sort()
    tables = (tallies[0].counts, tallies[-1].counts)
    colors, counts, first = counting.collect(found, full, tables, len(tallies) == 2)
    _idle_counts.extend(into.counts for into in tallies)
    return ColorSet(colors, counts, first, pixels)


def _useful_threads(pixels: int, threads: int | None) -> int:
    return max(1, min(Meter(threads=threads).threads, pixels // _PIXELS_A_THREAD))


def _tally(pixels: int) -> counting.Tally:
    """A tally for as many pixels."""
    try:
        counts = _idle_counts.pop()
    except IndexError:
        counts = np.zeros(counting.KEYS, np.uint8)
    found = np.empty(min(pixels, counting.KEYS), np.int64)
    return counting.Tally(counts, found, np.empty(pixels // counting.MOST, np.int32))


def _keys(colors: NDArray[np.uint8]) -> NDArray[np.int32]:
    """The keys i32[n] of `colors` u8[n, 3 or more], as in `worker.kernels.counting`."""
    wide = colors[:, :3].astype(np.int32)
    return wide[:, 0] << 16 | wide[:, 1] << 8 | wide[:, 2]


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
