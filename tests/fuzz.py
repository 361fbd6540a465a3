"""Break every image of the corpus, and some of the matrices, in every way: `python -m tests.fuzz [MINUTES]`.

First each file is cut off at 20 places and changed in 200; then bytes are changed at random, several at once, for as
many minutes as are given. Every attempt must end as a picture or as a typed error, within ten seconds; a file that was
cut off must never give another picture than the whole one. A crash of a native decoder ends this process: the file that
did it is then found in `fuzz-last.bin`.
"""

import itertools
import random
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from shared.contract.errors import HuemillError
from shared.formats import Limits
from tests.matrix.case import Case
from tests.matrix.formats import MATRICES, everyday
from tests.support.broken import changes, cuts
from tests.support.corpus import Sample, corpus
from worker.decoding.decode import decode

LAST = Path("fuzz-last.bin")
SECONDS = 10.0
LIMITS = Limits(pixels=4_000_000)
EVERY = 97  # of the matrices' files, which are many


def files(every: int = EVERY) -> list[Sample | Case]:
    """The corpus, and some of each matrix that are read."""
    some = (case for name in MATRICES for case in itertools.islice(everyday(name), 0, None, every))
    return [*corpus(), *(case for case in some if isinstance(case.seen, np.ndarray))]


def attempt(data: bytes) -> np.ndarray | str:
    """The pixels, or the error's code."""
    begin = time.perf_counter()
    try:
        return decode(data, LIMITS).pixels
    except HuemillError as error:
        return error.code
    finally:
        seconds = time.perf_counter() - begin
        assert seconds < SECONDS, f"{seconds:.1f} s"


def _tried(data: bytes, ends: Counter[str]) -> np.ndarray | str:
    LAST.write_bytes(data)
    got = attempt(data)
    ends[got if isinstance(got, str) else "picture"] += 1
    return got


def main() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    samples = files()
    ends: Counter[str] = Counter()
    for sample in samples:
        whole = attempt(sample.data)
        assert not isinstance(whole, str), sample.name
        for number, data in enumerate(cuts(sample.data)):
            got = _tried(data, ends)
            assert isinstance(got, str) or np.array_equal(got, whole), f"{sample.name}, cut {number}: half a picture"
        for data in changes(sample.data):
            _tried(data, ends)
    chance = random.Random(time.time_ns())
    until = time.monotonic() + 60 * minutes
    while time.monotonic() < until:
        broken = bytearray(chance.choice(samples).data)
        for _ in range(chance.randrange(1, 20)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        _tried(bytes(broken), ends)
    LAST.unlink()
    sys.stdout.write(f"{ends.total():,} broken files: {dict(ends)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
