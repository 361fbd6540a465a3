"""Palettes as design tokens (Design Tokens Format Module and Color Module 2025.10 of the W3C community group)."""

import orjson

from api.palette.swatches import Swatches


def to_tokens(palette: Swatches) -> bytes:
    """A group `palette` of colour tokens; components are sRGB from 0 to 1."""
    group = {
        color.slug: {
            "$value": {
                "colorSpace": "srgb",
                "components": [round(channel / 255, 6) for channel in color.rgb],
                "alpha": 1,
                "hex": color.hex,
            },
            "$description": f"{color.name}, {100 * color.proportion:.1f} %",
        }
        for color in palette.colors
    }
    document = {"palette": {"$type": "color", "$description": palette.title, **group}}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"
