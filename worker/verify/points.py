"""The points that both engines are given."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from shared.contract.params import AnyParams
from shared.formats import Limits
from worker.color.points import Points
from worker.color.scaling import scaled_size
from worker.color.selection import count_selected, select
from worker.decoding.decode import decode
from worker.progress import Meter

# The largest shift that breaks ties; well below one step of 8 bits, and well above rounding.
TIE_SHIFT = {"rgb": 1e-3, "lab": 1e-4, "oklab": 1e-6}


def load_points(path: Path, params: AnyParams) -> tuple[Points, str]:
    """The image's points, scaled down to what the reference engine takes, and a sentence about what was done."""
    pixels = select(decode(path.read_bytes(), Limits(pixels=1 << 30)), params, None, Meter())
    most = params.method.reference_max_pixels
    height, width = pixels.shape[:2]
    said = f"{path.name}: {width} x {height} = {width * height:,} pixels"
    if width * height > most:
        width, height = scaled_size(width, height, most)
        # NEAREST: the colours stay those of the image.
        pixels = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST))
        said += f", scaled down to {width} x {height} for the reference engine (at most {most:,})"
    return count_selected(pixels, params).points(params.color_space, params.standardize), said


def break_ties(points: Points, seed: int = 0) -> Points:
    """Every point moved at random, by at most TIE_SHIFT along each axis."""
    scale = 1.0 if points.standardization is None else points.standardization.scale
    shift = TIE_SHIFT[points.space] * np.random.default_rng(seed).uniform(-1, 1, points.coords.shape) / scale
    return replace(points, coords=points.coords + shift)
