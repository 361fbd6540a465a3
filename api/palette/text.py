"""Palettes for programs that read text: JSON and CSV."""

import csv
import io

import orjson

from api.palette.swatches import Swatches


def to_json(palette: Swatches) -> bytes:
    """`{"title", "noise", "colors": [{"name", "slug", "hex", "rgb", "proportion", "pixels"}]}`."""
    colors = [color._asdict() for color in palette.colors]
    return (
        orjson.dumps({"title": palette.title, "noise": palette.noise, "colors": colors}, option=orjson.OPT_INDENT_2)
        + b"\n"
    )


def to_csv(palette: Swatches) -> bytes:
    """RFC 4180, a line for each colour under a line of names."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["name", "hex", "red", "green", "blue", "proportion", "pixels"])
    for color in palette.colors:
        writer.writerow([color.name, color.hex, *color.rgb, color.proportion, color.pixels])
    return text.getvalue().encode()
