"""What is posted in a soak: images of many kinds, whole and broken, and what must come of each."""

import random
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from shared.contract.errors import HuemillError
from shared.contract.params import parse_params
from shared.formats import Limits
from tests.support.images import encoded, noise, photograph, two_colors
from worker import pipeline

SEEDS = 2  # of each case: so many results are computed directly, and compared again and again


@dataclass(frozen=True)
class Case:
    """One kind of job. `weight`: how often it is posted, beside the others."""

    name: str
    image: bytes
    params: dict[str, Any]
    weight: int = 4
    mask: bytes | None = None
    code: str | None = None
    """With which it must fail, where that is not for the pipeline to say."""

    def with_seed(self, seed: int) -> dict[str, Any]:
        return {**self.params, "seed": seed}


@dataclass(frozen=True)
class Refusal:
    """A post that no job may come of."""

    name: str
    image: bytes
    params: dict[str, Any]
    status: int
    code: str
    mask: bytes | None = None


@dataclass(frozen=True)
class Expected:
    """What a job must come to: the result (less what differs from run to run) and its label map, or a code."""

    code: str | None = None
    result: dict[str, Any] = field(default_factory=dict)
    labels: bytes = b""


COMPARED = ("algorithm", "params", "digest", "image", "centroids", "proportions", "palette", "noise", "quality")


class Expectations:
    """Direct computations of the cases, each made once."""

    def __init__(self, cases: list[Case]) -> None:
        self._found = {(case.name, seed): _computed(case, seed) for case in cases for seed in range(SEEDS)}

    def of(self, case: Case, seed: int) -> Expected:
        return self._found[case.name, seed]

    def __len__(self) -> int:
        return len(self._found)


def _computed(case: Case, seed: int) -> Expected:
    if case.code is not None:
        return Expected(case.code)
    params = parse_params(case.with_seed(seed))
    try:
        outcome = pipeline.run(case.image, params, lambda *_: True, mask=case.mask, limits=Limits())
    except HuemillError as error:
        return Expected(error.code)
    result = outcome.result.model_dump(mode="json")
    return Expected(None, {name: result[name] for name in COMPARED}, outcome.files["labels.npy"])


def _photo(name: str, width: int, height: int) -> np.ndarray:
    with Image.open(photograph(name)) as image:
        return np.asarray(image.convert("RGB").resize((width, height)))


def _transparent(pixels: np.ndarray, clear: float) -> np.ndarray:
    """`pixels` with an alpha channel: a share `clear` of them fully transparent, the rest of all degrees."""
    alpha = np.random.default_rng(1).integers(1, 256, pixels.shape[:2])
    alpha[np.random.default_rng(2).random(pixels.shape[:2]) < clear] = 0
    return np.dstack([pixels, alpha]).astype(np.uint8)


def _damaged(whole: bytes) -> bytes:
    """Header and end are in order, the middle is not."""
    at = len(whole) // 2
    return whole[:at] + bytes(byte ^ 0x5A for byte in whole[at : at + 40]) + whole[at + 40 :]


