"""`huemill cluster`: images in, palettes out, by a service that runs somewhere."""

import sys
from pathlib import Path

import click
from rich.console import Console

from cli.client import Client, ServiceError
from cli.display import print_json, progress_bars, show_outcome
from cli.exits import EXIT_FAILED, EXIT_UNREACHABLE
from cli.jobs import Batch
from cli.manage import url_option
from cli.parameters import Given, each_palette, parameter_options, read_parameters
from cli.saving import Folder
from shared.contract.description import PRIORITIES
from shared.contract.palettes import PALETTE_FORMATS


@click.command()
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@url_option
@click.option(
    "--mask", type=click.Path(path_type=Path), help="A second image of the same size: its dark pixels are left out."
)
@click.option(
    "--save",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the results' files, each named after its image.",
)
@click.option(
    "--palette",
    "palettes",
    multiple=True,
    metavar="FORMAT,...",
    callback=each_palette,
    help=f"Save the palette as {', '.join(PALETTE_FORMATS)}.",
)
@click.option("--priority", type=click.Choice(PRIORITIES), help="batch: your interactive jobs go first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each image, one a line; no bars.")
@parameter_options
def cluster(
    images: tuple[Path, ...],
    url: str,
    mask: Path | None,
    save: Path | None,
    palettes: tuple[str, ...],
    priority: str | None,
    as_json: bool,
    **options: Given,
) -> None:
    """Cluster IMAGES and show their palettes; with --save, keep what was made of them.

    Exit code: 0 when all succeeded, 1 when one failed, 2 for wrong options, 3 when no service answers.
    """
    params = read_parameters(options)
    if save is None and (palettes or params.get("outputs")):
        save = Path()
    if priority is not None:
        params["priority"] = priority
    with Client(url) as client, progress_bars(Console(stderr=True, quiet=as_json), images) as watch:
        keep = None if save is None else Folder(client, save, images, palettes, mask).save
        outcomes = Batch(client, params, mask, watch, keep).run(images)
    for image, outcome in zip(images, outcomes, strict=True):
        (print_json if as_json else show_outcome)(image, outcome)
    errors = [outcome for outcome in outcomes if isinstance(outcome, ServiceError)]
    if any(error.code == "unreachable" for error in errors):
        sys.exit(EXIT_UNREACHABLE)
    sys.exit(EXIT_FAILED if errors else 0)
