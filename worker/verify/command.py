"""`python -m worker.verify IMAGE`: both engines on the same pixels, and whether they agree.

Each engine runs in a process of its own, so that their peak memories can be told apart; the exact one has its kernels
loaded before the clock starts. An image of more pixels than the reference engine takes is scaled down.

Ties. Of two equally near pairs a linkage may merge either first; each answer is as right as the other, and colours of 8
bits are full of such pairs. So for agglomerative clustering and HDBSCAN every colour is moved at random by a fraction
of an 8-bit step (TIE_SHIFT), for both engines alike. `--keep-ties` leaves the colours where they are.

Exit code 0 if the engines agree, 1 if they do not, 2 if nothing could be compared.
"""

import argparse
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.contract.errors import HuemillError
from shared.contract.params import (
    DEFAULT_ALGORITHM,
    MODELS,
    REFERENCE_MAX_PIXELS,
    AgglomerativeParams,
    AnyParams,
    HdbscanParams,
    KMeansParams,
    parse_params,
    read_value,
)
from shared.formats import Limits
from worker.clustering import NOISE, Clustering, cluster
from worker.clustering.agglomerative.details import AgglomerativeDetails
from worker.clustering.hdbscan.details import HdbscanDetails, ReferenceDetails
from worker.clustering.kmeans.details import KMeansDetails
from worker.clustering.optics.details import OpticsDetails
from worker.color.points import Points
from worker.color.scaling import scaled_size
from worker.color.selection import count_selected, select
from worker.decoding.decode import decode
from worker.progress import Meter

# Heights and inertia are sums of some thousand rounded terms; labels are to be equal but for borders hit exactly.
MOST_DIFFERENCE = 1e-9
LEAST_EQUAL = 0.9999
# OPTICS: the order and reachability of all first visits are to be equal. The copies of a colour come in one run here;
# on pixels they may mix with others exactly as near, which moves a cluster's border by a few of them.
LEAST_EQUAL_OPTICS = 0.95
# HDBSCAN: all heights of single linkage are to be equal; labels are shown, but do not decide. Mutual reachability is
# full of ties, above all among copies: the package merges one by one in an order of its own, huemill all at once.
LEAST_EQUAL_HDBSCAN = 0.0
# From k-means++ both engines end in local minima of their own: the exact one's is to be no worse than this.
MOST_INERTIA_EXCESS = 0.01
# An inertia that is nothing but rounding is 0: this share of the largest coordinate for each pixel, squared.
ROUNDING = 1e-12
# The largest shift that breaks ties; well below one step of 8 bits, and well above rounding.
TIE_SHIFT = {"rgb": 1e-3, "lab": 1e-4, "oklab": 1e-6}


@dataclass(frozen=True)
class Measured:
    """One engine's run."""

    clustering: Clustering
    seconds: float
    peak_bytes: int  # what the run needed above what its process held before


@dataclass(frozen=True)
class Agreement:
    """How alike two clusterings of the same points are, pixel by pixel."""

    rand: float  # adjusted Rand index; 1: the same partition
    equal: float  # share of the pixels with the same label, once clusters are matched by their overlap
    measure: str  # inertia, heights or reachability
    difference: (
        float  # of the measure, exact against reference, relative; the largest one; inf: OPTICS' orderings differ
    )
    agrees: bool


