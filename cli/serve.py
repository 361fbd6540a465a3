"""`huemill serve` and `huemill demo`: the whole service on this machine."""

import logging
import sys
from pathlib import Path

import click

from cli.demo import run_demo
from cli.exits import EXIT_FAILED, fail
from cli.parameters import Given, parameter_options, read_parameters
from cli.preflight import told_settings
from cli.stack import running
from cli.supervisor import StackError, log


@click.command()
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
        fail(str(error))
    except KeyboardInterrupt:
        click.echo("stopped")


@click.command()
@click.argument("image", required=False, type=click.Path(path_type=Path))
@parameter_options
def demo(image: Path | None, **options: Given) -> None:
    """Start the service, cluster one IMAGE (a photograph of scikit-learn's by default), show it, stop."""
    params = read_parameters(options)
    try:
        succeeded = run_demo(image, params)
    except StackError as error:
        fail(str(error))
    sys.exit(0 if succeeded else EXIT_FAILED)
