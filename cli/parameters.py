"""The algorithms' parameters as command-line options, made from their one declaration."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from shared.contract.errors import InvalidParams
from shared.contract.params import DEFAULT_ALGORITHM, MODELS, parse_params, read_value

F = TypeVar("F", bound=Callable[..., Any])


def parameter_options(command: F) -> F:
    """Add an option for every parameter of every algorithm."""
    owners: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    for algorithm, model in MODELS.items():
        for name, field in model.model_fields.items():
            owners.setdefault(name, []).append(algorithm)
            texts.setdefault(name, field.description or "")
    for name in reversed(list(owners)):
        if name == "algorithm":
            continue
        whose = "" if len(owners[name]) == len(MODELS) else f"[{', '.join(owners[name])}] "
        option = click.option(f"--{name.replace('_', '-')}", name, metavar="VALUE", help=whose + texts[name])
        command = option(command)
    return click.option("--algorithm", type=click.Choice(list(MODELS)), help=f"[default: {DEFAULT_ALGORITHM}]")(command)


def read_parameters(options: dict[str, str | None]) -> dict[str, Any]:
    """The options that were given, as a request's parameters. Raises click's UsageError for wrong ones."""
    try:
        params = {name: read_value(name, text) for name, text in options.items() if text is not None}
        parse_params(params)
    except InvalidParams as error:
        lines = [f"--{entry['field'].replace('_', '-')} {entry['message']}" for entry in error.errors]
        raise click.UsageError("\n".join(lines)) from None
    return params
