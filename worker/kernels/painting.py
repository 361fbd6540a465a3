"""Label maps to rows of pixels: each label's colour, or the pixel's own; bits of a mask; error diffusion."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, inline, kernel

# Linear light is counted in whole parts of ONE: sums are exact, and so the same on every machine.
ONE = 1 << 24
# Palette colours are looked for among those that can be nearest within a cell of linear light; cells grow with light,
# as eyes do: cell i begins at 4 i^2 of STEPS.
CELLS = 32
STEPS = 4 * CELLS**2
STEP_BITS = 12  # of a part of ONE, those below a step


@kernel
def paint(
    labels: NDArray[Any],
    pixels: NDArray[np.uint8],
    colors: NDArray[np.uint8],
    kept: NDArray[np.bool_],
    at: int,
    rows: NDArray[np.uint8],
) -> None:
    """Write a picture to `rows` u8[h, bytes] (OUT), from byte `at` of each row on.

    A pixel has its label's entry of `colors` u8[n, 3], or the colour that it has in `pixels` u8[h, w, 3 or 4] where the
    entry of `kept` bool[n] says so. Negative `labels` int[h, w] count from the end of both. With four channels alpha is
    that of `pixels`.
    """
    height, width = labels.shape
    channels, count = pixels.shape[2], len(colors)
    for y in range(height):
        place = at
        for x in range(width):
            label = labels[y, x]
            entry = label if label >= 0 else label + count
            if kept[entry]:
                rows[y, place] = pixels[y, x, 0]
                rows[y, place + 1] = pixels[y, x, 1]
                rows[y, place + 2] = pixels[y, x, 2]
            else:
                rows[y, place] = colors[entry, 0]
                rows[y, place + 1] = colors[entry, 1]
                rows[y, place + 2] = colors[entry, 2]
            if channels == 4:
                rows[y, place + 3] = pixels[y, x, 3]
            place += channels


@kernel
def mask_rows(labels: NDArray[Any], label: int, rows: NDArray[np.uint8]) -> None:
    """Write for each pixel of `labels` int[h, w] a bit, whether it is `label`, to `rows` u8[h, 1 + bytes] (OUT).

    The leftmost pixel is in the highest bit; each row begins with its filter, 0: none.
    """
    height, width = labels.shape
    whole = width // 8
    for y in range(height):
        rows[y, 0] = 0
        for byte in range(whole):
            packed = 0
            for bit in range(8):
                packed = packed << 1 | (labels[y, 8 * byte + bit] == label)
            rows[y, byte + 1] = packed
        if width % 8:
            packed = 0
            for x in range(8 * whole, width):
                packed = packed << 1 | (labels[y, x] == label)
            rows[y, whole + 1] = packed << (8 - width % 8)


class Cells(NamedTuple):
    """Which palette colours can be nearest to a colour in each cell of linear light; red changes fastest."""

    begin: NDArray[np.int32]  # [cells + 1]: where a cell's entries begin in `entries`
    entries: NDArray[np.int32]  # ascending within a cell


@kernel
def halve_cells(palette: NDArray[np.int32], bounds: NDArray[np.int32], cells: Cells) -> Cells:
    """The cells between `bounds` i32[side + 1] on each axis, from `cells` that are twice as long.

    An entry of `palette` i32[k, 3] stays in a cell unless the one nearest to the cell's middle is nearer everywhere in
    it, borders included (Kanungo and others: An efficient k-means clustering algorithm, PAMI 24, 2002: their filter).
    """
    side = len(bounds) - 1
    begin = np.empty(side**3 + 1, np.int32)
    entries = np.empty(8 * len(cells.entries), np.int32)
    cell = total = 0
    for blue in range(side):
        for green in range(side):
            for red in range(side):
                whole = red // 2 + side // 2 * (green // 2 + side // 2 * (blue // 2))
                candidates = cells.entries[cells.begin[whole] : cells.begin[whole + 1]]
                corners = (
                    (np.int64(bounds[red]), np.int64(bounds[red + 1])),
                    (np.int64(bounds[green]), np.int64(bounds[green + 1])),
                    (np.int64(bounds[blue]), np.int64(bounds[blue + 1])),
                )
                middle = _nearest_to_middle(palette, candidates, corners)
                begin[cell] = total
                for entry in candidates:
                    if not _always_beaten(palette[entry], palette[middle], corners):
                        entries[total] = entry
                        total += 1
                cell += 1
    begin[cell] = total
    return Cells(begin, entries[:total].copy())


@inline
def _nearest_to_middle(palette: NDArray[np.int32], candidates: NDArray[np.int32], corners: Any) -> int:
    nearest, least = candidates[0], np.iinfo(np.int64).max
    for entry in candidates:
        distance = 0
        for axis in range(3):
            off = 2 * palette[entry, axis] - corners[axis][0] - corners[axis][1]
            distance += off * off
        if distance < least:
            nearest, least = entry, distance
    return int(nearest)


@inline
def _always_beaten(entry: NDArray[np.int32], other: NDArray[np.int32], corners: Any) -> bool:
    """Whether all places between `corners`, three of (low, high), are nearer to `other` than to `entry`, both i32[3].

    The difference of the squared distances is linear: so it is smallest in the corner that lies on the entry's side.
    """
    ahead = 0
    for axis in range(3):
        low, high = corners[axis]
        place = high if entry[axis] > other[axis] else low
        ahead += (entry[axis] - place) ** 2 - (other[axis] - place) ** 2
    return bool(ahead > 0)


@kernel
def diffuse(
    labels: NDArray[Any],
    pixels: NDArray[np.uint8],
    light: NDArray[np.int32],
    palette: NDArray[np.int32],
    cells: Cells,
    out: NDArray[Any],
    progress: NDArray[np.int64],
) -> None:
    """Floyd and Steinberg's error diffusion in linear light, every other row backwards: `out` int[h, w] (OUT) is the
    palette entry of each pixel of `pixels` u8[h, w, 3 or 4].

    Pixels with a negative label in `labels` int[h, w] keep it, and take and give no error. `light` i32[256] is a byte's
    linear light, `palette` i32[k, 3], both in parts of ONE; `cells` are CELLS^3. What would leave 0..ONE is clipped
    before the nearest entry is sought; of equally near ones the first is taken. Progress: rows.

    R. W. Floyd, L. Steinberg: An adaptive algorithm for spatial grey scale (Proc. SID 17, 1976).
    """
    height, width = labels.shape
    cell_of = np.empty(STEPS + 1, np.int32)
    for cell in range(CELLS):
        cell_of[4 * cell**2 : 4 * (cell + 1) ** 2] = cell
    cell_of[STEPS] = CELLS - 1
    # Sixteenths of errors. One pixel more at each side: what is given beyond the image is lost.
    now = np.zeros((width + 2, 3), np.int32)
    below = np.zeros((width + 2, 3), np.int32)
    for y in range(height):
        if progress[STOP]:
            return
        step = 1 if y % 2 == 0 else -1
        x = 0 if step == 1 else width - 1
        # What the pixel before gives to this one.
        ahead_red = ahead_green = ahead_blue = 0
        for _ in range(width):
            if labels[y, x] < 0:
                out[y, x] = labels[y, x]
                ahead_red = ahead_green = ahead_blue = 0
                x += step
                continue
            red = _lit(light[pixels[y, x, 0]], now[x + 1, 0] + ahead_red)
            green = _lit(light[pixels[y, x, 1]], now[x + 1, 1] + ahead_green)
            blue = _lit(light[pixels[y, x, 2]], now[x + 1, 2] + ahead_blue)
            cell = cell_of[green >> STEP_BITS] + CELLS * cell_of[blue >> STEP_BITS]
            nearest = _nearest_in_cell(red, green, blue, palette, cells, cell_of[red >> STEP_BITS] + CELLS * cell)
            out[y, x] = nearest
            red -= palette[nearest, 0]
            green -= palette[nearest, 1]
            blue -= palette[nearest, 2]
            ahead_red, ahead_green, ahead_blue = 7 * red, 7 * green, 7 * blue
            _give(below[x + 1 - step], 3, red, green, blue)
            _give(below[x + 1], 5, red, green, blue)
            _give(below[x + 1 + step], 1, red, green, blue)
            x += step
        now, below = below, now
        below[:] = 0
        progress[DONE] += 1


@inline
def _lit(light: int, sixteenths: int) -> int:
    return min(max(light + (sixteenths >> 4), 0), ONE)


@inline
def _give(place: NDArray[np.int32], share: int, red: int, green: int, blue: int) -> None:
    place[0] += share * red
    place[1] += share * green
    place[2] += share * blue


@inline
def _nearest_in_cell(red: int, green: int, blue: int, palette: NDArray[np.int32], cells: Cells, cell: int) -> int:
    """The palette entry that is nearest to a colour, of those that its cell lists."""
    nearest, least = 0, np.iinfo(np.int64).max
    for place in range(cells.begin[cell], cells.begin[cell + 1]):
        entry = cells.entries[place]
        off_red, off_green, off_blue = red - palette[entry, 0], green - palette[entry, 1], blue - palette[entry, 2]
        distance = off_red * off_red + off_green * off_green + off_blue * off_blue
        # Chosen without a branch, which would be mispredicted for most pixels.
        nearer = distance < least
        nearest = entry if nearer else nearest
        least = distance if nearer else least
    return nearest
