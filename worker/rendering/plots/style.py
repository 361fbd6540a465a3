"""One look for all plots: neutral greys, 10 point, the clusters' own colours as the only ones.

matplotlib is imported when the first plot is drawn, and not by jobs that draw none.
"""

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, NOISE, GRID = "#333333", "#777777", "#b4b4b4", "#e4e4e4"
WIDTH, HEIGHT, DPI = 8.0, 4.5, 150  # inches, and pixels an inch: 1200 x 675
_FONT = {"family": "DejaVu Sans", "size": 10}


def figure(width: float = WIDTH, height: float = HEIGHT) -> "Figure":
    """An empty sheet. Drawn by Agg: no window, no state that threads share."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(sheet)
    return sheet


def axes(sheet: "Figure", title: str, x: str, y: str) -> "Axes":
    """Axes with a title that says what is seen, and labels with units."""
    made = sheet.add_subplot()
    made.set_title(title, loc="left", color=INK, **_text(11))
    made.set_xlabel(x, color=INK, **_text())
    made.set_ylabel(y, color=INK, **_text())
    plain(made)
    return made


def plain(made: "Axes") -> None:
    """Greys, no frame at the top and the right."""
    made.tick_params(colors=QUIET, labelsize=9, labelfontfamily="DejaVu Sans")
    for side in ("top", "right"):
        made.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        made.spines[side].set_color(QUIET)


def _text(size: int = 10) -> dict[str, Any]:
    return {"fontfamily": _FONT["family"], "fontsize": size}


def outline(hex_color: str) -> str:
    """A dark edge for colours that would vanish on white, a light one for the others."""
    red, green, blue = bytes.fromhex(hex_color[1:])
    return INK if red + green + blue > 600 else "#ffffff"


def png(sheet: "Figure") -> bytes:
    """The sheet as a file; equal sheets give equal bytes."""
    file = io.BytesIO()
    sheet.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()
