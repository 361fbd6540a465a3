"""Palettes for style sheets: CSS custom properties, SCSS variables, Tailwind's theme."""

from collections.abc import Iterator

from api.palette.swatches import Swatches


def to_css(palette: Swatches) -> bytes:
    """Custom properties of the root (CSS Custom Properties for Cascading Variables, level 1)."""
    return _block(palette, ":root {", (f"  --{color.slug}: {color.hex};" for color in palette.colors))


def to_scss(palette: Swatches) -> bytes:
    """A variable for each colour, and a map of all of them."""
    variables = [f"$color-{color.slug}: {color.hex};" for color in palette.colors]
    entries = [f'  "{color.slug}": $color-{color.slug},' for color in palette.colors]
    return _lines([f"// {palette.title}", *variables, "", "$palette: (", *entries, ");"])


def to_tailwind(palette: Swatches) -> bytes:
    """Tailwind 4's theme variables: `bg-steel-blue`, `text-steel-blue` and the like come of them."""
    return _block(palette, "@theme {", (f"  --color-{color.slug}: {color.hex};" for color in palette.colors))


def _block(palette: Swatches, opening: str, lines: Iterator[str]) -> bytes:
    return _lines([f"/* {palette.title.replace('*/', '* /')} */", opening, *lines, "}"])


def _lines(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
