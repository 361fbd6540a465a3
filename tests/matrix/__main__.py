"""Decode all files of all matrices: `python -m tests.matrix [FORMAT ...]`."""

import sys

from tests.matrix.case import faults
from tests.matrix.formats import MATRICES

MOST_TOLD = 20


def run(name: str) -> int:
    """How many files of a format are not read as they should be; the first of them are told."""
    count = wrong = 0
    for case in MATRICES[name]():
        count += 1
        found = list(faults(case))
        wrong += bool(found)
        for fault in found if wrong <= MOST_TOLD else ():
            sys.stdout.write(f"{case.name}\n    {fault}\n")
    sys.stdout.write(f"{name}: {count:,} files, {wrong:,} read wrongly\n")
    return wrong


def main() -> int:
    return bool(sum(run(name) for name in sys.argv[1:] or MATRICES))


if __name__ == "__main__":
    raise SystemExit(main())
