"""How good each number of clusters is: elbow and silhouette, with the choice marked."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from worker.rendering.plots import style

_NAMES = {
    "silhouette": "Silhouette",
    "calinski_harabasz": "Calinski-Harabasz index",
    "davies_bouldin": "Davies-Bouldin index",
    "bic": "BIC",
    "elbow": "Inertia",
}
_LABELS = {
    "inertia": "inertia (squared distance)",
    "silhouette": "silhouette",
    "calinski_harabasz": "Calinski-Harabasz index",
    "davies_bouldin": "Davies-Bouldin index",
    "bic": "BIC",
}
LOWEST_IS_BEST = {"davies_bouldin", "bic"}
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def draw(selection: Mapping[str, Any]) -> bytes:
    """A PNG of a result's `selection`: the inertia, and the criterion (or the silhouette) below it."""
    chosen, criterion = selection["chosen"], selection["criterion"]
    sheet = style.figure(height=5.4)
    upper, lower = sheet.subplots(2, 1, sharex=True)
    _line(upper, selection, "inertia")
    _line(lower, selection, "silhouette" if criterion == "elbow" else criterion)
    upper.set_title(_title(criterion, chosen), loc="left", color=style.INK, fontsize=style.TITLE)
    upper.annotate(
        f"{chosen} chosen", (chosen, 1), xycoords=("data", "axes fraction"), xytext=(5, 0), textcoords="offset points",
        va="top", color=style.INK, fontsize=style.TEXT, backgroundcolor="white",
    )  # fmt: skip
    lower.set_xlabel("number of clusters", color=style.INK, fontsize=style.TEXT)
    lower.xaxis.get_major_locator().set_params(integer=True)
    return style.png(sheet)


def _line(axes: Any, selection: Mapping[str, Any], name: str) -> None:
    """One measure over the numbers tried; those where it is null are passed over."""
    curve: Sequence[Mapping[str, Any]] = selection["curve"]
    known = [(entry["n_clusters"], entry[name]) for entry in curve if entry[name] is not None]
    style.plain(axes)
    axes.plot(*zip(*known, strict=True), color=style.INK, linewidth=1.2, marker="o", markersize=4)
    axes.axvline(selection["chosen"], color=style.INK, linewidth=1)
    power = _power(max((abs(value) for _, value in known), default=0.0))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value / 10**power:.6g}")
    scale = "" if power == 0 else f", × 10{str(power).translate(_SUPERSCRIPTS)}"
    axes.set_ylabel(_LABELS[name] + scale, color=style.INK, fontsize=style.TEXT)
    axes.grid(axis="y", color=style.GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def _power(largest: float) -> int:
    """The power of ten in which numbers up to `largest` are written shortly: 0 below 10,000."""
    return 0 if largest < 10_000 else math.floor(math.log10(largest))


def _title(criterion: str, chosen: int) -> str:
    colors = "1 colour" if chosen == 1 else f"{chosen} colours"
    if criterion == "elbow":
        return f"The inertia bends most at {colors}"
    best = "lowest" if criterion in LOWEST_IS_BEST else "highest"
    return f"{_NAMES[criterion]} is {best} at {colors}"