def compare(exact: Clustering, reference: Clustering, points: Points, params: AnyParams) -> Agreement:
    """Whether the engines agree, within the tolerances at the top of this file."""
    rand = adjusted_rand(exact.labels, reference.labels, points.weights)
    equal = equal_share(exact.labels, reference.labels, points.weights)
    mine, theirs = exact.details, reference.details
    if isinstance(mine, KMeansDetails) and isinstance(theirs, KMeansDetails):
        rounding = points.pixels / points.units * (ROUNDING * float(np.abs(points.coords).max())) ** 2
        near = abs(mine.inertia - theirs.inertia) <= rounding
        measure, difference = "inertia", 0.0 if near else relative(mine.inertia, theirs.inertia)
        if isinstance(params, KMeansParams) and isinstance(params.init, str):
            return Agreement(rand, equal, measure, difference, difference <= MOST_INERTIA_EXCESS)
    elif isinstance(mine, AgglomerativeDetails) and isinstance(theirs, AgglomerativeDetails):
        measure, difference = "heights", largest_difference(mine.heights, theirs.heights)
    elif isinstance(mine, OpticsDetails) and isinstance(theirs, OpticsDetails):
        measure, difference = "reachability", largest_difference(mine.reachability, theirs.reachability)
        if (mine.ordering != theirs.ordering).any():
            difference = math.inf
    elif isinstance(mine, HdbscanDetails) and isinstance(theirs, ReferenceDetails):
        copies = np.repeat(mine.core_distances, points.weights - 1)
        heights = np.sort(np.concatenate([mine.heights, copies]))
        # The package knows no least distance: colours of more copies than min_samples have a core distance of 0.
        package = np.sort(np.maximum(theirs.values["heights"], mine.resolution))
        measure, difference = "heights", largest_difference(heights, package)
    else:
        raise TypeError(f"nothing compares {type(mine).__name__} with {type(theirs).__name__}")
    least = {"optics": LEAST_EQUAL_OPTICS, "hdbscan": LEAST_EQUAL_HDBSCAN}.get(params.algorithm, LEAST_EQUAL)
    agrees = equal >= least and abs(difference) <= MOST_DIFFERENCE
    return Agreement(rand, equal, measure, difference, agrees)


def largest_difference(values: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """The largest relative difference of two equally long lists."""
    pairs = zip(values.tolist(), expected.tolist(), strict=True)
    return max((abs(relative(value, other)) for value, other in pairs), default=0.0)


def relative(value: float, expected: float) -> float:
    """By how much of `expected` a value is above it; 0 where both are equal, also where both are 0."""
    if value == expected:
        return 0.0
    return (value - expected) / expected if expected else math.inf


def overlaps(
    left: NDArray[np.int32], right: NDArray[np.int32], weights: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The non-empty cells of the contingency table: label pairs i64[C, 2] and their pixels i64[C]."""
    pairs, cell = np.unique(np.column_stack([left, right]).astype(np.int64), axis=0, return_inverse=True)
    pixels = np.zeros(len(pairs), np.int64)
    np.add.at(pixels, cell, weights)
    return pairs, pixels


def adjusted_rand(left: NDArray[np.int32], right: NDArray[np.int32], weights: NDArray[np.int64]) -> float:
    """Adjusted Rand index over the pixels (Hubert and Arabie 1985); noise counts as a cluster."""
    pairs, pixels = overlaps(left, right, weights)
    together = _pairs_within(pixels)
    sides = []
    for side in range(2):
        _, label = np.unique(pairs[:, side], return_inverse=True)
        sides.append(_pairs_within(np.bincount(label, pixels).astype(np.int64)))
    total = _pairs_within(np.array([pixels.sum()]))
    expected = sides[0] * sides[1] / total if total else 0.0
    most = (sides[0] + sides[1]) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


def _pairs_within(pixels: NDArray[np.int64]) -> int:
    """How many pairs of pixels share a cell. In Python's integers: 20 million pixels overflow 64 bits nearly."""
    return sum(int(count) * (int(count) - 1) // 2 for count in pixels)


def equal_share(left: NDArray[np.int32], right: NDArray[np.int32], weights: NDArray[np.int64]) -> float:
    """Share of the pixels whose labels are the same once clusters are matched, largest overlap first.

    Noise matches noise only.
    """
    pairs, pixels = overlaps(left, right, weights)
    taken_left: set[int] = set()
    taken_right: set[int] = set()
    equal = 0
    for cell in np.argsort(-pixels, kind="stable"):
        a, b = (int(label) for label in pairs[cell])
        if a in taken_left or b in taken_right or (a == NOISE) != (b == NOISE):
            continue
        taken_left.add(a)
        taken_right.add(b)
        equal += int(pixels[cell])
    return equal / int(pixels.sum())


def measured(points: Points, params: AnyParams) -> Measured:
    """Run one engine in a fresh process, the exact one warmed up."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, points, params).result()


def _measure(points: Points, params: AnyParams) -> Measured:
    few = slice(0, 64)
    cluster(Points(points.coords[few], np.minimum(points.weights[few], 2), points.first[few], points.space), params)
    # Linux: forget the peak so far, so that what imports and compilation took is not counted.
    Path("/proc/self/clear_refs").write_text("5")
    before = _status_bytes("VmRSS")
    begin = time.perf_counter()
    clustering = cluster(points, params)
    seconds = time.perf_counter() - begin
    return Measured(clustering, seconds, max(_status_bytes("VmHWM") - before, 0))


def _status_bytes(name: str) -> int:
    """A size from this process's own status file."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)


def load_points(path: Path, params: AnyParams) -> tuple[Points, str]:
    """The image's points, scaled down to what the reference engine takes, and a sentence about what was done."""
    pixels = select(decode(path.read_bytes(), Limits(pixels=1 << 30)), params, None, Meter())
    most = REFERENCE_MAX_PIXELS[params.algorithm]
    height, width = pixels.shape[:2]
    said = f"{path.name}: {width} x {height} = {width * height:,} pixels"
    if width * height > most:
        width, height = scaled_size(width, height, most)
        # NEAREST: the colours stay those of the image.
        pixels = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST))
        said += f", scaled down to {width} x {height} for the reference engine (at most {most:,})"
    return count_selected(pixels, params).points(params.color_space, params.standardize), said


def break_ties(points: Points, seed: int = 0) -> Points:
    """Every point moved at random, by at most TIE_SHIFT along each axis."""
    scale = 1.0 if points.standardization is None else points.standardization.scale
    shift = TIE_SHIFT[points.space] * np.random.default_rng(seed).uniform(-1, 1, points.coords.shape) / scale
    return replace(points, coords=points.coords + shift)


def parse(argv: Sequence[str]) -> tuple[Path, bool, AnyParams]:
    """The image, whether ties are kept, and the parameters."""
    parser = argparse.ArgumentParser(
        "huemill verify", description="Hold the exact engine against the reference engine."
    )
    parser.add_argument("image", type=Path)
    parser.add_argument("--keep-ties", action="store_true", help="compare on the colours as they are")
    parser.add_argument("--algorithm", choices=list(MODELS), default=DEFAULT_ALGORITHM)
    names = {name for model in MODELS.values() for name in model.model_fields} - {"algorithm", "engine"}
    for name in sorted(names):
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, default=argparse.SUPPRESS)
    given = vars(parser.parse_args(argv))
    image, keep_ties = given.pop("image"), given.pop("keep_ties")
    return image, keep_ties, parse_params({name: read_value(name, text) for name, text in given.items()})


