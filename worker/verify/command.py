"""`python -m worker.verify IMAGE`: both engines on the same pixels, and whether they agree.

Each engine runs in a process of its own, so that their peak memories can be told apart; the exact one has its kernels
loaded before the clock starts. An image of more pixels than the reference engine takes is scaled down.

Ties. Of two equally near pairs a linkage may merge either first; each answer is as right as the other, and colours of 8
bits are full of such pairs. So for methods that merge (`ClusteringMethod.tied`) every colour is moved at random by a
fraction of an 8-bit step, for both engines alike. `--keep-ties` leaves the colours where they are.

Exit code 0 if the engines agree, 1 if they do not, 2 if nothing could be compared.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from shared.contract.errors import HuemillError
from shared.contract.params import DEFAULT_ALGORITHM, MODELS, AnyParams, parse_params, read_value
from worker.clustering.registry import method_of
from worker.color.points import Points
from worker.verify.agreement import Agreement, compare
from worker.verify.measuring import Measured, measured
from worker.verify.points import break_ties, load_points


def parse(argv: Sequence[str]) -> tuple[Path, bool, AnyParams]:
    """The image, whether ties are kept, and the parameters. Raises InvalidParams for those that one engine lacks."""
    parser = argparse.ArgumentParser(
        "huemill verify", description="Hold the exact engine against the reference engine."
    )
    models = {name: model for name, model in MODELS.items() if model.method.reference_max_pixels}
    parser.add_argument("image", type=Path)
    parser.add_argument("--keep-ties", action="store_true", help="compare on the colours as they are")
    parser.add_argument(
        "--algorithm",
        choices=list(models),
        default=DEFAULT_ALGORITHM,
    )
    names = {name for model in models.values() for name in model.model_fields} - {"algorithm", "engine"}
    for name in sorted(names):
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, default=argparse.SUPPRESS)
    given = vars(parser.parse_args(argv))
    image, keep_ties = given.pop("image"), given.pop("keep_ties")
    values = {name: read_value(name, text) for name, text in given.items()}
    # What the reference engine cannot do is refused before either begins.
    params = parse_params({**values, "engine": "reference"})
    return image, keep_ties, params.model_copy(update={"engine": "exact"})


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
    measure, difference = agreement.comparison.measure, agreement.comparison.difference
    if agreement.comparison.several:
        yield f"largest difference     {difference:.3g} of the {measure}"
    else:
        yield f"{measure:<23}{100 * difference:+.6f} % against the reference engine's"
    yield "The engines agree." if agreement.agrees else "The engines do NOT agree."


def main(argv: Sequence[str] | None = None) -> int:
    """The command; answers its exit code."""
    try:
        path, keep_ties, params = parse(sys.argv[1:] if argv is None else argv)
        points, said = load_points(path, params)
        print_line(said)
        if method_of(params.algorithm).tied and not keep_ties:
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
