"""Which pixels count, and by how much: transparency, region, mask, excluded colours, and scaling down.

An opaque image of which nothing is left out passes through untouched.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.contract.errors import NothingToCluster
from shared.contract.hex_color import rgb_of_hex
from shared.contract.params import AnyParams, check_mask_size
from shared.contract.selection import BLEND, Region
from worker.color.counting import ColorSet, count_colors
from worker.color.difference import resembles
from worker.color.scaling import scale_down
from worker.decoding.decode import Raster
from worker.progress import Meter

OPAQUE = 255
MASK_LEAST = 128  # of 0..255: darker pixels of a mask leave the image's pixel out
_FAR = 1e9  # pixels: coordinates of a region, which may be any
_Image = NDArray[np.uint8]
_Kept = NDArray[np.bool_]


def select(raster: Raster, params: AnyParams, mask: Raster | None, meter: Meter) -> _Image:
    """The pixels u8[h, w, 3 or 4] to be counted, with alpha 0 where one is left out.

    What is left out before the image is scaled down adds nothing to the colours of the smaller image. Raises
    InvalidParams for a mask of another size, and NothingToCluster for a region without a pixel.
    """
    pixels = with_alpha_read(raster.pixels, params.alpha)
    smaller = params.max_pixels is not None and raster.width * raster.height > params.max_pixels
    kept: list[_Kept] = []
    if params.region is not None:
        kept.append(_inside(params.region, raster.width, raster.height))
    if mask is not None:
        kept.append(_bright(mask, raster))
    if smaller and params.exclude:
        shown = count_selected(pixels, params, meter.threads)
        kept.append(shown.label_map(np.zeros(len(shown), np.int16), meter.threads) >= 0)
    if kept:
        pixels = _without(pixels, np.logical_and.reduce(kept))
    if smaller and params.max_pixels is not None:
        pixels = scale_down(pixels, params.max_pixels, meter)
    return pixels


def count_selected(pixels: _Image, params: AnyParams, threads: int | None = None) -> ColorSet:
    """The colours of selected pixels, without the excluded ones, weighted by alpha if `params` say so."""
    colors = count_colors(pixels, threads)
    if params.exclude:
        colors = colors.without(resembles(colors.colors, params.exclude))
    if params.alpha == "weight" and pixels.shape[2] == 4:
        colors = colors.weighted(pixels[..., 3], threads)
    return colors


def with_alpha_read(pixels: _Image, alpha: str) -> _Image:
    """The pixels as `alpha` wants transparency read; see `CommonParams.alpha`."""
    if pixels.shape[2] == 3 or alpha in ("ignore", "weight"):
        return pixels
    if alpha == "opaque":
        return _without(pixels, pixels[..., 3] == OPAQUE)
    # «Source over» on the encoded values, as CSS and browsers do it; rounded, exact in 16 bits.
    share = pixels[..., 3].astype(np.uint16)
    blended = np.empty((*share.shape, 3), np.uint8)
    for channel, background in enumerate(rgb_of_hex(alpha.removeprefix(BLEND))):
        blended[..., channel] = (share * pixels[..., channel] + (OPAQUE - share) * background + 127) // OPAQUE
    return blended


def _without(pixels: _Image, kept: _Kept) -> _Image:
    """The pixels u8[h, w, 4] with alpha 0 where they are not `kept` bool[h, w]."""
    out = np.empty((*kept.shape, 4), np.uint8)
    out[..., :3] = pixels[..., :3]
    alpha = pixels[..., 3] if pixels.shape[2] == 4 else OPAQUE
    out[..., 3] = np.where(kept, alpha, 0)
    return out


def _inside(region: Region, width: int, height: int) -> _Kept:
    """Which pixels' centres lie in the region, bool[height, width]."""
    kept = np.zeros((height, width), np.bool_)
    if region.box is not None:
        left, top, right, bottom = region.bounds(width, height)
        kept[top:bottom, left:right] = True
    else:
        kept = _polygon(region.corners(width, height), width, height)
    if not kept.any():
        raise NothingToCluster(f"The region has no pixel of the image, which is {width} x {height} pixels.")
    return kept


def _polygon(corners: list[tuple[float, float]], width: int, height: int) -> _Kept:
    """Even-odd: a pixel is inside if a ray from its centre to the left meets the outline an odd number of times.

    An edge holds its upper end and not its lower one, and is walked downwards whichever way it was given: polygons
    that share an edge share no pixel, and leave none out.
    """
    # Where an edge crosses a row, all pixels to its right change sides; the last column is for those beyond the image.
    turns = np.zeros((height, width + 1), np.uint8)
    centres = np.arange(height) + 0.5
    for one, other in zip(corners, [*corners[1:], corners[0]], strict=True):
        (x, y), (low_x, low_y) = sorted([one, other], key=lambda corner: corner[1])
        rows = np.arange(np.searchsorted(centres, y), np.searchsorted(centres, low_y))
        if not len(rows):
            continue
        if max(map(abs, (x, y, low_x, low_y))) < _FAR:
            crossing = x + (centres[rows] - y) * ((low_x - x) / (low_y - y))
        else:  # differences and slopes of such numbers may be infinite; halves and shares are not
            share = (centres[rows] / 2 - y / 2) / (low_y / 2 - y / 2)
            crossing = (1 - share) * x + share * low_x
        turns[rows, np.ceil(np.clip(crossing, 0, width) - 0.5).astype(np.int64)] ^= 1
    return np.bitwise_xor.accumulate(turns, axis=1)[:, :width].astype(np.bool_)


def _bright(mask: Raster, raster: Raster) -> _Kept:
    """Where the mask's luma (ITU-R BT.601), laid on black, is at least MASK_LEAST."""
    check_mask_size((mask.width, mask.height), (raster.width, raster.height))
    luma = np.asarray(Image.fromarray(np.ascontiguousarray(mask.pixels[..., :3])).convert("L"))
    if mask.pixels.shape[2] == 3:
        return luma >= MASK_LEAST
    bright: _Kept = luma * mask.pixels[..., 3].astype(np.uint16) >= MASK_LEAST * OPAQUE
    return bright
