"""The palette as a picture: a bar to scale, with hex and share in it."""

from xml.sax.saxutils import escape

from api.palette.swatches import Swatch, Swatches

WIDTH, BAR_HEIGHT, ROW_HEIGHT = 1200, 120, 24
# Text that is wider than its part of the bar would run into its neighbours: it stands in a row of its own below.
TEXT_WIDTH = 90
MOST_ROWS = 24
_FONT = "font-family='system-ui, sans-serif' font-size='15'"


def to_svg(palette: Swatches) -> bytes:
    """Parts touch each other; noise is hatched grey at the end; what is too narrow for its text is listed below, and
    of more than are listed it is said how many and how much.
    """
    parts: list[str] = []
    rows: list[str] = []
    untold: list[Swatch] = []
    left = 0.0
    for color in palette.colors:
        width = WIDTH * color.proportion
        parts.append(_rectangle(left, width, color.hex, f"{color.name}, {color.hex}, {_share(color.proportion)}"))
        if width >= TEXT_WIDTH:
            parts.append(_caption(left, color))
        elif len(rows) < MOST_ROWS:
            rows.append(_row(len(rows), left + width / 2, color))
        else:
            untold.append(color)
        left += width
    if untold:
        rows.append(_text(len(rows), f"{len(untold)} more · {_share(sum(color.proportion for color in untold))}"))
    if palette.noise > 0:
        parts.append(_rectangle(left, WIDTH - left, "url(#noise)", f"noise, {_share(palette.noise)}"))
    height = BAR_HEIGHT + (ROW_HEIGHT * len(rows) + 12 if rows else 0)
    return "\n".join(
        [
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' "
            f"height='{height}' role='img' {_FONT}>",
            f"<title>{escape(palette.title)}</title>",
            "<defs><pattern id='noise' width='8' height='8' patternUnits='userSpaceOnUse' "
            "patternTransform='rotate(45)'><rect width='8' height='8' fill='#808080'/>"
            "<rect width='2' height='8' fill='#b0b0b0'/></pattern></defs>",
            # White under the rows, whose text is dark: the picture may be laid on anything.
            f"<rect y='{BAR_HEIGHT}' width='{WIDTH}' height='{height - BAR_HEIGHT}' fill='#ffffff'/>",
            *parts,
            *rows,
            "</svg>",
            "",
        ]
    ).encode()


def _rectangle(left: float, width: float, fill: str, title: str) -> str:
    return (
        f"<rect x='{left:.3f}' y='0' width='{max(width, 0):.3f}' height='{BAR_HEIGHT}' fill='{fill}' "
        f"shape-rendering='crispEdges'><title>{escape(title)}</title></rect>"
    )


def _caption(left: float, color: Swatch) -> str:
    return (
        f"<text x='{left + 10:.3f}' y='{BAR_HEIGHT - 34}' fill='{color.text}'>{color.hex}</text>"
        f"<text x='{left + 10:.3f}' y='{BAR_HEIGHT - 14}' fill='{color.text}'>{escape(_share(color.proportion))}</text>"
    )


def _row(number: int, middle: float, color: Swatch) -> str:
    """A line below the bar, with its swatch and a hairline to where it stands in the bar."""
    top = BAR_HEIGHT + 8 + ROW_HEIGHT * number
    anchor = min(max(middle, 0.0), WIDTH - 1.0)
    said = f"{color.hex} · {color.name} · {_share(color.proportion)}"
    return (
        f"<path d='M{anchor:.3f} {BAR_HEIGHT}V{BAR_HEIGHT + 5}' stroke='#808080'/>"
        # With an edge: white is seen on white.
        f"<rect x='0.5' y='{top + 0.5}' width='19' height='19' fill='{color.hex}' stroke='#808080'/>"
        f"{_text(number, said)}"
    )


def _text(number: int, said: str) -> str:
    return f"<text x='30' y='{BAR_HEIGHT + 23 + ROW_HEIGHT * number}' fill='#222222'>{escape(said)}</text>"


def _share(proportion: float) -> str:
    return "< 0.1 %" if 0 < proportion < 0.001 else f"{100 * proportion:.1f} %"
