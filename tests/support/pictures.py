"""Reading back the pictures that the worker writes, by others' readers."""

import io
import itertools
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tests.conftest import require


def decoded(data: bytes, mode: str | None = None) -> np.ndarray:
    """The pixels of a file as Pillow reads them, converted to `mode` where one is given."""
    image = Image.open(io.BytesIO(data))
    return np.asarray(image if mode is None else image.convert(mode))


def check_pngs(files: Sequence[bytes], folder: Path) -> None:
    """Let Debian's pngcheck read every chunk, checksum and filter."""
    require("pngcheck")
    names = []
    for number, data in enumerate(files):
        names.append(folder / f"{number}.png")
        names[-1].write_bytes(data)
    found = subprocess.run(["pngcheck", "-q", *names], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def runs(row: np.ndarray) -> list[tuple[str, int, int]]:
    """The runs of one colour in a row of pixels u8[w, 3]: (hex, first pixel, the one after the last)."""
    cuts = np.flatnonzero((np.diff(row.astype(int), axis=0) != 0).any(axis=1)) + 1
    edges = [0, *cuts.tolist(), len(row)]
    return [("#" + row[a].tobytes().hex(), a, b) for a, b in itertools.pairwise(edges)]


def colors_in(pixels: np.ndarray) -> set[str]:
    """The colours of u8[h, w, 3 or 4], without alpha, as hex."""
    flat = np.ascontiguousarray(pixels[..., :3]).reshape(-1, 3)
    return {"#" + color.tobytes().hex() for color in np.unique(flat, axis=0)}
