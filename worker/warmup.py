"""Compile the kernels of every method and output, or load them from the cache: `python -m worker.warmup [--first]`.

What the first job of a fresh machine needs is compiled first. The rest takes longer, and can wait until jobs are taken.
"""

import fcntl
import logging
import math
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numba.core import event as events

from shared.contract.outputs import Recolor
from shared.contract.params import AgglomerativeParams, AssignParams, ColorSpace, KMeansParams, parse_params
from shared.contract.results import FoundImage
from shared.contract.selection import ExcludedColor
from worker import kernels
from worker.clustering import NOISE, choose_k, cluster
from worker.clustering.agglomerative.engine import pairwise_linkage
from worker.clustering.assign.engine import METRICS, assign
from worker.clustering.registry import METHODS, method_of
from worker.color.counting import ColorSet, count_colors
from worker.color.difference import resembles
from worker.color.scaling import scale_down
from worker.decoding.decode import Raster
from worker.kernels import bmp, png, qoi
from worker.lifetime import end_with_parent
from worker.progress import Meter, available_threads
from worker.quality import members
from worker.quality.accent import accents
from worker.quality.labelings import add_up, label
from worker.quality.picture import differences, painted
from worker.quality.silhouette import silhouettes
from worker.rendering.painting import Painting
from worker.rendering.registry import OUTPUTS, draw_all
from worker.segmentation import Segmentation, label_pixels

Step = Callable[[], None]

_FROM_KERNELS = re.compile(r"^from worker\.kernels(.*)", re.MULTILINE)

log = logging.getLogger("huemill.worker")

_FIRST = "kmeans"  # the method of a job that names none
_LONGEST = ("optics", "agglomerative")  # hdbscan, after them, finds on disk what it shares with both
# Outputs that have no kernels, but packages that a worker loads when they are first asked for.
_WITHOUT_KERNELS = {"points", "scatter", "plot", "sweep"}
NEEDED = {"assign": {"palette": ["#000000", "#ffffff"]}}  # what has no default


def warm_up() -> float:
    """Run each method and output once on a small image; the seconds that it took."""
    begin = time.perf_counter()
    for step in (*first_steps(), *further_steps()):
        step()
    return time.perf_counter() - begin


def warm_up_for_work() -> bool:
    """Compile or load what the first job needs, load of the rest what is on disk; whether that is all of it."""
    forget_earlier_sources()
    for step in first_steps():
        step()
    return load(further_steps())


def first_steps() -> list[Step]:
    """What a job needs that names no method. The two take about as long, and share no kernel that is worth a second."""
    return [partial(_cluster, _FIRST), _see]


def further_steps() -> list[Step]:
    """What can wait, the longest first."""
    others = [algorithm for algorithm in METHODS if algorithm not in (_FIRST, *_LONGEST)]
    return [*(partial(_cluster, algorithm) for algorithm in (*_LONGEST, *others)), _choose]


def forget_earlier_sources() -> None:
    """Remove what was compiled from kernels as they were before they were edited.

    numba knows a kernel's own module only, and would load what was compiled with others as they were. Its own it would
    not load, but it writes a kernel's new index before its new code: whoever is killed in between leaves an
    index that names the old one.
    """
    folder = Path(kernels.__file__).parent
    edited = _last_edits(folder)
    for compiled in folder.glob("__pycache__/*.nb[ci]"):
        with suppress(FileNotFoundError):  # another process removes it too
            if compiled.stat().st_mtime < edited.get(compiled.name.partition(".")[0], math.inf):
                compiled.unlink()


def _last_edits(folder: Path) -> dict[str, float]:
    """When each module of kernels was edited, or one whose kernels are compiled into its own; by name."""
    sources = {path.stem: path for path in folder.glob("*.py")}
    edited = {name: path.stat().st_mtime for name, path in sources.items()}
    uses = {}
    for name, path in sources.items():
        words = re.findall(r"\w+", " ".join(_FROM_KERNELS.findall(path.read_text())))
        uses[name] = {name, "__init__", *words} & edited.keys()
    for _ in edited:  # however long the way is from one to another
        edited = {name: max(edited[used] for used in uses[name]) for name in edited}
    return edited


def load(steps: Iterable[Step]) -> bool:
    """Load the kernels of all steps, as far as they are on disk; whether they all are."""
    found = True
    for step in steps:
        try:
            with _nothing_compiled():
                step()
        except _NotOnDisk:
            found = False
    return found


class _NotOnDisk(Exception):
    """A kernel would have to be compiled."""


class _Refusal(events.Listener):
    """numba tells that it begins to compile a kernel, after it has looked on the disk: this is the end of the step."""

    def on_start(self, event: events.Event) -> None:
        raise _NotOnDisk

    def on_end(self, event: events.Event) -> None:
        pass


@contextmanager
def _nothing_compiled() -> Iterator[None]:
    with events.install_listener("numba:compile", _Refusal()):
        yield


def _see() -> None:
    """What is before every method, and all that is said and drawn of a clustering."""
    _count()
    _measure()
    _draw()


