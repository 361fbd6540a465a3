"""`huemill`: a person's way in. Talks to the gateway over HTTP; starts processes, but imports none of their code."""

import subprocess
import sys
from importlib import import_module

import click

# A command is imported when it is asked for: `cluster` needs nothing of what `serve` starts.
_MODULES = {
    "serve": "cli.serve",
    "demo": "cli.serve",
    "cluster": "cli.cluster",
    "jobs": "cli.manage",
    "cancel": "cli.manage",
    "callbacks": "cli.callbacks",
    "keys": "cli.keys",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*_MODULES, *super().list_commands(ctx)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(_MODULES[cmd_name]), cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="huemill")
def main() -> None:
    """Cluster the colours of images: every pixel, exactly."""


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
