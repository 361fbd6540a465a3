"""The colours in their space, in their own colours and in their clusters'."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.results import NOISE_LABEL
from worker.rendering.plots import style
from worker.rendering.points import PointCloud

LEAST_AREA, AREAS = 1.5, 40.0  # square points: of a colour of one pixel, and of the largest above it
NOISE_GREY = 0xB4
CENTER_AREA = 60.0


def draw(cloud: PointCloud, palette: NDArray[np.uint8]) -> bytes:
    """A PNG of two views of the same points: each sized by its pixels, the centres of `palette` u8[k, 3] marked."""
    sheet = style.figure(width=10.0, height=5.0, layout="none")
    inside = cloud.labels != NOISE_LABEL
    painted = np.full((len(cloud.colors), 3), NOISE_GREY, np.uint8)
    painted[inside] = palette[cloud.labels[inside]]
    views = (("Each colour as it is", cloud.colors), (_title(len(cloud.centers), bool(inside.all())), painted))
    for left, (title, colors) in zip((0.0, 0.5), views, strict=True):
        sheet.text(left + 0.03, 0.94, title, color=style.INK, fontsize=style.TITLE)
        axes: Any = sheet.add_axes((left - 0.02, 0.0, 0.48, 0.97), projection="3d", computed_zorder=False)
        _points(axes, cloud, colors)
    return style.png(sheet)


def _title(clusters: int, whole: bool) -> str:
    painted = "In the colour of 1 cluster" if clusters == 1 else f"In the colours of {clusters:,} clusters"
    return painted if whole else painted + ", noise in grey"


def _points(axes: Any, cloud: PointCloud, colors: NDArray[np.uint8]) -> None:
    # Lightness stands upright, as people think of it.
    upright = [1, 2, 0] if cloud.axes[0].startswith("L") else [0, 1, 2]
    for axis, own in zip(upright, (axes.xaxis, axes.yaxis, axes.zaxis), strict=True):
        own.set_label_text(cloud.axes[axis], color=style.INK, fontsize=style.TEXT)
        own.pane.set_facecolor("#f4f4f4")
        own.pane.set_edgecolor(style.GRID)
        own.line.set_color(style.QUIET)
    axes.tick_params(colors=style.QUIET, labelsize=8)
    axes.grid(False)
    axes.zaxis.labelpad = 9
    axes.set_box_aspect(None, zoom=0.9)  # else the upright axis's name is cut off
    share = np.sqrt(cloud.pixels / cloud.pixels.max(initial=1))
    x, y, z = cloud.coords.T[upright]
    axes.scatter(x, y, z, s=LEAST_AREA + AREAS * share, c=colors / 255, linewidths=0, depthshade=False)
    x, y, z = cloud.centers.T[upright]
    for color, width in (("#ffffff", 2.4), (style.INK, 1.2)):
        axes.scatter(
            x, y, z, s=CENTER_AREA, facecolors="none", edgecolors=color, linewidths=width, depthshade=False, zorder=5
        )