def report_lines(
    agreement: Agreement, runs: Mapping[str, Measured], points: Points, params: AnyParams
) -> Iterator[str]:
    """What a person reads."""
    yield f"{params.algorithm}: {len(points):,} colours, {points.pixels:,} pixels"
    yield ""
    yield f"{'engine':<12}{'clusters':>10}{'seconds':>12}{'peak memory':>16}"
    for engine, run in runs.items():
        clusters, megabytes = len(run.clustering.centers), run.peak_bytes / 1e6
        yield f"{engine:<12}{clusters:>10}{run.seconds:>12.3f}{megabytes:>13.1f} MB"
    exact, reference = runs["exact"], runs["reference"]
    times = reference.seconds / max(exact.seconds, 1e-9)
    memory = reference.peak_bytes / max(exact.peak_bytes, 1)
    yield f"{'ratio':<12}{'':>10}{times:>11.1f}x{memory:>15.1f}x"
    yield ""
    yield f"adjusted Rand index    {agreement.rand:.6f}"
    yield f"equal labels           {100 * agreement.equal:.4f} %"
    if agreement.measure == "inertia":
        yield f"inertia                {100 * agreement.difference:+.6f} % against the reference engine's"
    else:
        yield f"largest difference     {agreement.difference:.3g} of the {agreement.measure}"
    yield "The engines agree." if agreement.agrees else "The engines do NOT agree."


def main(argv: Sequence[str] | None = None) -> int:
    """The command; answers its exit code."""
    try:
        path, keep_ties, params = parse(sys.argv[1:] if argv is None else argv)
        points, said = load_points(path, params)
        print_line(said)
        if isinstance(params, AgglomerativeParams | HdbscanParams) and not keep_ties:
            points = break_ties(points, params.seed)
            print_line("Ties are broken: each colour is moved a little, for both engines alike.")
        runs = {
            engine: measured(points, params.model_copy(update={"engine": engine})) for engine in ("exact", "reference")
        }
    except (HuemillError, OSError) as error:
        sys.stderr.write(f"huemill verify: {error}\n")
        return 2
    agreement = compare(runs["exact"].clustering, runs["reference"].clustering, points, params)
    for line in report_lines(agreement, runs, points, params):
        print_line(line)
    return 0 if agreement.agrees else 1


def print_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
