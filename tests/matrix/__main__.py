"""Decode all files of all matrices, and ask Chromium: `python -m tests.matrix [FORMAT ...]`."""

import sys

from tests.matrix.case import faults, witnessed
from tests.matrix.formats import MATRICES
from tests.support.chromium import MEDIA_TYPES, Chromium, chromium

MOST_TOLD = 20


def run(name: str, browser: Chromium) -> int:
    """How many files of a format are not read as they should be; the first of them are told."""
    count = wrong = asked = 0
    for case in MATRICES[name]():
        count += 1
        found = list(faults(case))
        if name in MEDIA_TYPES and case.shown and not isinstance(case.seen, type):
            asked += 1
            found += witnessed(case, browser.sees(case.data, name))
        wrong += bool(found)
        for fault in found if wrong <= MOST_TOLD else ():
            sys.stdout.write(f"{case.name}\n    {fault}\n")
    sys.stdout.write(f"{name}: {count:,} files, {wrong:,} read wrongly; Chromium was asked of {asked:,}\n")
    return wrong


def main() -> int:
    with chromium() as browser:
        return bool(sum(run(name, browser) for name in sys.argv[1:] or MATRICES))


if __name__ == "__main__":
    raise SystemExit(main())
