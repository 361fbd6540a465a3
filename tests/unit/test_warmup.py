"""A worker that has warmed up compiles nothing more, whatever comes; one of a fresh machine has what comes first."""

import os
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from shared.contract.outputs import OUTPUT_NAMES
from shared.contract.params import AgglomerativeParams, KMeansParams, parse_params
from shared.formats import Limits
from tests.support.corpus import corpus
from tests.support.images import encoded, noise
from worker import kernels, pipeline
from worker.clustering.assign.engine import METRICS, assign
from worker.clustering.choose_k import choose
from worker.clustering.kmeans import engine
from worker.color.selection import count_selected
from worker.color.spaces import centers_to_srgb
from worker.progress import Meter
from worker.quality import members
from worker.quality.accent import accents
from worker.quality.picture import differences, painted
from worker.warmup import first_steps, forget_earlier_sources, load, warm_up

T = TypeVar("T")

WAYS: list[dict[str, Any]] = [
    {"algorithm": "kmeans", "n_clusters": 40},
    {"algorithm": "kmeans", "init": [[0, 0, 0], [255, 255, 255]]},
    {"algorithm": "hdbscan", "min_samples": 5, "min_cluster_size": 5},
    *({"algorithm": "hdbscan", "cluster_selection_method": name} for name in ("eom", "leaf", "plscan")),
    *(
        {"algorithm": "hdbscan", "cluster_selection_epsilon": epsilon, "allow_single_cluster": single}
        for epsilon in (2.0, 5.0)
        for single in (False, True)
    ),
    {"algorithm": "optics"},
    {"algorithm": "optics", "max_eps": 10.0},
    {"algorithm": "optics", "cluster_method": "xi"},
    {"algorithm": "optics", "cluster_method": "xi", "predecessor_correction": False},
    {"algorithm": "optics", "cluster_method": "dbscan", "eps": 5.0},
    *({"algorithm": "agglomerative", "linkage": name} for name in ("ward", "single", "complete", "average")),
    {"algorithm": "agglomerative", "n_clusters": None, "distance_threshold": 50.0},
]
OUTPUTS: list[dict[str, Any]] = [
    {"algorithm": "kmeans", "n_clusters": {"min": 2, "max": 4}},
    {"algorithm": "kmeans", "recolor": {"dither": True, "noise": "nearest", "format": "webp"}},
    {"algorithm": "hdbscan", "min_samples": 5, "recolor": {"noise": "nearest", "dither": True}},
    {"algorithm": "optics", "names": "xkcd", "recolor": {"noise": "grey"}, "max_pixels": 200},
    {"algorithm": "agglomerative", "alpha": "blend:#ff0000"},
]
SPACES = ("rgb", "lab", "oklab")
SELECTIONS: list[dict[str, Any]] = [
    *({"alpha": alpha} for alpha in ("weight", "opaque", "blend:#ff0000")),
    {"max_pixels": 200},
    {"exclude": [{"color": "#ffffff", "tolerance": 5}]},
    {"region": {"box": [0.1, 0, 0.9, 1], "unit": "fraction"}},
]


