"""How the time grows with the number of distinct colours: `python -m bench.growth`; draws bench/growth.png.

Random colours, a pixel each, so that huemill and its peers are given the very same points. A peer is left out above the
size at which it would take longer than `PEER_SECONDS`, judged by its time for the size before.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from hdbscan import HDBSCAN
from numpy.typing import NDArray
from sklearn.cluster import OPTICS, AgglomerativeClustering, KMeans

from bench import common
from bench.common import Row, Work, measure
from shared.contract.params import parse_params
from worker.clustering import cluster
from worker.color.points import Points
from worker.warmup import warm_up

PICTURE = Path(__file__).parent / "growth.png"
SIZES = (1_000, 3_162, 10_000, 31_623, 100_000, 316_228, 1_000_000)
PEER_SECONDS = 20.0
MIN_SAMPLES = 50
PARAMS: dict[str, dict[str, Any]] = {
    "kmeans": {"algorithm": "kmeans", "n_clusters": 8},
    "optics": {"algorithm": "optics", "min_samples": MIN_SAMPLES},
    "hdbscan": {"algorithm": "hdbscan", "min_samples": MIN_SAMPLES},
    "ward": {"algorithm": "agglomerative"},
    "single linkage": {"algorithm": "agglomerative", "linkage": "single"},
}
PEERS = {method: "hdbscan" if method == "hdbscan" else "scikit-learn" for method in PARAMS}


def colors_of(size: int) -> NDArray[np.float64]:
    keys = np.random.default_rng(0).choice(1 << 24, size, replace=False)
    return np.column_stack([keys >> 16, keys >> 8 & 255, keys & 255]).astype(np.float64)


def huemill(method: str, size: int) -> Work:
    warm_up()
    points = Points(colors_of(size), np.ones(size, np.int64), np.arange(size))
    params = parse_params(PARAMS[method])
    return lambda: len(cluster(points, params).centers)


def peer(method: str, size: int) -> Work:
    coords = colors_of(size)
    if method == "kmeans":
        model: Any = KMeans(8, random_state=0)
    elif method == "optics":
        model = OPTICS(min_samples=MIN_SAMPLES)
    elif method == "hdbscan":
        model = HDBSCAN(min_samples=MIN_SAMPLES, min_cluster_size=max(2, size // 100), core_dist_n_jobs=1)
    else:
        model = AgglomerativeClustering(5, linkage=PARAMS[method].get("linkage", "ward"))
    model.fit(coords[:200])  # some of it is compiled or loaded by the first call
    return lambda: len(model.fit(coords).labels_)


def exponent(seconds: dict[int, float], low: int, high: int) -> float:
    """The b of time = a U^b between two sizes."""
    return math.log(seconds[high] / seconds[low]) / math.log(high / low)


def rows(_: Path) -> Iterator[Row]:
    """A row for each method and size; the picture is drawn at the end."""
    lines: dict[str, dict[int, float]] = {}
    for method in PARAMS:
        ours = lines.setdefault(f"{method}, huemill", {})
        theirs = lines.setdefault(f"{method}, {PEERS[method]}", {})
        for size in SIZES:
            mine = measure(huemill, method, size, repeat=3 if size < 10**5 else 1, warm=False)
            ours[size] = mine.seconds
            note = f"grows as U^{exponent(ours, SIZES[-3], size):.2f} from {SIZES[-3]:,}" if size == SIZES[-1] else ""
            case = f"{method}, {size:,} random colours"
            if _too_long(theirs, size):
                yield Row(case, mine.seconds, huemill_peak_mb=mine.peak_mb, note=note)
            else:
                other = measure(peer, method, size, repeat=3 if size < 10**4 else 1, warm=False)
                theirs[size] = other.seconds
                yield common.row(case, mine, PEERS[method], other, note=note)
    draw(lines)


def _too_long(seconds: dict[int, float], size: int) -> bool:
    """Whether a peer would be over its time at `size`, taken as quadratic where two sizes tell nothing better."""
    known = sorted(seconds)
    if len(known) < 2:
        return False
    power = max(1.0, exponent(seconds, known[-2], known[-1]))
    return seconds[known[-1]] * (size / known[-1]) ** power > PEER_SECONDS


def draw(lines: dict[str, dict[int, float]]) -> None:
    """Seconds over colours, both logarithmic: huemill drawn through, peers dashed."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5.5), dpi=120)
    colors = dict(zip(PARAMS, ("#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e"), strict=True))
    for name, seconds in lines.items():
        ours = name.endswith("huemill")
        sizes = sorted(seconds)
        axes.plot(
            sizes,
            [seconds[size] for size in sizes],
            "-" if ours else "--",
            color=colors[name.split(",")[0]],
            marker="o" if ours else "x",
            label=name,
        )
    axes.set(xscale="log", yscale="log", xlabel="distinct colours (one pixel each)", ylabel="seconds, 2 cores")
    axes.set_title("Time against the number of colours; dashed: scikit-learn, hdbscan", fontsize=11)
    axes.grid(which="both", alpha=0.25)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(PICTURE)
    plt.close(figure)


if __name__ == "__main__":
    common.main(rows)
