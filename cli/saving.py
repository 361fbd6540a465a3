"""What is kept of results: files in a folder, each named after its image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from cli.client import Client, ServiceError
from cli.naming import names_of


class Saved(NamedTuple):
    """A file that was written."""

    description: str
    path: Path


class Folder:
    """The folder for some images' results. Neither an image that was given nor another one's file is overwritten."""

    def __init__(
        self,
        client: Client,
        folder: Path,
        images: Sequence[Path],
        palettes: Sequence[str] = (),
        mask: Path | None = None,
    ) -> None:
        self._client, self._folder, self._palettes = client, folder, palettes
        self._names = names_of(images)
        self._owner: dict[Path, int | None] = {path.resolve(): None for path in (*images, mask) if path is not None}

    def save(self, number: int, job: dict[str, Any]) -> list[Saved]:
        """Write what the succeeded job of an image has made: `photo.json` is its result, `photo-card.png` its card.

        All of its files, and the palette in each of the formats. Raises ServiceError, and OSError for a folder that
        cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        name = self._names[number]
        files = [(each["name"], each["description"], each["href"]) for each in job["result"]["artifacts"]]
        for ending in self._palettes:
            address = f"{job['links']['self']}/palette.{ending}"
            files.append((f"palette.{ending}", f"The palette as {ending}.", address))
        result = Saved("The result.", self._folder / f"{name}.json")
        saved = [result, *(Saved(text, self._folder / f"{name}-{file}") for file, text, _ in files)]
        for each in saved:
            self._claim(each.path, number)
        result.path.write_bytes(orjson.dumps(self._client.result(job["id"])))
        for each, (_, _, address) in zip(saved[1:], files, strict=True):
            self._client.download(address, each.path)
        return saved

    def _claim(self, path: Path, number: int) -> None:
        """Note whose file this is. Raises ServiceError if it is an image that was given, or has another one's name."""
        owner = self._owner.setdefault(path.resolve(), number)
        if owner == number:
            return
        what = "an image that was given" if owner is None else "another image's file"
        raise ServiceError(f"{path} is {what}, and not overwritten: choose a folder with --save.", code="unwritable")
