"""The web page: HTML, modules and stylesheets, sent as they stand here. There is no build step.

The flow stands in the names of the modules:

    main        who is told what; `element`, `words`, `theme`: how things are made and look
    choose      files dropped, pasted, picked, or one of `samples`; `limits`: what is told before anything is sent
    strip       the `picture`s that were chosen; `preview`: one of them; `region`: a part of it, by hand
    settings    what is asked for: `presets`, a `form` of `editors` made from the service's own schemas, which `pixels`;
                `parameters`: what that comes to
    run         picture and parameters to the end of their job: `post`, `follow` its events
    stage       where it is looked at: before, `progress`, after
    show        a finished job, in `result/`; `compare`: two of them
    keep        pictures that were posted, for a reload
    address     which job is looked at
    api         asking the service; `access`: its key; `trouble`: what went wrong, in its words

All of it has one address, with a hash of everything in it: it is kept for ever, and another after each change.
"""

import hashlib
import mimetypes
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

PAGE = "index.html"
_SUFFIXES = (".js", ".css", ".svg")
_HASH = "{hash}"
_PRELOADS = "{preloads}"
# Loaded when it is wanted; and before all others, as what is no module.
_NO_PRELOADS = ("result/", "theme.js", "shrink.worker.js")


class PageFiles(NamedTuple):
    """What the page consists of."""

    html: bytes
    hash: str
    """Of all that it loads."""
    loaded: dict[str, tuple[bytes, str]]
    """Content and media type by path, such as `result/show.js`."""


def page_files() -> PageFiles:
    """The page's files as they are now."""
    room = files(__name__)
    loaded = {path: (file.read_bytes(), _media_type(path)) for path, file in sorted(_walk(room, ""))}
    digest = hashlib.sha256()
    for path, (content, _) in loaded.items():
        digest.update(path.encode() + b"\0" + hashlib.sha256(content).digest())
    name = digest.hexdigest()[:16]
    # Else the browser would learn of each module from the one before it.
    modules = [path for path in loaded if path.endswith(".js") and not path.startswith(_NO_PRELOADS)]
    preloads = "\n".join(f'<link rel="modulepreload" href="page/{_HASH}/{path}">' for path in modules)
    html = room.joinpath(PAGE).read_text(encoding="utf-8")
    return PageFiles(html.replace(_PRELOADS, preloads).replace(_HASH, name).encode(), name, loaded)


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIXES):
            found.append((prefix + entry.name, entry))
    return found


def _media_type(path: str) -> str:
    return "text/javascript" if path.endswith(".js") else mimetypes.types_map[path[path.rindex(".") :]]
