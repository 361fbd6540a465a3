"""All benchmarks in one run: `python -m bench [NAME ...]`, by default all; writes bench/RESULTS.md.

One that is not named keeps the table that it has from an earlier run, each with its own machine and load.
"""

import sys
from pathlib import Path

from bench import (
    agglomerative,
    cold,
    decoding,
    growth,
    hdbscan_,
    kmeans,
    optics,
    outputs,
    quantizers,
    results,
    round_trip,
    seeds,
    service,
    trees,
)
from bench.common import IMAGES, environment, table

RESULTS = Path(__file__).parent / "RESULTS.md"
BENCHMARKS = {
    "decoding": decoding,
    "kmeans": kmeans,
    "quantizers": quantizers,
    "seeds": seeds,
    "optics": optics,
    "hdbscan": hdbscan_,
    "agglomerative": agglomerative,
    "trees": trees,
    "results": results,
    "outputs": outputs,
    "growth": growth,
    "cold": cold,
    "round_trip": round_trip,
    "service": service,
}
HEADER = """# Results

huemill beside its peers, medians of the whole call (counting, clustering, label map; decoding apart), each case in a
process of its own; peak memory is what the call needed above what its process held before. Written by `make bench`.

![Time against the number of colours](growth.png)
"""


def sections(text: str) -> dict[str, str]:
    """The tables of an earlier run, by method."""
    parts = text.split("\n## ")[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in parts}


def main(names: list[str]) -> None:
    found = sections(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in names or BENCHMARKS:
        print(f"{name} ...", flush=True)
        found[name] = f"{environment()}\n\n{table(BENCHMARKS[name].rows(IMAGES))}"
        print(found[name], flush=True)
        known = [f"## {method}\n\n{found[method]}\n" for method in BENCHMARKS if method in found]
        RESULTS.write_text("\n".join([HEADER, *known]))


if __name__ == "__main__":
    main(sys.argv[1:])
