"""What a person sees in the terminal: progress bars, palettes, errors; and what a program reads: JSON."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.client import ServiceError
from cli.jobs import Outcome, Watch
from cli.naming import readable

BAR_CELLS = 24
BESIDE_NAME_AND_BAR = 39  # cells of a line: swatch, hex, share, accent, and a space between each two


@contextmanager
def progress_bars(console: Console, images: Sequence[Path]) -> Iterator[Watch]:
    """A bar for each image, from when it is first told of."""
    tasks: dict[int, TaskID] = {}
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[stage]:<10}"),
        TimeElapsedColumn(),
        console=console,
    ) as bars:

        def watch(number: int, stage: str, fraction: float | None) -> None:
            if number not in tasks:
                tasks[number] = bars.add_task(escape(readable(images[number].name)), total=1.0, stage=stage)
            bars.update(tasks[number], completed=fraction, stage=stage)

        yield watch


def show_outcome(image: Path, outcome: Outcome) -> None:
    """The palette and the saved files on standard output, or the error on standard error."""
    if isinstance(outcome, ServiceError):
        show_error(image, outcome)
        return
    console = Console()
    show_palette(console, image, outcome.job["result"])
    if outcome.saved:
        folder, names = outcome.saved[0].path.parent, ", ".join(file.path.name for file in outcome.saved)
        where = "here" if folder == Path() else f"in {folder}"
        console.print(escape(readable(f"Saved {where}: {names}")), highlight=False)


def show_error(image: Path, error: ServiceError) -> None:
    click.echo(readable(f"{image}: {error}"), err=True)


def print_json(image: Path, outcome: Outcome) -> None:
    """One line: the job and the saved files' paths, or the error's code and message."""
    if isinstance(outcome, ServiceError):
        found: dict[str, Any] = {"error": {"code": outcome.code, "message": readable(outcome)}}
    else:
        found = {**outcome.job, "saved": [readable(file.path) for file in outcome.saved]}
    click.echo(orjson.dumps({"file": readable(image), **found}))


def show_jobs(console: Console, jobs: Sequence[dict[str, Any]]) -> None:
    """A line for each job. Its id comes first and is never cut: it is what one takes from here. Nor are its state and
    its algorithm, however narrow the terminal.
    """
    rows = []
    for job in jobs:
        status = job["status"] if job["status"] != "running" else f"running {job['progress']['fraction']:.0%}"
        about = [job["client_reference"], *(f"#{tag}" for tag in job["tags"])]
        cells = [job["id"], status, job["params"]["algorithm"], f"{job['created_at'][:19].replace('T', ' ')}"]
        rows.append([*cells, job["image"]["filename"] or "", " ".join(word for word in about if word)])
    table = Table(box=None, header_style="bold", pad_edge=False)
    for place, name in enumerate(("id", "status", "algorithm", "created", "image", "reference, tags")):
        whole = max((len(row[place]) for row in rows), default=0) if place < 3 else None
        table.add_column(name, no_wrap=True, min_width=whole)
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table if jobs else "There are no such jobs.")


def show_palette(console: Console, image: Path, result: dict[str, Any]) -> None:
    """The palette of a result: swatches in true colour, hex, name, share, accent; how the number was chosen; notes."""
    found = result["image"]
    scaled = "" if found["scaled_from"] is None else " (of {} x {})".format(*found["scaled_from"])
    console.print(
        f"\n[bold]{escape(readable(image))}[/]  {found['width']} x {found['height']}{scaled} {found['format']}, "
        f"{_counted(found['clustered_pixels'], 'pixel')}, {_counted(found['unique_colors'], 'colour')}, "
        f"{result['algorithm']} in {sum(result['timings_ms'].values()):,.0f} ms",
        soft_wrap=True,
    )
    table = Table.grid(padding=(0, 1))
    for _ in range(6):
        table.add_column(no_wrap=True)
    names = [entry["name"]["name"] for entry in result["palette"]]
    cells = max(4, min(BAR_CELLS, console.width - BESIDE_NAME_AND_BAR - max(map(len, names), default=0)))
    shares = [entry["proportion"] for entry in [*result["palette"], result["noise"]]]
    largest = max(shares) or 1.0
    for entry in result["palette"]:
        table.add_row(
            f"[on {entry['hex']}]      [/]",
            entry["hex"],
            entry["name"]["name"],
            _share(entry["proportion"]),
            f"accent {entry['accent']:.2f}",
            f"[{entry['hex']}]{_bar(entry['proportion'] / largest, cells) if entry['pixels'] else ''}[/]",
        )
    if result["noise"]["pixels"]:
        bar = _bar(result["noise"]["proportion"] / largest, cells, "░")
        table.add_row("░░░░░░", "", "noise", _share(result["noise"]["proportion"]), "", bar)
    console.print(table)
    if result["selection"] is not None:
        _show_selection(console, result["selection"])
    for note in result["notes"]:
        console.print(escape(note["detail"]))


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _share(proportion: float) -> str:
    return "< 0.1 %" if 0 < proportion < 0.001 else f"{100 * proportion:5.1f} %"


def _show_selection(console: Console, selection: dict[str, Any]) -> None:
    """The reason, and the curve: each number's inertia and silhouette, and the criterion as bars, worst to best."""
    measure = "inertia" if selection["criterion"] == "elbow" else selection["criterion"]
    values = [entry[measure] for entry in selection["curve"] if entry[measure] is not None]
    low, high = min(values, default=0), max(values, default=0)
    console.print(f"\n{escape(selection['reason'])}")
    names = list(dict.fromkeys(["inertia", "silhouette", measure]))
    table = Table(box=None, pad_edge=False, header_style="")
    for name in ("clusters", *names):
        table.add_column(name.replace("_", " "), justify="right")
    table.add_column()
    for entry in selection["curve"]:
        bar = _bar((entry[measure] - low) / ((high - low) or 1)) if entry[measure] is not None else ""
        mark = " ◀" if entry["n_clusters"] == selection["chosen"] else ""
        table.add_row(str(entry["n_clusters"]), *(_number(entry[name]) for name in names), bar + mark)
    console.print(table)


def _bar(length: float, cells: int = BAR_CELLS, cell: str = "█") -> str:
    """A bar of length 0 to 1, which is all of its cells; one of them is always seen."""
    return cell * max(1, round(cells * length))


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
