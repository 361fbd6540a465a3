"""How a command ends that cannot do what it was asked for."""

import sys
from typing import NoReturn

import click

EXIT_FAILED, EXIT_UNREACHABLE = 1, 3


def fail(message: str, code: int = EXIT_FAILED) -> NoReturn:
    """One line on stderr, and the exit code."""
    click.echo(f"huemill: {message}", err=True)
    sys.exit(code)