@cache
def cases() -> list[Case]:
    china, flower = _photo("china.jpg", 160, 107), _photo("flower.jpg", 96, 64)
    tiny = encoded(noise(20, 20, 7))
    grey = encoded(np.asarray(Image.fromarray(flower).convert("L")))
    mask = encoded(np.where(two_colors(107, 160)[..., 0] > 0, 255, 0).astype(np.uint8))
    ward = {"algorithm": "agglomerative"}
    density = {"min_samples": 20, "min_cluster_size": 50}
    return [
        Case("kmeans two colours", encoded(two_colors()), {"n_clusters": 2}, 8),
        Case("kmeans photo", encoded(china, "JPEG"), {"n_clusters": 8}, 8),
        Case("kmeans lab, webp", encoded(flower, "WEBP"), {"color_space": "lab"}),
        Case("kmeans long", encoded(noise(400, 400)), {"n_clusters": 32, "n_init": 6, "tol": 0, "max_iter": 30}, 8),
        Case("kmeans masked", encoded(china), {"n_clusters": 4}, mask=mask),
        Case("kmeans weighted", encoded(_transparent(china, 0.3)), {"alpha": "weight"}),
        Case("kmeans grey", grey, {"n_clusters": 3, "standardize": True}),
        Case("kmeans region", encoded(china, "BMP"), {"region": {"box": [10, 10, 90, 90]}}),
        Case("hdbscan photo", encoded(china), {"algorithm": "hdbscan"}),
        Case("hdbscan leaf, gif", encoded(flower, "GIF"), {"algorithm": "hdbscan", "cluster_selection_method": "leaf"}),
        Case("hdbscan long", encoded(noise(400, 400, 3)), {"algorithm": "hdbscan", **density}, 8),
        Case("optics photo", encoded(china, "TIFF"), {"algorithm": "optics"}),
        Case("optics xi", encoded(flower), {"algorithm": "optics", "cluster_method": "xi", "min_samples": 10}),
        Case("optics long", encoded(noise(300, 300, 4)), {"algorithm": "optics", "min_samples": 30}, 8),
        Case("ward photo", encoded(china, "PPM"), ward),
        Case("ward long", encoded(noise(350, 350, 5)), {**ward, "n_clusters": 12}, 8),
        Case("single linkage", encoded(flower), {**ward, "linkage": "single"}),
        Case("average linkage", tiny, {**ward, "linkage": "average"}),
        Case("reference kmeans", encoded(flower), {"engine": "reference", "n_clusters": 4}, 2),
        Case("reference ward", tiny, {**ward, "engine": "reference"}, 2),
        Case("reference optics", tiny, {"algorithm": "optics", "engine": "reference", "min_samples": 5}, 2),
        Case("reference hdbscan", tiny, {"algorithm": "hdbscan", "engine": "reference", "min_samples": 5}, 2),
        Case("damaged png", _damaged(encoded(noise(60, 60))), {}),
        Case("damaged gif", _damaged(encoded(flower, "GIF")), {}, 2),
        Case("cut off bmp", encoded(flower, "BMP")[:-4000], {}, 2),
        Case("nothing left", encoded(two_colors()), {"exclude": [{"color": "#ff0000"}, {"color": "#0000ff"}]}, 2),
        Case("clear", encoded(_transparent(flower, 1.1)), {}, 2),
        Case("too many colours", encoded(noise(800, 800)), {**ward, "linkage": "complete"}, 2),
        Case("out of time", encoded(noise(300, 300)), {"n_clusters": 9, "timeout": 0.001}, 4, code="timeout"),
    ]


@cache
def refusals() -> list[Refusal]:
    good, jpeg = encoded(two_colors()), encoded(noise(40, 40), "JPEG")
    return [
        Refusal("text", b"hello " * 50, {}, 415, "unsupported_image"),
        Refusal("nothing", b"", {}, 400, "invalid_request"),
        Refusal("cut off jpeg", jpeg[:-200], {}, 422, "broken_image"),
        Refusal("no algorithm", good, {"algorithm": "meanshift"}, 422, "invalid_params"),
        Refusal("a typing error", good, {"n_cluster": 3}, 422, "invalid_params"),
        Refusal("out of range", good, {"n_clusters": 0}, 422, "invalid_params"),
        Refusal("mask of another size", good, {}, 422, "invalid_params", encoded(noise(8, 9))),
        Refusal("region outside", good, {"region": {"box": [100, 100, 200, 200]}}, 422, "invalid_params"),
    ]


def choose(chance: random.Random) -> Case | Refusal:
    """One of eight posts is to be refused."""
    if chance.random() < 0.12:
        return chance.choice(refusals())
    found = cases()
    return chance.choices(found, [case.weight for case in found])[0]
