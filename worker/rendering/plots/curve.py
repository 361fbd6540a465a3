"""How good each number of clusters is: elbow and silhouette, with the choice marked."""

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
LOWEST_IS_BEST = {"davies_bouldin", "bic"}


def draw(selection: Mapping[str, Any]) -> bytes:
    """A PNG of a result's `selection`: the inertia, and the criterion (or the silhouette) below it."""
    curve: Sequence[Mapping[str, Any]] = selection["curve"]
    numbers = [entry["n_clusters"] for entry in curve]
    chosen, criterion = selection["chosen"], selection["criterion"]
    lower = "silhouette" if criterion == "elbow" else criterion
    sheet = style.figure(height=5.4)
    upper_axes, lower_axes = sheet.subplots(2, 1, sharex=True)
    upper_axes.set_title(_title(criterion, chosen), loc="left", color=style.INK, fontsize=11)
    for axes, name, label in (
        (upper_axes, "inertia", "inertia (squared distance)"),
        (lower_axes, lower, _NAMES[lower].lower() if lower != "bic" else "BIC"),
    ):
        style.plain(axes)
        known = [(number, entry[name]) for number, entry in zip(numbers, curve, strict=True) if entry[name] is not None]
        axes.plot(*zip(*known, strict=True), color=style.INK, linewidth=1.2, marker="o", markersize=4)
        axes.axvline(chosen, color=style.INK, linewidth=1)
        axes.set_ylabel(label, color=style.INK, fontsize=10)
        axes.grid(axis="y", color=style.GRID, linewidth=0.6)
        axes.set_axisbelow(True)
    upper_axes.annotate(
        f" {chosen} chosen", (chosen, 1), xycoords=("data", "axes fraction"), va="top", color=style.INK, fontsize=10
    )
    lower_axes.set_xlabel("number of clusters", color=style.INK, fontsize=10)
    lower_axes.xaxis.get_major_locator().set_params(integer=True)
    return style.png(sheet)


def _title(criterion: str, chosen: int) -> str:
    colors = "1 colour" if chosen == 1 else f"{chosen} colours"
    if criterion == "elbow":
        return f"The inertia bends most at {colors}"
    best = "lowest" if criterion in LOWEST_IS_BEST else "highest"
    return f"{_NAMES[criterion]} is {best} at {colors}"