def in_a_process(function: Callable[[], T]) -> T:
    """With a memory of its own: in this one other tests have called kernels before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function).result()


def variants() -> set[tuple[str, str]]:
    """Each kernel that Python has called, with the types that it was made for."""
    modules = [module for name, module in sys.modules.items() if name.startswith("worker.")]
    kernels = {value for module in modules for value in vars(module).values() if isinstance(value, Dispatcher)}
    return {
        (f"{each.py_func.__module__}.{each.py_func.__name__}", str(types))
        for each in kernels
        for types in each.signatures
    }


def made_for_jobs() -> tuple[int, list[tuple[str, str]]]:
    """How many kernels the warm-up made, and which ones the jobs after it."""
    warnings.simplefilter("error")  # as pytest does in its own process
    warm_up()
    known = variants()
    small, clear, large = encoded(noise(25, 25)), encoded(noise(25, 25, channels=4)), encoded(noise(260, 260))
    jobs = [
        (image, {**way, "color_space": space}) for way in WAYS for image in (small, clear) for space in ("rgb", "lab")
    ]
    jobs += [(small, {**way, "color_space": "oklab", "standardize": True}) for way in WAYS]
    jobs += [(image, {"algorithm": "hdbscan", **chosen}) for chosen in SELECTIONS for image in (small, clear)]
    jobs += [(large, {"algorithm": "kmeans"}), (encoded(noise(1, 1)), {"algorithm": "optics"})]
    # More colours than average linkage takes all distances of at once.
    jobs.append((encoded(noise(100, 100)), {"algorithm": "agglomerative", "linkage": "average"}))
    jobs += [(sample.data, {"algorithm": "kmeans", "n_clusters": 1}) for sample in corpus()]
    for way in OUTPUTS:
        names = [name for name in OUTPUT_NAMES if name != "sweep" or isinstance(way.get("n_clusters"), dict)]
        jobs += [(image, {**way, "outputs": names}) for image in (small, clear, large)]
    for image, params in jobs:
        pipeline.run(image, parse_params(params), lambda *_: True, limits=Limits())
    pipeline.run(small, parse_params({"algorithm": "kmeans"}), lambda *_: True, mask=small, limits=Limits())
    for space in SPACES:
        measure(noise(25, 25, channels=4), {"color_space": space, "alpha": "weight"})
        measure(noise(260, 260), {"color_space": space, "standardize": True})
    return len(known), sorted(variants() - known)


def measure(pixels: np.ndarray, common: dict[str, Any]) -> None:
    """Choose a number of clusters, give a palette, and measure what comes of it."""
    colors = count_selected(pixels, parse_params(common))
    points = colors.points(common["color_space"], common.get("standardize", False))
    for algorithm in ("kmeans", "agglomerative"):
        params = parse_params({"algorithm": algorithm, **common})
        assert isinstance(params, KMeansParams | AgglomerativeParams)
        clustering, _ = choose(points, params, range(2, 5), None, Meter())
    engine.run(points, KMeansParams(n_clusters=6), Meter(), fixed=[[9, 9, 9]])
    for metric in METRICS:
        given = assign(points, [[0, 0, 0], [200, 100, 0]], metric, Meter())
    for labels in (given.labels, np.where(np.arange(len(points)) % 3, clustering.labels, -1).astype(np.int32)):
        centers = points.means(labels, int(labels.max()) + 1)
        palette = centers_to_srgb(points, centers).astype(np.uint8)
        members.choose(points, points.weights, labels, centers)
        apart = differences(colors.colors, labels, palette, Meter())
        painted(colors.colors, colors.counts, labels, palette, apart)
        members.positions(colors.label_map(labels.astype(np.int16)), len(centers), Meter())
        accents(palette, np.full(len(palette), 0.1))


def test_no_job_waits_for_a_compiler_after_the_warm_up() -> None:
    """Every algorithm, option, selection, output and format runs on the kernels that the warm-up has made or loaded."""
    made, more = in_a_process(made_for_jobs)
    assert made > 20
    assert more == []


def made_for_first_jobs() -> tuple[int, list[tuple[str, str]]]:
    """How many kernels the first steps made, and which ones the jobs after them that name no method."""
    warnings.simplefilter("error")
    for step in first_steps():
        step()
    known = variants()
    params = parse_params({"outputs": [name for name in OUTPUT_NAMES if name != "sweep"]})
    for image in (encoded(noise(25, 25)), encoded(noise(25, 25, channels=4)), encoded(noise(260, 260))):
        pipeline.run(image, params, lambda *_: True, limits=Limits())
    return len(known), sorted(variants() - known)


def test_a_job_that_names_no_method_needs_only_the_first_steps() -> None:
    """With all outputs it runs on the kernels of the first steps alone, as the demo does on a fresh machine."""
    made, more = in_a_process(made_for_first_jobs)
    assert made > 20
    assert more == []


def count() -> None:
    count_selected(noise(9, 9), parse_params({"algorithm": "kmeans"}))


def loaded() -> tuple[bool, int]:
    """Whether all that `count` calls was on disk, and how many kernels are in memory now."""
    return load([count]), len(variants())


def test_loading_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is on disk is loaded, and it says whether that is all; where nothing is, nothing is made."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert in_a_process(loaded) == (False, 0)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    in_a_process(count)
    complete, kernels = in_a_process(loaded)
    assert complete
    assert kernels > 0


def test_what_is_compiled_goes_when_a_module_that_it_uses_is_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the way to it is; and nothing else goes."""
    sources = {
        "__init__": "",
        "first": "from worker.kernels import kernel\n",
        "second": "from worker.kernels import kernel\nfrom worker.kernels.first import (\n    one,\n)\n",
        "third": "from worker.kernels import kernel, second\n",
        "apart": "from worker.kernels import kernel\n",
    }
    (tmp_path / "__pycache__").mkdir()
    for name, text in sources.items():
        (tmp_path / f"{name}.py").write_text(text)
        os.utime(tmp_path / f"{name}.py", (100, 100))
        (tmp_path / "__pycache__" / f"{name}.f-1.py311.nbi").write_bytes(b"")
        os.utime(tmp_path / "__pycache__" / f"{name}.f-1.py311.nbi", (200, 200))
    monkeypatch.setattr(kernels, "__file__", str(tmp_path / "__init__.py"))

    def left() -> set[str]:
        return {path.name.partition(".")[0] for path in (tmp_path / "__pycache__").iterdir()}

    forget_earlier_sources()
    assert left() == set(sources)
    os.utime(tmp_path / "first.py", (300, 300))
    forget_earlier_sources()
    assert left() == {"__init__", "apart"}
    os.utime(tmp_path / "__init__.py", (300, 300))
    forget_earlier_sources()
    assert left() == set()
