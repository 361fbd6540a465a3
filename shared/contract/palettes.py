"""The formats of a palette file: `GET /v1/jobs/{id}/palette.{ending}`."""

PALETTE_FORMATS = {
    "json": "Names, hex codes and shares as JSON",
    "csv": "A table, for spreadsheets",
    "css": "CSS custom properties",
    "scss": "SCSS variables and a map",
    "tailwind.css": "Tailwind 4's @theme",
    "tokens.json": "W3C design tokens",
    "gpl": "GIMP, Inkscape, Krita",
    "ase": "Adobe Swatch Exchange",
    "aco": "Photoshop colour swatches",
    "svg": "The bar to scale, with hex and share",
}
"""What each ending is for."""
