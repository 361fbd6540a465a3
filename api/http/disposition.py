"""Content-Disposition: under which name a browser saves a file (RFC 6266; RFC 8187 for what is beyond ASCII)."""

import re
from pathlib import PurePosixPath
from urllib.parse import quote

from api.intake.filenames import clean_filename

MAX_STEM_CHARACTERS = 100
# What some file system takes for a pattern or a device, and what quoting is made of.
_UNSAFE = re.compile(r'[<>:"|?*%]')
# What RFC 8187 leaves unquoted beside letters, digits and `-._~`.
_ATTRIBUTE_CHARACTERS = "!#$&+^`|"


def file_name(image: str | None, file: str) -> str:
    """What a result's file is called on its own: `photo-labels.png`, of the image `photo.jpg`.

    `image` is as its client named it, and is cleaned: no path, no control, nothing that a file system cannot take.
    """
    cleaned = _UNSAFE.sub("_", clean_filename(image or "") or "")
    stem = PurePosixPath(cleaned).stem.strip(" .")[:MAX_STEM_CHARACTERS]
    return f"{stem}-{file}" if stem else file


def content_disposition(name: str, *, download: bool) -> str:
    """The header's value: shown by the browser where it can, or saved in any case."""
    kind = "attachment" if download else "inline"
    if name.isascii():
        return f'{kind}; filename="{name}"'
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_ATTRIBUTE_CHARACTERS)}"
