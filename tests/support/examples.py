"""The worked examples of docs/examples: their commands, what those printed, and the pictures that they made."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageSequence

from tests.support.serving import HUEMILL

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PREPARATION = EXAMPLES / "README.md"
WORKPLACE = "pictures"
"""The folder that the preparation makes, and in which the examples run."""
COLUMNS = 100
WIDEST = 720  # pixels, of a picture that is kept
BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")
# What is another on every run, and what stands for it.
PASSING = [(re.compile(r"in [\d,]+ ms"), "in … ms"), (re.compile(r"\b[0-9a-f]{32}\b"), "…")]
SECONDS = 100


class Step(NamedTuple):
    """A command of a document, and what it prints there."""

    command: str
    output: str


class Kept(NamedTuple):
    """A picture that a document shows, and where its commands write it."""

    file: Path
    made: Path


def documents() -> list[Path]:
    """The examples, in the order of their names."""
    return sorted(path for path in EXAMPLES.glob("*.md") if path != PREPARATION)


def steps(block: str) -> Iterator[Step]:
    """The commands of a console block: each begins with `$ `, and goes on after a backslash."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command = re.match(r"(?:.*\\\n)*.*\n", part)
        assert command is not None
        yield Step(command[0].rstrip("\n"), trimmed(part[command.end() :]))


def steps_of(document: Path) -> list[Step]:
    return [step for block in BLOCK.findall(document.read_text()) for step in steps(block)]


def trimmed(output: str) -> str:
    """What was printed, without empty lines around it and spaces at the ends of lines."""
    return "\n".join(line.rstrip() for line in output.strip("\n").split("\n"))


def lasting(output: str) -> str:
    """What was printed, less what is another on every run."""
    for pattern, shown in PASSING:
        output = pattern.sub(shown, output)
    return output


def kept_of(document: Path, shell: "Shell") -> list[Kept]:
    """`palette/kmeans/china-card.jpg` of `palette.md` is what its commands wrote into `kmeans/china-card.png`."""
    links = [Path(link) for link in PICTURE.findall(document.read_text())]
    place = shell.workplace(document)
    return [Kept(document.parent / link, _made(place / Path(*link.parts[1:]))) for link in links]


def _made(path: Path) -> Path:
    return path if path.exists() else path.with_suffix(".png")


class Shell:
    """Where commands run as they are printed: `huemill` is there, and the service is at `url`."""

    def __init__(self, folder: Path, url: str) -> None:
        """`folder` takes the place of the project's own: its environment is there too."""
        self.folder = folder
        (folder / ".venv").symlink_to(sys.prefix)
        (folder / "bin").mkdir()
        command = folder / "bin" / "huemill"
        command.write_text(f'#!/bin/sh\nexec {shlex.join(HUEMILL)} "$@"\n')
        command.chmod(0o755)
        path = os.pathsep.join([str(command.parent), str(Path(sys.executable).parent), os.environ["PATH"]])
        root = str(Path(__file__).parents[2])
        self._environment = {
            **os.environ, "PATH": path, "PYTHONPATH": root, "HUEMILL_URL": url, "COLUMNS": str(COLUMNS),
        }  # fmt: skip

    def prepare(self) -> None:
        """What the preparation says, in one go: it changes the folder."""
        self._run("\n".join(step.command for step in steps_of(PREPARATION)), self.folder)

    def workplace(self, document: Path) -> Path:
        """The folder where the document's commands run: a copy of what the preparation made, for it alone."""
        place = self.folder / document.stem / WORKPLACE
        if not place.exists():
            shutil.copytree(self.folder / WORKPLACE, place)
        return place

    def run(self, command: str, document: Path) -> str:
        """What a command of the document prints to standard output."""
        return trimmed(self._run(command, self.workplace(document)))

    def _run(self, command: str, folder: Path) -> str:
        done = subprocess.run(
            ["bash", "-e", "-c", command], cwd=folder, env=self._environment, timeout=SECONDS, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def frames(path: Path) -> list[Image.Image]:
    """The picture, or the frames of an animation, no wider than WIDEST, on white where it is transparent."""
    with Image.open(path) as image:
        return [_small(_on_white(frame)) for frame in ImageSequence.Iterator(image)]


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image.convert("RGBA"))
    return paper.convert("RGB")


def _small(image: Image.Image) -> Image.Image:
    if image.width <= WIDEST:
        return image
    return image.resize((WIDEST, max(round(image.height * WIDEST / image.width), 1)), reducing_gap=3)


def difference(one: Sequence[Image.Image], other: Sequence[Image.Image]) -> float:
    """Mean difference of channels 0..255 of the two that differ most; infinite where number or size is another."""
    if [image.size for image in one] != [image.size for image in other]:
        return np.inf
    return max(
        float(np.abs(np.asarray(a, np.float32) - np.asarray(b, np.float32)).mean())
        for a, b in zip(one, other, strict=True)
    )
