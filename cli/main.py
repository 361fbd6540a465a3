"""`huemill`: a person's way in. Talks to the gateway over HTTP; starts processes, but imports none of their code."""

import logging
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console

from cli.client import Client, ServiceError
from cli.demo import run_demo
from cli.display import print_json, progress_bars, show_outcome
from cli.jobs import Batch
from cli.keys import keys
from cli.listener import Listener
from cli.manage import DEFAULT_URL, EXIT_FAILED, EXIT_UNREACHABLE, cancel, jobs
from cli.parameters import Given, each_name, parameter_options, read_parameters
from cli.preflight import told_settings
from cli.saving import Folder
from cli.stack import running
from cli.supervisor import StackError, log
from shared.contract.description import PRIORITIES
from shared.contract.webhooks import key_of


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="huemill")
def main() -> None:
    """Cluster the colours of images: every pixel, exactly."""


main.add_command(jobs)
main.add_command(cancel)
main.add_command(keys)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Worker processes.")
@click.option("--data-dir", default="huemill-data", show_default=True, type=click.Path(path_type=Path))
@click.option(
    "--redis-url",
    envvar="HUEMILL_REDIS_URL",
    help="A Redis or Valkey of your own; otherwise a private one. With a password, set HUEMILL_REDIS_URL instead: "
    "an option is shown to all who list processes.",
)
def serve(host: str, port: int, workers: int, data_dir: Path, redis_url: str | None) -> None:
    """Run the whole service on this machine, until Ctrl-C."""
    try:
        with running(data_dir, host, port, workers, redis_url) as stack:
            click.echo(f"huemill serves at {stack.url} (docs: {stack.url}/docs, data: {data_dir}); Ctrl-C stops it.")
            if told_settings(redis_url).auth == "none":
                click.echo("It asks for no keys (HUEMILL_AUTH=none): whoever reaches it may use it.")
            log.addHandler(logging.StreamHandler())  # a person hears of restarts as well
            stack.watch()
    except StackError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        click.echo("stopped")


@main.command()
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--url", default=DEFAULT_URL, show_default=True, envvar="HUEMILL_URL", help="Where the service is.")
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
    callback=each_name,
    help="Save the palette as css, gpl, ase, svg, ...",
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


@main.group()
def callbacks() -> None:
    """For people who build a receiver of callbacks."""


@callbacks.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", required=True, type=click.IntRange(1, 65535))
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    envvar="HUEMILL_CALLBACK_SECRET",
    help="As the service has it, to verify what comes; repeated while secrets are rotated. Others on this machine see "
    "a command's options: the variable is for secrets in earnest.",
    show_envvar=True,
)
def listen(host: str, port: int, secrets: tuple[str, ...]) -> None:
    """Print what arrives, and whether it is signed as it should be, until Ctrl-C.

    What is verified is answered 204, what is not 401. Without a secret nothing is verified, and all is answered 204.
    """
    try:
        keys = [key_of(secret) for text in secrets for secret in text.replace(",", " ").split()]
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        with Listener(host, port, keys, click.echo) as listener:
            click.echo(f"listening at {listener.url}; Ctrl-C stops it.")
            listener.serve_forever()
    except OSError as error:
        _fail(f"cannot listen at {host}:{port}: {error.strerror}")
    except KeyboardInterrupt:
        click.echo("stopped")


@main.command()
@click.option("--first", is_flag=True, help="Only what a job with nothing but an image needs; a worker does the rest.")
def warmup(first: bool) -> None:
    """Compile the worker's kernels now, so that the first job is not slow."""
    sys.exit(subprocess.call([sys.executable, "-m", "worker.warmup", *(["--first"] if first else [])]))


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def verify(arguments: tuple[str, ...]) -> None:
    """Run the exact engine and its reference on one image; say whether they agree, and how much faster one is."""
    sys.exit(subprocess.call([sys.executable, "-m", "worker.verify", *arguments]))


@main.command()
@click.argument("image", required=False, type=click.Path(path_type=Path))
@parameter_options
def demo(image: Path | None, **options: Given) -> None:
    """Start the service, cluster one IMAGE (a photograph of scikit-learn's by default), show it, stop."""
    params = read_parameters(options)
    try:
        succeeded = run_demo(image, params)
    except StackError as error:
        _fail(str(error))
    sys.exit(0 if succeeded else EXIT_FAILED)


def _fail(message: str) -> NoReturn:
    click.echo(f"huemill: {message}", err=True)
    sys.exit(EXIT_FAILED)
