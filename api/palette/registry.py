"""The palette formats by their file ending: a new one is a new file here, a line below, and its name in `shared`."""

from collections.abc import Callable
from typing import NamedTuple

from api.palette import adobe, gimp, stylesheets, svg, text, tokens
from api.palette.swatches import Swatches
from shared.contract.palettes import PALETTE_FORMATS


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

_WRITERS = {
    "json": (text.to_json, "application/json"),
    "csv": (text.to_csv, "text/csv; charset=utf-8"),
    "css": (stylesheets.to_css, "text/css; charset=utf-8"),
    "scss": (stylesheets.to_scss, "text/x-scss; charset=utf-8"),
    "tailwind.css": (stylesheets.to_tailwind, "text/css; charset=utf-8"),
    "tokens.json": (tokens.to_tokens, "application/design-tokens+json"),
    "gpl": (gimp.to_gpl, "text/plain; charset=utf-8"),
    "ase": (adobe.to_ase, _BYTES),
    "aco": (adobe.to_aco, _BYTES),
    "svg": (svg.to_svg, "image/svg+xml"),
}

FORMATS = {ending: Format(write, kind, PALETTE_FORMATS[ending]) for ending, (write, kind) in _WRITERS.items()}
