"""`huemill`: a person's way in. Talks to the gateway over HTTP; starts processes, but imports none of their code."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.markup import escape

from cli.client import Client, ServiceError
from cli.display import progress_bars, show_palette
from cli.parameters import parameter_options, read_parameters
from cli.stack import StackError, running

DEFAULT_URL = "http://127.0.0.1:8000"
UPLOADS_AT_ONCE = 4
ANSWER_SECONDS = 1  # after Ctrl-C, for the answers to uploads that are under way
EXIT_FAILED, EXIT_UNREACHABLE = 1, 3


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="huemill")
def main() -> None:
    """Cluster the colours of images: every pixel, exactly."""


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Worker processes.")
@click.option("--data-dir", default="huemill-data", show_default=True, type=click.Path(path_type=Path))
@click.option("--redis-url", envvar="HUEMILL_REDIS_URL", help="A Redis or Valkey of your own; otherwise a private one.")
def serve(host: str, port: int, workers: int, data_dir: Path, redis_url: str | None) -> None:
    """Run the whole service on this machine, until Ctrl-C."""
    try:
        with running(data_dir, host, port, workers, redis_url) as stack:
            click.echo(f"huemill serves at {stack.url} (docs: {stack.url}/docs, data: {data_dir}); Ctrl-C stops it.")
            stack.watch()
    except StackError as error:
        _give_up(str(error))
    except KeyboardInterrupt:
        click.echo("stopped")


@main.command()
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--url", default=DEFAULT_URL, show_default=True, envvar="HUEMILL_URL", help="Where the service is.")
@click.option(
    "--mask", type=click.Path(path_type=Path), help="A second image of the same size: its dark pixels are left out."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each image, one a line; no bars.")
@parameter_options
def cluster(images: tuple[Path, ...], url: str, mask: Path | None, as_json: bool, **options: str | None) -> None:
    """Cluster IMAGES and show their palettes.

    Exit code: 0 when all succeeded, 1 when one failed, 2 for wrong options, 3 when no service answers.
    """
    params = read_parameters(options)
    with Client(url) as client:
        outcomes = cluster_images(client, images, params, Console(stderr=True, quiet=as_json), mask)
    for image, outcome in zip(images, outcomes, strict=True):
        _show(image, outcome, as_json)
    errors = [outcome for outcome in outcomes if isinstance(outcome, ServiceError)]
    if any(error.code == "unreachable" for error in errors):
        sys.exit(EXIT_UNREACHABLE)
    sys.exit(EXIT_FAILED if errors else 0)


@main.command()
def warmup() -> None:
    """Compile the worker's kernels now, so that the first job is not slow."""
    sys.exit(subprocess.call([sys.executable, "-m", "worker.warmup"]))


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def verify(arguments: tuple[str, ...]) -> None:
    """Run the exact engine and its reference on one image; say whether they agree, and how much faster one is."""
    sys.exit(subprocess.call([sys.executable, "-m", "worker.verify", *arguments]))


@main.command()
@click.argument("image", required=False, type=click.Path(path_type=Path))
@parameter_options
def demo(image: Path | None, **options: str | None) -> None:
    """Start the service, cluster one IMAGE (a photograph of scikit-learn's by default), show it, stop."""
    params = read_parameters(options)
    image = image or _sample_image()
    console = Console()
    try:
        with tempfile.TemporaryDirectory(prefix="huemill-") as folder, running(Path(folder)) as stack:
            console.print(f"huemill serves at {stack.url}: Valkey, a worker and the gateway, all on this machine.")
            with Client(stack.url) as client:
                (outcome,) = cluster_images(client, [image], params, console)
                _show(image, outcome, False)
                if isinstance(outcome, ServiceError):
                    sys.exit(EXIT_FAILED)
                saved = _save(client, outcome, image)
            console.print(f"\n  page    {stack.url}/\n  docs    {stack.url}/docs", soft_wrap=True)
            console.print(f"  result  {stack.url}{outcome['links']['result']}", soft_wrap=True)
            console.print("\nThe service is stopped again; `make serve` keeps it up. What stays is in:")
            for path in saved:
                console.print(f"  {path}", soft_wrap=True)
    except StackError as error:
        _give_up(str(error))


def cluster_images(
    client: Client, images: Sequence[Path], params: dict[str, Any], console: Console, mask: Path | None = None
) -> list[dict[str, Any] | ServiceError]:
    """Post all images, each with the `mask`, follow their jobs with a bar each; the succeeded job or the error of each.

    On Ctrl-C the jobs that have not ended are cancelled; an upload that is not answered within a second is broken off.
    """
    pool = ThreadPoolExecutor(UPLOADS_AT_ONCE)
    posting: set[int] = set()  # tasks whose image is sent, but not yet answered
    begun: set[str] = set()
    with progress_bars(console) as bars:

        def one(image: Path) -> dict[str, Any] | ServiceError:
            task = bars.add_task(escape(image.name), total=1.0, stage="upload")
            try:
                posting.add(task)
                try:
                    job = client.submit(image, params, mask)
                    begun.add(job["id"])
                finally:
                    posting.discard(task)
                job = client.wait(job["id"], lambda stage, done: bars.update(task, completed=done, stage=stage))
                begun.discard(job["id"])
            except OSError as error:
                what = "mask" if mask is not None and error.filename == str(mask) else "file"
                return ServiceError(f"The {what} cannot be read: {error.strerror}.", code="unreadable")
            except ServiceError as error:
                bars.update(task, stage="refused")
                return error
            bars.update(task, completed=1.0, stage="done" if job["status"] == "succeeded" else job["status"])
            if job["status"] == "cancelled":
                return ServiceError("The job was cancelled.", code="job_cancelled")
            if job["error"] is not None:
                return ServiceError(job["error"]["message"], code=job["error"]["code"])
            return job

        try:
            return list(pool.map(one, images))
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)  # no further image is begun
            until = time.monotonic() + ANSWER_SECONDS
            while posting and time.monotonic() < until:
                time.sleep(0.02)
            for job_id in list(begun):
                with suppress(ServiceError):
                    client.cancel(job_id)
            raise
        finally:
            # After Ctrl-C nobody waits for what is under way: it ends when the client is closed.
            pool.shutdown(wait=False, cancel_futures=True)


def _show(image: Path, outcome: dict[str, Any] | ServiceError, as_json: bool) -> None:
    if as_json:
        found = (
            {"error": {"code": outcome.code, "message": str(outcome)}} if isinstance(outcome, ServiceError) else outcome
        )
        click.echo(orjson.dumps({"file": str(image), **found}))
    elif isinstance(outcome, ServiceError):
        click.echo(f"{image}: {outcome}", err=True)
    else:
        show_palette(Console(), image.name, outcome["result"])


def _save(client: Client, job: dict[str, Any], image: Path) -> list[Path]:
    """Keep the result and the label map beside the place where the demo was run."""
    folder = Path("huemill-demo")
    folder.mkdir(exist_ok=True)
    result, labels = folder / f"{image.stem}.json", folder / f"{image.stem}.labels.png"
    result.write_bytes(orjson.dumps(client.result(job["id"])))
    labels.write_bytes(client.label_png(job["id"]))
    return [result, labels]


def _sample_image() -> Path:
    """scikit-learn's china.jpg, found without importing scikit-learn."""
    package = find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "datasets" / "images" / "china.jpg"


def _give_up(message: str) -> None:
    click.echo(f"huemill: {message}", err=True)
    sys.exit(EXIT_FAILED)
