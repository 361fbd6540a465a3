"""What images' files are called: after the image, and no two alike."""

from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path


def readable(name: object) -> str:
    """A path, or text with one, as it can be sent and shown: bytes that are not UTF-8 become U+FFFD."""
    return str(name).encode(errors="surrogateescape").decode(errors="replace")


def names_of(images: Sequence[Path]) -> list[str]:
    """A name for each image: `photo`; where others would have the same `photo.jpg`, and then `holiday-photo`.

    No two are alike, also where a file system takes upper and lower case for the same. An image that is given again has
    a number in its name.
    """
    paths = [image.absolute() for image in images]
    unlike = list(dict.fromkeys(paths))
    names = dict(zip(unlike, _shortest([_ways(path) for path in unlike]), strict=True))
    return _numbered([names[path] for path in paths])


def _ways(path: Path) -> list[str]:
    """What the image can be called, shortest first: its name without the ending, with it, with its folders."""
    folders = path.parts[1:-1]
    before = ["".join(f"{folder}-" for folder in folders[at:]) for at in range(len(folders), -1, -1)]
    return [f"{some}{name}" for some in before for name in (path.stem, path.name)]


def _shortest(ways: Sequence[Sequence[str]]) -> list[str]:
    """For each the first of its ways that no other has; the last where there is none."""
    level = [0] * len(ways)
    while True:
        names = [way[at] for way, at in zip(ways, level, strict=True)]
        times = Counter(map(str.casefold, names))
        alike = [n for n, name in enumerate(names) if times[name.casefold()] > 1 and level[n] + 1 < len(ways[n])]
        if not alike:
            return names
        for number in alike:
            level[number] += 1


def _numbered(names: Sequence[str]) -> list[str]:
    """The names, those that were there before with a number."""
    found: list[str] = []
    for name in names:
        taken = {other.casefold() for other in found}
        free = (way for number in count(2) if (way := f"{name}-{number}").casefold() not in taken)
        found.append(next(free) if name.casefold() in taken else name)
    return found
