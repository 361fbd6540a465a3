"""The colours in their space, in their own colours and in their clusters'."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.results import NOISE_LABEL
from worker.rendering.plots import style
from worker.rendering.points import PointCloud

LEAST_AREA, AREAS = 1.5, 40.0  # square points: of a colour of one pixel, and of the largest above it


def draw(cloud: PointCloud, palette: NDArray[np.uint8]) -> bytes:
    """A PNG of two views of the same points: each sized by its pixels, the centres of `palette` u8[k, 3] marked."""
    sheet = style.figure(width=10.0, height=5.2)
    # Lightness stands upright, as people think of it.
    upright = np.array([1, 2, 0] if cloud.axes[0].startswith("L") else [0, 1, 2])
    clusters = len(cloud.centers)
    painted = np.full((len(cloud.colors), 3), 0xB4, np.uint8)
    inside = cloud.labels != NOISE_LABEL
    painted[inside] = palette[cloud.labels[inside]]
    for place, title, colors in ((1, "Each colour as it is", cloud.colors), (2, f"In {clusters} clusters", painted)):
        axes: Any = sheet.add_subplot(1, 2, place, projection="3d", computed_zorder=False)
        axes.set_title(title, color=style.INK, fontsize=11, y=0.97)
        _points(axes, cloud, colors, upright)
        names = [cloud.axes[axis] for axis in upright]
        for name, set_label in zip(names, (axes.set_xlabel, axes.set_ylabel, axes.set_zlabel), strict=True):
            set_label(name, color=style.INK, fontsize=10)
        axes.tick_params(colors=style.QUIET, labelsize=8)
        for pane in (axes.xaxis.pane, axes.yaxis.pane, axes.zaxis.pane):
            pane.set_facecolor("#f4f4f4")
            pane.set_edgecolor(style.GRID)
        axes.grid(color=style.GRID)
        axes.set_box_aspect(None, zoom=0.84)  # else the upright axis's name is cut off
    return style.png(sheet)


def _points(axes: Any, cloud: PointCloud, colors: NDArray[np.uint8], upright: NDArray[np.int64]) -> None:
    share = np.sqrt(cloud.pixels / cloud.pixels.max(initial=1))
    x, y, z = cloud.coords.T[upright]
    axes.scatter(x, y, z, s=LEAST_AREA + AREAS * share, c=colors / 255, linewidths=0, depthshade=False)
    x, y, z = cloud.centers.T[upright]
    axes.scatter(
        x, y, z, s=60, marker="o", facecolors="none", edgecolors="#ffffff", linewidths=2.4, depthshade=False, zorder=5
    )
    axes.scatter(
        x, y, z, s=60, marker="o", facecolors="none", edgecolors=style.INK, linewidths=1.2, depthshade=False, zorder=6
    )
