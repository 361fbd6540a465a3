"""A file's name as a stranger gives it: kept as data, and never a path."""

import re
import unicodedata

MAX_CHARACTERS = 255
_SEPARATORS = re.compile(r"[/\\]")


def clean_filename(text: str) -> str | None:
    """The name's last part, without characters that are not seen; None where nothing is left of it.

    Left out are controls, and what turns the direction of writing around: `gpj.exe` must not look like `exe.jpg`.
    """
    last = _SEPARATORS.split(text)[-1]
    visible = "".join(character for character in last if unicodedata.category(character)[0] != "C").strip()
    return visible[:MAX_CHARACTERS] if visible.strip(".") else None
