"""Palettes for GIMP, Inkscape and Krita: the `gpl` format."""

from api.palette.swatches import Swatches


def to_gpl(palette: Swatches) -> bytes:
    """As GIMP reads it: a magic line, a name, columns, then `red green blue name` in UTF-8."""
    columns = min(len(palette.colors), 8)
    head = ["GIMP Palette", f"Name: {palette.title}", f"Columns: {columns}", "#"]
    colors = [" ".join(f"{channel:3d}" for channel in color.rgb) + f"\t{color.name}" for color in palette.colors]
    return ("\n".join([*head, *colors]) + "\n").encode()
