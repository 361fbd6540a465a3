"""Weighted points for tests of the clustering methods, and the pixels that they stand for."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_image

from shared.contract.params import ColorSpace
from worker.color.counting import count_colors
from worker.color.points import Points


def scattered(seed: int, size: int, most: int = 40) -> Points:
    """Points without ties: many digits, weights 1 to `most` with a long tail, raster order mixed."""
    random = np.random.default_rng(seed)
    weights = np.minimum(1 + random.pareto(0.8, size), most).astype(np.int64)
    return Points(255 * random.random((size, 3)), weights, random.permutation(size))


def lattice(seed: int, size: int, side: int = 6) -> Points:
    """Points full of ties: distinct whole coordinates from a small cube, small weights."""
    random = np.random.default_rng(seed)
    keys = random.choice(side**3, size, replace=False)
    coords = np.column_stack(np.unravel_index(keys, (side, side, side))).astype(np.float64)
    return Points(coords, random.integers(1, 5, size), random.permutation(size))


def photograph(width: int, height: int, space: ColorSpace = "rgb") -> Points:
    """The colours of scikit-learn's china.jpg, scaled down."""
    image = Image.fromarray(load_sample_image("china.jpg")).resize((width, height))
    return count_colors(np.asarray(image)).points(space)


def split_in_two(points: Points) -> tuple[Points, NDArray[np.int64]]:
    """The same pixels with each colour of more than one given as two points, the second one behind all first ones.

    Also i64: the points whose second halves those are.
    """
    heavy = np.flatnonzero(points.weights > 1)
    weights = np.concatenate([points.weights, points.weights[heavy] // 2])
    weights[heavy] -= weights[len(points) :]
    first = np.concatenate([points.first, len(points) + np.arange(len(heavy))])
    return Points(np.concatenate([points.coords, points.coords[heavy]]), weights, first), heavy


def pixels_of(points: Points) -> NDArray[np.float64]:
    """Every pixel, f64[N, 3]: the points by first pixel, each as often as it weighs."""
    order = np.argsort(points.first)
    return np.repeat(points.coords[order], points.weights[order], axis=0)


def by_pixel(points: Points, labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """The labels of `pixels_of`."""
    order = np.argsort(points.first)
    return np.repeat(labels[order], points.weights[order])
