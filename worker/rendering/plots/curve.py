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
    title = _title(criterion, chosen) if len(selection["curve"]) > 1 else _only(chosen)
    upper.set_title(title, loc="left", color=style.INK, fontsize=style.TITLE)
    _mark(upper, selection)
    lower.set_xlabel("number of clusters", color=style.INK, fontsize=style.TEXT)
    if len(selection["curve"]) == 1:
        lower.set_xlim(chosen - 1, chosen + 1)
    lower.xaxis.get_major_locator().set_params(integer=True)
    return style.png(sheet)


def _mark(axes: Any, selection: Mapping[str, Any]) -> None:
    """The choice beside its line, where the curve, which falls, is not: low at its beginning, high later on."""
    numbers = [entry["n_clusters"] for entry in selection["curve"]]
    early = selection["chosen"] <= numbers[len(numbers) // 4]
    leftwards = selection["chosen"] in numbers[-2:] and not early
    axes.annotate(
        f"{selection['chosen']} chosen", (selection["chosen"], 0 if early else 1), xycoords=("data", "axes fraction"),
        xytext=(-5 if leftwards else 5, 4 if early else -1), textcoords="offset points",
        va="bottom" if early else "top", ha="right" if leftwards else "left", color=style.INK, fontsize=style.TEXT,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )  # fmt: skip


def _line(axes: Any, selection: Mapping[str, Any], name: str) -> None:
    """One measure over the numbers tried; those where it is null are passed over."""
    curve: Sequence[Mapping[str, Any]] = selection["curve"]
    known = [(entry["n_clusters"], entry[name]) for entry in curve if entry[name] is not None]
    style.plain(axes)
    if not known:
        axes.set_yticks([])
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


def _only(chosen: int) -> str:
    return f"Only {_colors(chosen)} could be tried"


def _colors(count: int) -> str:
    return "1 colour" if count == 1 else f"{count} colours"


def _title(criterion: str, chosen: int) -> str:
    colors = _colors(chosen)
    if criterion == "elbow":
        return f"The inertia bends most at {colors}"
    best = "lowest" if criterion in LOWEST_IS_BEST else "highest"
    return f"{_NAMES[criterion]} is {best} at {colors}"