def _count() -> None:
    """What stands before every method, and the label maps behind it."""
    # Label maps of small images are found in another way than those of large ones.
    for side in (24, 300):
        for channels in (3, 4):
            colors = _colors(side, channels)
            for dtype in (np.int32, np.int16):
                colors.label_map(np.zeros(len(colors), dtype))
    resembles(colors.colors, [ExcludedColor(color="#ffffff", tolerance=1)])
    stored = np.frombuffer(b"\xfe\0\0\0", np.uint8)  # read-only, as a file's bytes are
    qoi.unpack(stored, np.empty((1, 4), np.uint8))
    png.unfilter(stored[2:], 1, 0, np.empty((1, 1), np.uint8))
    bmp.unpack(stored, 0, False, np.empty((1, 1), np.uint8), np.empty((1, 1), np.bool_))
    scale_down(np.zeros((2, 2, 3), np.uint8), 1, Meter())


def _cluster(algorithm: str) -> None:
    """All ways through one method that have kernels of their own."""
    colors = _colors(24, 4)
    spaces: tuple[ColorSpace, ...] = ("rgb", "lab")
    for space in spaces:
        points = colors.points(space)
        cluster(points, parse_params({**NEEDED.get(algorithm, {}), "algorithm": algorithm, "color_space": space}))
        for params in method_of(algorithm).variants:
            cluster(points, params)
    if algorithm == "agglomerative":
        # The way of many colours, with few.
        pairwise_linkage(points.coords.copy(), points.weights.copy(), True, Meter(), most=64)


def _measure() -> None:
    """A palette given, and all that is said of a clustering."""
    colors, meter = _colors(24, 4), Meter()
    points = colors.points()
    palette = np.array([[0, 0, 0], [255, 255, 255]], np.uint8)
    for metric in METRICS:
        given = assign(points, palette.tolist(), metric, meter)
    labels = np.where(np.arange(len(points)) % 9, given.labels, NOISE).astype(np.int32)
    members.choose(points, colors.counts, labels, given.centers)
    apart = differences(colors.colors, labels, palette, meter)
    painted(colors.colors, colors.counts, labels, palette, apart)
    accents(palette, np.full(2, 0.5))
    labelled = label(points, [labels], [2])
    silhouettes(labelled, add_up(labelled, meter), meter, exact_colors=1, sample=2)
    for dtype in (np.int32, np.int16):
        members.positions(colors.label_map(labels.astype(dtype)), 2, meter)


def _choose() -> None:
    """A number of clusters, by their measures."""
    points = _colors(24, 4).points()
    for params in (KMeansParams(), AgglomerativeParams()):
        choose_k.choose(points, params, range(2, 4), None, Meter())


def _draw() -> None:
    """Every output that has kernels, of an image of two clusters, with and without error diffusion."""
    colors = _colors(24, 4)
    points = colors.points()
    raster = Raster(colors.image, FoundImage(format="png", mode="RGBA", bits=8))
    for recolor in (Recolor(), Recolor(dither=True)):
        # A palette is given: that is soon compiled, and each method is compiled elsewhere.
        params = AssignParams(palette=["#000000", "#ffffff"], recolor=recolor)
        clustering = cluster(points, params)
        labels = label_pixels(colors, clustering, None)
        drawn = [name for name in OUTPUTS if name not in _WITHOUT_KERNELS]
        draw_all(drawn, Segmentation(params, raster, colors, points, clustering, labels), Meter())
    # Labels have so many bits where there are more than 32,767 clusters.
    Painting(labels.astype(np.int32), colors.image, np.zeros((2, 3), np.uint8)).dithered(Meter()).pixels()


def _colors(side: int, channels: int) -> ColorSet:
    return count_colors(np.random.default_rng(0).integers(0, 256, (side, side, channels), np.uint8))


def go_on_in_background(**_: object) -> None:
    """Compile all that `load` has missed, while jobs run."""
    log.info("some kernels are still to be compiled: a first job that needs them may take a minute longer")

    # In another process: a child that was forked while numba compiles in this one would wait for its lock for ever.
    def run() -> None:
        command = [sys.executable, "-m", "worker.warmup", "--background"]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode == 0:
            log.info("all kernels are compiled")
        else:
            log.error("compiling kernels ended with exit code %d: %s", done.returncode, done.stderr)

    threading.Thread(target=run, daemon=True).start()


def main(arguments: Sequence[str]) -> int:
    begin = time.perf_counter()
    forget_earlier_sources()
    if arguments == ["--background"]:
        with _alone():
            warm_up()
    else:
        steps = first_steps() if arguments == ["--first"] else [*first_steps(), *further_steps()]
        if not load(steps):
            compile_side_by_side(steps)
    sys.stdout.write(f"kernels are ready ({time.perf_counter() - begin:.1f} s)\n")
    return 0


def compile_side_by_side(steps: Sequence[Step]) -> None:
    """numba compiles on one core. What two processes compile all the same is one entry on disk."""
    with ProcessPoolExecutor(min(available_threads(), len(steps)), get_context("spawn")) as pool:
        for future in [pool.submit(step) for step in steps]:
            future.result()


@contextmanager
def _alone() -> Iterator[None]:
    """Behind all who have work to do, as long as the worker lives; of a host's several one after the other."""
    end_with_parent()
    os.nice(19)
    folder = os.open(Path(kernels.__file__).parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # who comes later finds on disk what the others have compiled
        yield
    finally:
        os.close(folder)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
