"""What all benchmarks share: a case is measured in a process of its own, and rows are printed as a table."""

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).resolve().parents[2] / "shared" / "images"
PACKAGES = (
    "numpy",
    "numba",
    "scikit-learn",
    "hdbscan",
    "fast_hdbscan",
    "scipy",
    "fastcluster",
    "faiss-cpu",
    "pillow",
    "imagequant",
    "imagecodecs",
    "flspp",
    "bkmeans",
    "quitefastmst",
)

Work = Callable[[], Any]
"""What is timed; its value is handed back."""


@dataclass(frozen=True)
class Measure:
    """Medians and peaks of one side of a case."""

    seconds: float  # median of the wall time
    cpu_seconds: float  # median of the processor time of all threads
    peak_mb: float  # largest resident memory above that before the first call
    value: Any  # what the last call gave back


@dataclass(frozen=True)
class Row:
    """One line of the table: huemill beside a peer, measured in the same run."""

    case: str
    huemill_seconds: float
    peer: str = ""
    peer_seconds: float | None = None
    ratio: float | None = None
    huemill_peak_mb: float | None = None
    peer_peak_mb: float | None = None
    aim: str = ""
    note: str = ""


def row(case: str, ours: Measure, peer: str, theirs: Measure, aim: str = "", note: str = "") -> Row:
    """A row of two measures; the ratio is how many times longer the peer takes."""
    ratio = theirs.seconds / ours.seconds
    return Row(case, ours.seconds, peer, theirs.seconds, ratio, ours.peak_mb, theirs.peak_mb, aim, note)


def measure(prepare: Callable[..., Work], *args: Any, repeat: int = 3, warm: bool = True) -> Measure:
    """Time `prepare(*args)()` in a fresh process: what `prepare` does is not timed, nor is a first call if `warm`.

    `prepare` must stand at the top of a module, and the value must be small: both cross to the process and back.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, prepare, args, repeat, warm).result()


def _measure(prepare: Callable[..., Work], args: tuple[Any, ...], repeat: int, warm: bool) -> Measure:
    work = prepare(*args)
    before = _status_mb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak of the preparations
    if warm:
        work()
    walls, cpus, value = [], [], None
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        value = work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    peak = _status_mb("VmHWM") - before
    return Measure(statistics.median(walls), statistics.median(cpus), peak, value)


def _status_mb(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    names = [field.name.replace("_", " ") for field in fields(Row)]
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for each in rows:
        cells = [_cell(getattr(each, field.name)) for field in fields(Row)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.4g}"


def environment() -> str:
    """The machine, its load and the packages' versions, in one line."""
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"{package} absent")
    cores = len(os.sched_getaffinity(0))
    load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
    return f"Python {platform.python_version()}, {cores} cores, load {load}; " + ", ".join(versions)


def main(rows: Callable[[Path], Iterable[Row]]) -> None:
    """Print the rows of a benchmark: `python -m bench.NAME [FOLDER OF IMAGES]`."""
    images = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    print(environment())
    print(table(rows(images)))
