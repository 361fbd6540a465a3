"""Decode all files of all matrices: `python -m tests.matrix [FORMAT ...]`."""

import sys
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context

from tests.matrix.case import judged
from tests.matrix.formats import MATRICES
from worker.progress import available_threads

MOST_TOLD = 20
AT_ONCE = 50


def run(name: str, pool: Executor) -> int:
    """How many files of a format are not read as they should be; the first of them are told."""
    count = wrong = 0
    for case, found in pool.map(judged, MATRICES[name](), chunksize=AT_ONCE):
        count += 1
        wrong += bool(found)
        for fault in found if wrong <= MOST_TOLD else ():
            sys.stdout.write(f"{case}\n    {fault}\n")
    sys.stdout.write(f"{name}: {count:,} files, {wrong:,} read wrongly\n")
    return wrong


def main() -> int:
    with ProcessPoolExecutor(available_threads(), get_context("spawn")) as pool:
        return bool(sum(run(name, pool) for name in sys.argv[1:] or MATRICES))


if __name__ == "__main__":
    raise SystemExit(main())
