"""How often each criterion finds the number of colours: `python -m bench.criteria [FOLDER OF IMAGES]`.

Two tables: how often each finds the number in pictures that were made with it (`bench.known_colors`), and what it says
of the benchmark photographs, where nobody knows.
"""

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images

from bench.common import IMAGES
from bench.known_colors import KINDS
from shared.contract.params import ColorSpace, KMeansParams
from worker.clustering.choose_k import choose
from worker.color.counting import count_colors
from worker.progress import Meter
from worker.quality.criteria import Candidate, Criterion, best

NUMBERS = range(2, 16)
MADE = range(2, 13)
# Not those on which the criteria were compared when the default was chosen: 0, 1 and 2.
SEEDS = range(10, 14)
SPACES: tuple[ColorSpace, ...] = ("rgb", "lab", "oklab")
CRITERIA: tuple[Criterion | None, ...] = (None, *get_args(Criterion))


def curve_of(pixels: NDArray[np.uint8], space: ColorSpace) -> tuple[Candidate, ...]:
    points = count_colors(pixels).points(space)
    return choose(points, KMeansParams(color_space=space), NUMBERS, None, Meter())[1].curve


def numbers(curve: tuple[Candidate, ...]) -> list[int]:
    """What each criterion says."""
    return [curve[best(curve, criterion).place].n_clusters for criterion in CRITERIA]


def made(space: ColorSpace) -> Iterable[tuple[str, list[str]]]:
    """For each kind of pictures, and all, how often each criterion is right, and how often not more than 1 off."""
    total: Counter[tuple[int, int]] = Counter()
    pictures = len(MADE) * len(SEEDS)
    for kind, draw in KINDS.items():
        found: Counter[tuple[int, int]] = Counter()
        for count in MADE:
            for seed in SEEDS:
                for place, number in enumerate(numbers(curve_of(draw(count, 1000 * seed + count), space))):
                    found[place, 0] += number == count
                    found[place, 1] += abs(number - count) <= 1
        total += found
        yield kind, [f"{found[place, 0]} ({found[place, 1]})" for place in range(len(CRITERIA))]
    shares = [[100 * total[place, off] / (pictures * len(KINDS)) for off in (0, 1)] for place in range(len(CRITERIA))]
    yield "in all", [f"{exact:.0f} % ({near:.0f} %)" for exact, near in shares]


def photographs(folder: Path, space: ColorSpace) -> Iterable[tuple[str, list[str]]]:
    paths = [*sorted(folder.glob("*.png")), *sorted(folder.glob("*.jpg")), *map(Path, load_sample_images().filenames)]
    for path in paths:
        curve = curve_of(np.asarray(Image.open(path).convert("RGB")), space)
        yield path.stem, [str(number) for number in numbers(curve)]


def show(title: str, rows: Iterable[tuple[str, list[str]]]) -> None:
    print(f"\n{title}\n\n| | {' | '.join(name or 'the default' for name in CRITERIA)} |")
    print("|---" * (len(CRITERIA) + 1) + "|")
    for name, cells in rows:
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    for space in SPACES:
        show(f"{space}: right (at most 1 off), of {len(MADE) * len(SEEDS)} pictures of each kind", made(space))
        show(f"{space}: photographs", photographs(folder, space))


if __name__ == "__main__":
    main()
