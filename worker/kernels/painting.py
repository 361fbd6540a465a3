"""Label maps to rows of pixels: each label's colour, or the pixel's own; bits of a mask; error diffusion."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, kernel

# Palette colours are looked for among those that can be nearest within a cell of linear light; cells grow with light,
# as eyes do.
CELLS = 32
STEPS = 4 * CELLS**2  # cell i begins at 4 i^2 of so many steps of light


@kernel
def paint(
    begin: int,
    end: int,
    labels: NDArray[Any],
    pixels: NDArray[np.uint8],
    colors: NDArray[np.uint8],
    kept: NDArray[np.bool_],
    at: int,
    rows: NDArray[np.uint8],
    progress: NDArray[np.int64],
) -> None:
    """Write the rows begin..end-1 of a picture to `rows` u8[h, bytes] (OUT), from byte `at` of each row on.

    A pixel has its label's entry of `colors` u8[n, 3], or the colour that it has in `pixels` u8[h, w, 3 or 4] where the
    entry of `kept` bool[n] says so. Negative `labels` int[h, w] count from the end of both. With four channels alpha is
    that of `pixels`. Progress: rows.
    """
    width, channels = labels.shape[1], pixels.shape[2]
    count = len(colors)
    for y in range(begin, end):
        if progress[STOP]:
            return
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
        progress[DONE] += 1


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
    """Which palette colours can be nearest to a colour in each of CELLS^3 cells of linear light."""

    begin: NDArray[np.int32]  # [CELLS^3 + 1]: where a cell's entries begin in `entries`
    entries: NDArray[np.int32]  # ascending within a cell


@kernel
def list_cells(palette: NDArray[np.float64], begin: NDArray[np.int32], entries: NDArray[np.int32]) -> None:
    """Fill `Cells` for `palette` f64[k, 3] in linear light: the number of each cell's entries into `begin` i32[CELLS^3
    + 1] (OUT) where `entries` is empty, else the entries themselves (OUT), `begin` being their places.

    An entry can be nearest within a cell if its least distance to it is not above the smallest of all entries'
    greatest ones.
    """
    count = len(palette)
    least = np.empty(count)
    total = 0
    for cell in range(CELLS**3):
        bound = np.inf
        for entry in range(count):
            near = far = 0.0
            part = cell
            for axis in range(3):
                step = part % CELLS
                part //= CELLS
                low, high = 4 * step**2 / STEPS, 4 * (step + 1) ** 2 / STEPS
                value = palette[entry, axis]
                outside = max(low - value, value - high, 0.0)
                across = max(abs(value - low), abs(value - high))
                near += outside * outside
                far += across * across
            least[entry] = near
            bound = min(bound, far)
        if len(entries) == 0:
            begin[cell] = total
        for entry in range(count):
            # Rounding must not lose one that is nearest on a cell's border.
            if least[entry] <= bound * (1 + 1e-12):
                if len(entries):
                    entries[total] = entry
                total += 1
    if len(entries) == 0:
        begin[CELLS**3] = total


@kernel
def diffuse(
    labels: NDArray[Any],
    pixels: NDArray[np.uint8],
    light: NDArray[np.float64],
    palette: NDArray[np.float64],
    cells: Cells,
    out: NDArray[Any],
    progress: NDArray[np.int64],
) -> None:
    """Floyd and Steinberg's error diffusion in linear light, every other row backwards: `out` int[h, w] (OUT) is the
    palette entry of each pixel of `pixels` u8[h, w, 3 or 4].

    Pixels with a negative label in `labels` int[h, w] keep it, and take and give no error. `light` f64[256] is a byte's
    linear light, `palette` f64[k, 3]. What would leave 0..1 is clipped before the nearest entry is sought; of equally
    near ones the first. Progress: rows.

    R. W. Floyd, L. Steinberg: An adaptive algorithm for spatial grey scale (Proc. SID 17, 1976).
    """
    height, width = labels.shape
    cell_of = np.empty(STEPS + 1, np.int32)
    for cell in range(CELLS):
        cell_of[4 * cell**2 : 4 * (cell + 1) ** 2] = cell
    cell_of[STEPS] = CELLS - 1
    # One pixel more at each side: what is given beyond the image is lost.
    now = np.zeros((width + 2, 3))
    below = np.zeros((width + 2, 3))
    for y in range(height):
        if progress[STOP]:
            return
        step = 1 if y % 2 == 0 else -1
        x = 0 if step == 1 else width - 1
        # What the pixel before gives to this one.
        ahead_red = ahead_green = ahead_blue = 0.0
        for _ in range(width):
            if labels[y, x] < 0:
                out[y, x] = labels[y, x]
                ahead_red = ahead_green = ahead_blue = 0.0
                x += step
                continue
            red = min(max(light[pixels[y, x, 0]] + now[x + 1, 0] + ahead_red, 0.0), 1.0)
            green = min(max(light[pixels[y, x, 1]] + now[x + 1, 1] + ahead_green, 0.0), 1.0)
            blue = min(max(light[pixels[y, x, 2]] + now[x + 1, 2] + ahead_blue, 0.0), 1.0)
            cell = cell_of[int(red * STEPS)]
            cell += CELLS * (cell_of[int(green * STEPS)] + CELLS * cell_of[int(blue * STEPS)])
            begin, end = cells.begin[cell], cells.begin[cell + 1]
            nearest = cells.entries[begin]
            if end - begin > 1:
                least = np.inf
                for place in range(begin, end):
                    entry = cells.entries[place]
                    off_red, off_green = red - palette[entry, 0], green - palette[entry, 1]
                    off_blue = blue - palette[entry, 2]
                    distance = off_red * off_red + off_green * off_green + off_blue * off_blue
                    if distance < least:
                        nearest, least = entry, distance
            out[y, x] = nearest
            red = (red - palette[nearest, 0]) / 16
            green = (green - palette[nearest, 1]) / 16
            blue = (blue - palette[nearest, 2]) / 16
            ahead_red, ahead_green, ahead_blue = 7 * red, 7 * green, 7 * blue
            below[x + 1 - step, 0] += 3 * red
            below[x + 1 - step, 1] += 3 * green
            below[x + 1 - step, 2] += 3 * blue
            below[x + 1, 0] += 5 * red
            below[x + 1, 1] += 5 * green
            below[x + 1, 2] += 5 * blue
            below[x + 1 + step, 0] += red
            below[x + 1 + step, 1] += green
            below[x + 1 + step, 2] += blue
            x += step
        now, below = below, now
        below[:] = 0
        progress[DONE] += 1
