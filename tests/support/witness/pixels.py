"""Which pixels of an image count, and for how much, by what docs/algorithms.md says of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.witness.colors import code_of, difference

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Picture:
    """An image as it is counted: after alpha was read, and scaled down where that was asked for."""

    rgb: NDArray[np.uint8]  # [h, w, 3]
    counted: NDArray[np.bool_]  # [h, w]
    weights: Floats  # [h, w]: parts of a pixel


def picture(pixels: NDArray[np.uint8], params: dict[str, Any], size: tuple[int, int], mask: Any = None) -> Picture:
    """The image u8[h, w, 3 or 4] under the parameters; `size` (width, height) is that of the label map.

    `mask` bool[h, w]: what is kept.
    """
    rgb, alpha = pixels[..., :3], pixels[..., 3] if pixels.shape[2] == 4 else np.full(pixels.shape[:2], 255, np.uint8)
    wish = params.get("alpha", "ignore")
    if wish.startswith("blend:"):
        share, ground = alpha[..., None] / 255, np.array(list(bytes.fromhex(wish[-6:])))
        rgb, alpha = np.rint(share * rgb + (1 - share) * ground).astype(np.uint8), np.full_like(alpha, 255)
    if wish == "opaque":
        alpha = np.where(alpha == 255, alpha, 0).astype(np.uint8)
    kept = inside(params.get("region"), *alpha.shape) & (True if mask is None else mask)
    alpha = np.where(kept, alpha, 0).astype(np.uint8)
    alpha[excluded(rgb, params)] = 0
    if size != rgb.shape[1::-1]:
        rgb, alpha = scaled_down(rgb, alpha, size)
        alpha[excluded(rgb, params)] = 0
    return Picture(rgb, alpha > 0, alpha / 255 if wish == "weight" else np.ones(alpha.shape))


def inside(region: dict[str, Any] | None, height: int, width: int) -> NDArray[np.bool_]:
    """Which pixels' middles lie in the region, a box or a convex polygon."""
    y, x = np.mgrid[:height, :width] + 0.5
    if region is None:
        return np.ones((height, width), np.bool_)
    across, down = (width, height) if region.get("unit") == "fraction" else (1, 1)
    if region.get("box"):
        left, top, right, bottom = region["box"]
        return (left * across <= x) & (x < right * across) & (top * down <= y) & (y < bottom * down)
    corners = np.array(region["polygon"], np.float64) * (across, down)
    sides = [
        (after[0] - before[0]) * (y - before[1]) - (after[1] - before[1]) * (x - before[0])
        for before, after in zip(corners, np.roll(corners, -1, axis=0), strict=True)
    ]
    return np.all([side > 0 for side in sides], axis=0) | np.all([side < 0 for side in sides], axis=0)


def excluded(rgb: NDArray[np.uint8], params: dict[str, Any]) -> NDArray[np.bool_]:
    """Which pixels have a colour that is left out."""
    different, back = np.unique(rgb.reshape(-1, 3), axis=0, return_inverse=True)
    out = [
        any(
            difference(code_of(one), entry["color"]) <= entry.get("tolerance", 0) for entry in params.get("exclude", [])
        )
        for one in different
    ]
    return np.array(out)[back.reshape(rgb.shape[:2])]


def scaled_down(
    rgb: NDArray[np.uint8], alpha: NDArray[np.uint8], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Means over each new pixel's exact area, in linear light, colours weighted by alpha."""
    down, across = overlaps(rgb.shape[0], size[1]), overlaps(rgb.shape[1], size[0])
    encoded = rgb / 255
    light = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    mean_alpha = down @ alpha.astype(np.float64) @ across.T
    premultiplied = np.stack([down @ (light[..., c] * alpha) @ across.T for c in range(3)], axis=2)
    mean = premultiplied / np.where(mean_alpha > 0, mean_alpha, 1)[..., None]
    back = np.where(mean <= 0.0031308, 12.92 * mean, 1.055 * mean ** (1 / 2.4) - 0.055)
    # Halves are halves, whatever the sums' last digits: they go to the even side.
    shown = np.where(mean_alpha > 0, np.maximum(np.rint(mean_alpha.round(9)), 1), 0)
    return np.rint(255 * back).astype(np.uint8), shown.astype(np.uint8)


def overlaps(many: int, few: int) -> Floats:
    """Of each of `few` equal stretches the share that each of `many` has in it, f64[few, many]; rows add up to 1."""
    edges, ends = np.arange(many + 1) / many, np.arange(few + 1) / few
    common = np.minimum(edges[1:], ends[1:, None]) - np.maximum(edges[:-1], ends[:-1, None])
    return np.maximum(common, 0) * few
