"""Digests of results: whether a change has changed a byte. `python -m bench.digests [--check] [FOLDER OF IMAGES]`.

Prints digests of each file and of each member of the result, for every method on every image and for every kind of
parameters on one of them: `python -m bench.digests > bench/DIGESTS.json` keeps them. `--check` compares with those,
says which differ, and ends with 1 if any does. Members and files that were not there then are not judged.

Bytes are the same on machines of one kind only: numba compiles for the processor, and numpy chooses by it.
"""

import hashlib
import io
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from bench.common import IMAGES
from shared.contract.params import MODELS, parse_params
from shared.contract.results import ClusterResult
from shared.formats import Limits
from worker import pipeline
from worker.result import SOFTWARE

STORED = Path(__file__).parent / "DIGESTS.json"
# Of the run and of the machine, not of the image and the parameters.
LEFT_OUT = {"timings_ms", "software"}
VARIED = "macaws.png"
Digests = dict[str, str]

# What a method must be given, where it has a parameter without a default.
NEEDED: dict[str, dict[str, Any]] = {"assign": {"palette": ["#1b2a1f", "#c8102e", "#ffd100", "#1f5fa8", "#f2efe6"]}}
COMMON: dict[str, dict[str, Any]] = {
    "lab": {"color_space": "lab"},
    "oklab": {"color_space": "oklab"},
    "standardized": {"standardize": True},
    "lab standardized": {"color_space": "lab", "standardize": True},
    "box": {"region": {"box": [0.25, 0.1, 0.7, 0.9], "unit": "fraction"}},
    "polygon": {"region": {"polygon": [[30, 20], [700, 100], [300, 500]]}},
    "scaled": {"max_pixels": 40_000},
    "exclude": {"exclude": [{"color": "#2f4f2f", "tolerance": 20}]},
    "exclude scaled": {"exclude": [{"color": "#2f4f2f", "tolerance": 20}], "max_pixels": 40_000},
    "seed": {"seed": 7},
}
TRANSPARENT: dict[str, dict[str, Any]] = {
    "alpha ignored": {},
    "alpha as weight": {"alpha": "weight"},
    "alpha as weight, lab": {"alpha": "weight", "color_space": "lab"},
    "alpha opaque": {"alpha": "opaque"},
    "alpha blended": {"alpha": "blend:#ffcc00"},
    "alpha scaled": {"alpha": "weight", "max_pixels": 20_000},
}
OWN: dict[str, dict[str, dict[str, Any]]] = {
    "kmeans": {
        "1": {"n_clusters": 1},
        "256": {"n_clusters": 256},
        "init": {"init": [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 0]]},
        "one start": {"n_init": 1, "n_clusters": 12},
    },
    "hdbscan": {
        "eom": {"cluster_selection_method": "eom"},
        "leaf": {"cluster_selection_method": "leaf"},
        "plscan": {"cluster_selection_method": "plscan"},
        "fine": {"min_cluster_size": 200, "min_samples": 20},
        "epsilon": {
            "cluster_selection_epsilon": 3.0,
            "min_cluster_size": 50,
            "min_samples": 5,
            "cluster_selection_method": "leaf",
        },
        "single": {"allow_single_cluster": True, "resolution": 2.5},
    },
    "optics": {
        "xi": {"cluster_method": "xi"},
        "xi uncorrected": {"cluster_method": "xi", "predecessor_correction": False, "xi": 0.02},
        "dbscan": {"cluster_method": "dbscan", "eps": 5.0},
        "max_eps": {"max_eps": 8.0, "min_samples": 40},
    },
    "agglomerative": {
        "single": {"linkage": "single", "n_clusters": 40},
        "threshold": {"n_clusters": None, "distance_threshold": 5000.0},
        "complete": {"linkage": "complete", "max_pixels": 8_000},
        "average": {"linkage": "average", "max_pixels": 8_000, "color_space": "lab"},
    },
    "assign": {"euclidean": {"metric": "euclidean", "color_space": "oklab"}},
}


class Case(NamedTuple):
    """A job."""

    name: str
    image: bytes
    params: dict[str, Any]
    mask: bytes | None = None


def cases(folder: Path) -> Iterator[Case]:
    """Every method with its defaults on each image; every kind of parameters on one of them."""
    for path in sorted([*folder.glob("*.png"), *folder.glob("*.jpg")]):
        for algorithm in MODELS:
            yield Case(f"{algorithm}, {path.name}", path.read_bytes(), given(algorithm))
    data = (folder / VARIED).read_bytes()
    veiled, mask = transparent(data), checkered(data)
    for algorithm in MODELS:
        common = given(algorithm)
        for name, params in [*COMMON.items(), *OWN.get(algorithm, {}).items()]:
            yield Case(f"{algorithm}, {name}", data, {**common, **params})
        for name, params in TRANSPARENT.items():
            yield Case(f"{algorithm}, {name}", veiled, {**common, **params})
        yield Case(f"{algorithm}, mask", data, common, mask)


def given(algorithm: str) -> dict[str, Any]:
    return {"algorithm": algorithm, **NEEDED.get(algorithm, {})}


def transparent(data: bytes) -> bytes:
    """The image with every alpha there is, none at the left and full at the right."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    alpha = np.broadcast_to(np.linspace(-20, 275, image.width).clip(0, 255).astype(np.uint8), image.size[::-1])
    return stored(np.dstack([np.asarray(image), alpha]))


def checkered(data: bytes) -> bytes:
    """A mask of the image's size: fields of 64 pixels, every other one left out."""
    width, height = Image.open(io.BytesIO(data)).size
    row, column = np.arange(height)[:, None] // 64, np.arange(width) // 64
    return stored(np.where((row + column) % 2, 255, 0).astype(np.uint8))


def stored(pixels: np.ndarray) -> bytes:
    """A PNG that no version of zlib would write in another way."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def digests(case: Case) -> Digests:
    """A short hash of each file, and of each member of the result."""
    params = parse_params(case.params)
    outcome = pipeline.run(case.image, params, lambda *_: True, mask=case.mask, limits=Limits())
    return {**{name: short(data) for name, data in outcome.files.items()}, **of_result(outcome.result)}


def of_result(result: ClusterResult) -> Digests:
    members = json.loads(result.model_dump_json(exclude=LEFT_OUT))
    return {name: short(json.dumps(value).encode()) for name, value in members.items()}


def short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def differing(expected: Mapping[str, Digests], folder: Path) -> int:
    """Compare, telling each case that differs; how many do."""
    wrong = 0
    for case in cases(folder):
        known, found = expected.get(case.name, {}), digests(case)
        names = [name for name, digest in known.items() if found.get(name) != digest]
        if names or not known:
            wrong += 1
            print(f"{case.name}: {', '.join(names) or 'not known'}", flush=True)
    return wrong


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    folder = next((Path(each) for each in arguments if not each.startswith("-")), IMAGES)
    if not check:
        found = {case.name: digests(case) for case in cases(folder)}
        print(json.dumps({"software": SOFTWARE, "digests": found}, indent=1))
        return 0
    kept = json.loads(STORED.read_text())
    if kept["software"] != SOFTWARE:
        print(f"They were made with {kept['software']}, here is {SOFTWARE}.")
    wrong = differing(kept["digests"], folder)
    print(f"{wrong} of {len(kept['digests'])} cases differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
