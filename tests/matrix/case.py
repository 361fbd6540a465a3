"""One file of a matrix, what is known of it, and whether it is read so."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shared.contract.errors import HuemillError
from shared.formats import Limits, read_header
from worker.decoding.decode import decode

BROWSERS_ERROR = 1  # of their own rounding


@dataclass(frozen=True)
class Case:
    """A file, and what a person sees in it; or the class of the error that refuses it."""

    name: str
    data: bytes
    seen: np.ndarray | type[HuemillError]  # u8[h, w, 3 or 4], upright
    error: float = 0  # greatest difference of a sample, where it is not clear
    found: dict[str, Any] = field(default_factory=dict)
    steps: frozenset[str] | None = None  # None: whatever is told
    shown: bool = True  # whether browsers are known to show the same


def faults(case: Case) -> Iterator[str]:
    """What is wrong with how the case is read; nothing, if all is right."""
    try:
        header = read_header(io.BytesIO(case.data), Limits())
        raster = decode(case.data, Limits())
    except HuemillError as error:
        if not isinstance(case.seen, type) or type(error) is not case.seen:
            yield f"refused: {error.code}: {error}"
        elif "object at" in str(error) or "codec" in str(error):
            yield f"a library's words: {error}"
        return
    if isinstance(case.seen, type):
        yield f"read, and should be {case.seen.code}"
        return
    height, width = case.seen.shape[:2]
    if header.upright != (width, height):
        yield f"the header says {header.upright}, right are {(width, height)}"
    if (header.bits, header.orientation, header.frames) != (
        raster.found.bits,
        raster.found.orientation,
        raster.found.frames,
    ):
        yield f"header and pixels disagree: {header} and {raster.found}"
    yield from _differences(case, raster.pixels, header.transparent)
    told = {name: getattr(raster.found, name) for name in case.found}
    if told != case.found:
        yield f"found {told}, right is {case.found}"
    steps = {step.step for step in raster.found.steps}
    if case.steps is not None and steps != case.steps:
        yield f"did {sorted(steps)}, right is {sorted(case.steps)}"


def judged(case: Case) -> tuple[str, list[str]]:
    """Its name and its faults, as another process can tell them."""
    return case.name, list(faults(case))


def _differences(case: Case, pixels: np.ndarray, transparent: bool) -> Iterator[str]:
    assert isinstance(case.seen, np.ndarray)
    if pixels.shape[:2] != case.seen.shape[:2]:
        yield f"{pixels.shape[:2]} pixels, right are {case.seen.shape[:2]}"
        return
    mine, right = with_alpha(pixels), with_alpha(case.seen)
    if (mine[..., 3] < 255).any() and not transparent:
        yield "clear pixels, of which the header says nothing"
    if off := difference(mine, right, case.error):
        yield off


def with_alpha(pixels: np.ndarray) -> np.ndarray:
    """RGB or RGBA as RGBA."""
    if pixels.shape[2] == 4:
        return pixels
    return np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])


def difference(mine: np.ndarray, right: np.ndarray, error: float) -> str:
    """Where two RGBA pictures differ by more than `error`, in words; colours that are clear are nobody's."""
    off = np.abs(mine.astype(int) - right)
    off[..., :3][right[..., 3] == 0] = 0
    if off.max() <= error:
        return ""
    worst = np.unravel_index(off.max(axis=2).argmax(), off.shape[:2])
    return f"at {tuple(map(int, worst))} {mine[worst].tolist()}, right is {right[worst].tolist()}"


def witnessed(case: Case, shown: np.ndarray | None) -> Iterator[str]:
    """What Chromium shows otherwise than the case says. Its canvas rounds colours that are partly clear: left out."""
    assert isinstance(case.seen, np.ndarray)
    if shown is None:
        yield "Chromium shows nothing"
        return
    if shown.shape[:2] != case.seen.shape[:2]:
        yield f"Chromium shows {shown.shape[:2]} pixels, not {case.seen.shape[:2]}"
        return
    right = with_alpha(case.seen).copy()
    partly = right[..., 3] < 255
    right[partly, :3] = shown[partly, :3]
    if off := difference(shown, right, case.error + BROWSERS_ERROR):
        yield f"Chromium shows {off}"
