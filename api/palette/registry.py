"""The palette formats by their file ending: a new one is a new file here and a line below."""

from collections.abc import Callable
from typing import NamedTuple

from api.palette import adobe, gimp, stylesheets, svg, text, tokens
from api.palette.swatches import Swatches


class Format(NamedTuple):
    """How a palette is written."""

    write: Callable[[Swatches], bytes]
    media_type: str
    description: str

    @property
    def is_text(self) -> bool:
        return self.media_type != _BYTES

    @property
    def schema(self) -> dict[str, str]:
        """What the OpenAPI document says of it."""
        return {"type": "string", **({} if self.is_text else {"format": "binary"}), "description": self.description}


_BYTES = "application/octet-stream"


FORMATS: dict[str, Format] = {
    "json": Format(text.to_json, "application/json", "Names, hex codes and shares as JSON"),
    "csv": Format(text.to_csv, "text/csv; charset=utf-8", "A table, for spreadsheets"),
    "css": Format(stylesheets.to_css, "text/css; charset=utf-8", "CSS custom properties"),
    "scss": Format(stylesheets.to_scss, "text/x-scss; charset=utf-8", "SCSS variables and a map"),
    "tailwind.css": Format(stylesheets.to_tailwind, "text/css; charset=utf-8", "Tailwind 4's @theme"),
    "tokens.json": Format(tokens.to_tokens, "application/design-tokens+json", "W3C design tokens"),
    "gpl": Format(gimp.to_gpl, "text/plain; charset=utf-8", "GIMP, Inkscape, Krita"),
    "ase": Format(adobe.to_ase, _BYTES, "Adobe Swatch Exchange"),
    "aco": Format(adobe.to_aco, _BYTES, "Photoshop colour swatches"),
    "svg": Format(svg.to_svg, "image/svg+xml", "The bar to scale, with hex and share"),
}
