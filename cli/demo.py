"""`huemill demo`: all of it once, on this machine. What it prints is still true when it has ended."""

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console

from cli.client import Client, ServiceError
from cli.display import progress_bars, show_error, show_palette
from cli.jobs import Batch
from cli.saving import Folder
from cli.stack import running

FOLDER = Path("huemill-demo")
OUTPUTS = ("recolored", "card", "scatter")


def run_demo(image: Path | None, params: dict[str, Any]) -> bool:
    """Start the service, cluster the image (china.jpg by default), show and save the result, stop.

    Answers whether it succeeded. Raises StackError if the service cannot start.
    """
    image = image or _sample_image()
    os.environ["HUEMILL_AUTH"] = "none"  # nobody else has the time to find it
    params = {**params, "outputs": [*dict.fromkeys([*params.get("outputs", []), *OUTPUTS])]}
    console = Console()
    with tempfile.TemporaryDirectory(prefix="huemill-") as folder, running(Path(folder)) as stack:
        console.print("Valkey, a worker and the gateway are up, all on this machine.")
        with Client(stack.url) as client, progress_bars(console, [image]) as watch:
            (outcome,) = Batch(client, params, None, watch, Folder(client, FOLDER, [image]).save).run([image])
    if isinstance(outcome, ServiceError):
        show_error(image, outcome)
        return False
    show_palette(console, image, outcome.job["result"])
    console.print("\nThe service is stopped again. What stays of it:")
    width = max(len(str(file.path)) for file in outcome.saved)
    for file in outcome.saved:
        console.print(f"  {file.path!s:<{width}}  {file.description}", soft_wrap=True, highlight=False)
    there = "the page is at /, the console at /docs, each result at /v1/jobs/{id}/result."
    console.print(f"\n`make serve` keeps it up: {there}", soft_wrap=True)
    return True


def _sample_image() -> Path:
    """scikit-learn's china.jpg, found without importing scikit-learn."""
    package = find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "datasets" / "images" / "china.jpg"
