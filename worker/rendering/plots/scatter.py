"""The colours in their space, in their own colours and in their clusters'."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.results import NOISE_LABEL
from worker.color.contrast import luminance, ratio
from worker.rendering.plots import style
from worker.rendering.points import PointCloud

LEAST_AREA, AREAS = 1.5, 40.0  # square points: of a colour of one pixel, and of the largest above it
NOISE_GREY = 0xB4
CENTER_AREA, LEAST_CENTER_AREA, CENTERS_AREA = 60.0, 10.0, 900.0  # square points: a centre's, and of all together
PANE, PANE_EDGE = 0xF4, "#cccccc"
# A colour that contrasts less with the pane (WCAG's ratio) would vanish, and has an outline of so many points.
LEAST_CONTRAST, OUTLINE, OUTLINE_GREY = 1.4, 1.0, "#8c8c8c"


def draw(cloud: PointCloud, palette: NDArray[np.uint8]) -> bytes:
    """A PNG of two views of the same points: each sized by its pixels, the centres of `palette` u8[k, 3] marked."""
    sheet = style.figure(width=10.0, height=5.0, layout="none")
    inside = cloud.labels != NOISE_LABEL
    painted = np.full((len(cloud.colors), 3), NOISE_GREY, np.uint8)
    painted[inside] = palette[cloud.labels[inside]]
    everywhere = np.ones(len(inside), np.bool_)
    views = (
        ("Each colour as it is", cloud.colors, everywhere),
        (_title(len(cloud.centers), bool(inside.all())), painted, inside),
    )
    for left, (title, colors, front) in zip((0.0, 0.5), views, strict=True):
        sheet.text(left + 0.03, 0.94, title, color=style.INK, fontsize=style.TITLE)
        axes: Any = sheet.add_axes((left - 0.04, 0.0, 0.5, 0.96), projection="3d", computed_zorder=False)
        _axes(axes, cloud)
        _points(axes, cloud, colors, front)
        _centers(axes, cloud, palette)
    return style.png(sheet)


def _title(clusters: int, whole: bool) -> str:
    painted = "In the colour of 1 cluster" if clusters == 1 else f"In the colours of {clusters:,} clusters"
    return painted if whole else painted + ", noise in grey"


def _axes(axes: Any, cloud: PointCloud) -> None:
    """The box with its names and numbers, and nothing in it."""
    for axis, own in zip(_upright(cloud), (axes.xaxis, axes.yaxis, axes.zaxis), strict=True):
        own.set_label_text(cloud.axes[axis], color=style.INK, fontsize=style.TEXT)
        own.pane.set_facecolor([PANE / 255] * 3)
        own.pane.set_edgecolor(PANE_EDGE)
        own.pane.set_alpha(1)
        own.line.set_color(style.QUIET)
    axes.patch.set_visible(False)  # else it hides what reaches over from the other view
    axes.tick_params(colors=style.QUIET, labelsize=8)
    axes.grid(False)
    axes.zaxis.labelpad = 9
    axes.set_box_aspect(None, zoom=0.95)  # else the upright axis's name is cut off


def _points(axes: Any, cloud: PointCloud, colors: NDArray[np.uint8], front: NDArray[np.bool_]) -> None:
    """The points in `colors` u8[M, 3]; those that are not in `front` bool[M] lie behind all others: they hide none."""
    areas = LEAST_AREA + AREAS * np.sqrt(cloud.pixels / cloud.pixels.max(initial=1))
    coords = cloud.coords[:, _upright(cloud)]
    pale = ratio(luminance(colors), luminance(np.full((1, 3), PANE))) < LEAST_CONTRAST
    # Outlines lie behind all colours, so that a crowd has one around it and none within.
    axes.scatter(
        *coords[pale].T, s=(np.sqrt(areas[pale]) + OUTLINE) ** 2, c=OUTLINE_GREY, linewidths=0, depthshade=False
    )
    for part in (~front, front):
        axes.scatter(*coords[part].T, s=areas[part], c=colors[part] / 255, linewidths=0, depthshade=False)


def _centers(axes: Any, cloud: PointCloud, palette: NDArray[np.uint8]) -> None:
    """A ring around each centre, light and dark, filled with its colour."""
    centers, fill = cloud.centers[:, _upright(cloud)].T, palette / 255
    area = min(CENTER_AREA, max(LEAST_CENTER_AREA, CENTERS_AREA / max(len(fill), 1)))
    thick = 2.4 * (area / CENTER_AREA) ** 0.5
    for color, width in (("#ffffff", thick), (style.INK, thick / 2)):
        axes.scatter(*centers, s=area, c=fill, edgecolors=color, linewidths=width, depthshade=False, zorder=5)


def _upright(cloud: PointCloud) -> list[int]:
    """Which coordinate goes right, back and up: lightness stands upright, as people think of it."""
    return [1, 2, 0] if cloud.axes[0].startswith("L") else [0, 1, 2]
