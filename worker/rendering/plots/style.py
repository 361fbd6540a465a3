"""One look for all plots: neutral greys, 10 point, the clusters' own colours as the only ones.

matplotlib is imported when the first plot is drawn, and not by jobs that draw none.
"""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, NOISE, GRID = "#333333", "#777777", "#b4b4b4", "#e4e4e4"
WIDTH, HEIGHT, DPI = 8.0, 4.5, 150  # inches, and pixels an inch: 1200 x 675
TITLE, TEXT, TICKS = 11, 10, 9  # points


def figure(width: float = WIDTH, height: float = HEIGHT, layout: Any = "constrained") -> "Figure":
    """An empty sheet. Drawn by Agg: no window, no state that threads share."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    mpl.rcdefaults()  # whatever a user's matplotlibrc says
    sheet = Figure(figsize=(width, height), dpi=DPI, layout=layout, facecolor="white")
    FigureCanvasAgg(sheet)
    return sheet


def axes(sheet: "Figure", title: str, x: str, y: str) -> "Axes":
    """Axes with a title that says what is seen, and labels with units."""
    made = sheet.add_subplot()
    made.set_title(title, loc="left", color=INK, fontsize=TITLE)
    made.set_xlabel(x, color=INK, fontsize=TEXT)
    made.set_ylabel(y, color=INK, fontsize=TEXT)
    plain(made)
    return made


def plain(made: "Axes") -> None:
    """Greys, no frame at the top and the right."""
    made.tick_params(colors=QUIET, labelsize=TICKS)
    for side in ("top", "right"):
        made.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        made.spines[side].set_color(QUIET)


def thousands(axis: Any) -> None:
    """Numbers of the axis as people write them: 50,000."""
    axis.set_major_formatter(lambda value, _: f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}")


def counts(axis: Any) -> None:
    """The same for what is counted: whole numbers only."""
    thousands(axis)
    axis.get_major_locator().set_params(integer=True)


def fill(made: "Axes", shapes: Sequence[NDArray[np.float64]], colors: Sequence[str]) -> None:
    """Areas f64[n, 2] side by side, without the seams that smoothed edges would leave between them."""
    from matplotlib.collections import PolyCollection

    made.add_collection(PolyCollection(shapes, facecolors=colors, linewidths=0, antialiaseds=False), autolim=False)


def png(sheet: "Figure") -> bytes:
    """The sheet as a file; equal sheets give equal bytes."""
    file = io.BytesIO()
    sheet.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()
