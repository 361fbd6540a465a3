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

BAR_CELLS = 24


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
                tasks[number] = bars.add_task(escape(images[number].name), total=1.0, stage=stage)
            bars.update(tasks[number], completed=fraction, stage=stage)

        yield watch


def show_outcome(image: Path, outcome: Outcome) -> None:
    """The palette on standard output, or the error on standard error."""
    if isinstance(outcome, ServiceError):
        click.echo(f"{image}: {outcome}", err=True)
    else:
        show_palette(Console(), image.name, outcome["result"])


def print_json(image: Path, outcome: Outcome) -> None:
    """One line: the job, or the error's code and message."""
    found = {"error": {"code": outcome.code, "message": str(outcome)}} if isinstance(outcome, ServiceError) else outcome
    click.echo(orjson.dumps({"file": str(image), **found}))


def show_palette(console: Console, name: str, result: dict[str, Any]) -> None:
    """The palette of a result: swatches in true colour, hex, name, share, accent; how the number was chosen; notes."""
    image = result["image"]
    console.print(
        f"\n[bold]{escape(name)}[/]  {image['width']} x {image['height']} {image['format']}, "
        f"{image['clustered_pixels']:,} pixels, {image['unique_colors']:,} colours, "
        f"{result['algorithm']} in {sum(result['timings_ms'].values()):,.0f} ms"
    )
    table = Table.grid(padding=(0, 1))
    largest = max((entry["proportion"] for entry in result["palette"]), default=1.0)
    for entry in result["palette"]:
        cells = max(1, round(BAR_CELLS * entry["proportion"] / largest))
        table.add_row(
            f"[on {entry['hex']}]      [/]",
            entry["hex"],
            entry["name"]["name"],
            _share(entry["proportion"]),
            f"accent {entry['accent']:.2f}",
            f"[{entry['hex']}]{'█' * cells}[/]",
        )
    if result["noise"]["pixels"]:
        table.add_row("░░░░░░", "", "noise", _share(result["noise"]["proportion"]), "", "")
    console.print(table)
    if result["selection"] is not None:
        _show_selection(console, result["selection"])
    for note in result["notes"]:
        console.print(escape(note["detail"]))


def _share(proportion: float) -> str:
    return "< 0.1 %" if 0 < proportion < 0.001 else f"{100 * proportion:5.1f} %"


def _show_selection(console: Console, selection: dict[str, Any]) -> None:
    """The reason, and the curve of the criterion as bars from its worst to its best."""
    measure = "inertia" if selection["criterion"] == "elbow" else selection["criterion"]
    values = {entry["n_clusters"]: entry[measure] for entry in selection["curve"] if entry[measure] is not None}
    console.print(f"\n{escape(selection['reason'])}")
    low, high = min(values.values(), default=0), max(values.values(), default=0)
    table = Table.grid(padding=(0, 1))
    for number, value in values.items():
        cells = 1 + round((BAR_CELLS - 1) * (value - low) / ((high - low) or 1))
        mark = "◀" if number == selection["chosen"] else ""
        table.add_row(f"{number:>3}", "█" * cells, f"{value:,.4g}", mark)
    console.print(table)
