"""The algorithms' parameters as command-line options, made from their one declaration."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson

from shared.contract.errors import InvalidParams
from shared.contract.outputs import OUTPUT_NAMES
from shared.contract.palettes import PALETTE_FORMATS
from shared.contract.params import DEFAULT_ALGORITHM, MODELS, parse_params, read_value

# These have options of their own, which are easier to type.
_APART = {"algorithm", "outputs"}
# `--palette` is for palette files; the colours that are given to `assign` are its `--colors`.
_OPTION_NAMES = {"palette": "colors"}
_SPAN = re.compile(r"(\d+)\.\.(\d+)")
# How a range is written in a request, and here.
_SPAN_TEXTS = ('{"min": 2, "max": 15}', "2..15")
_COLOR_LISTS = {"palette", "fixed"}
# Parameters that messages about others name.
_NAMED = re.compile(r"\b(n_clusters|palette|max_eps|eps|init(?=:))\b")
_COLORS_HELP = "#ff8800,#003366, or the .json of a saved result, whose palette is taken"

F = TypeVar("F", bound=Callable[..., Any])


def each_name(_: click.Context, __: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    """The names of an option that is repeated, or has several with commas between them, each once."""
    names = (name.strip() for text in given for name in text.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def each_palette(context: click.Context, option: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    """The endings of palette files that are asked for, each once. Raises click's BadParameter for one that is none."""
    endings = each_name(context, option, given)
    for ending in endings:
        if ending not in PALETTE_FORMATS:
            raise click.BadParameter(f"{ending!r} is none of {', '.join(PALETTE_FORMATS)}.")
    return endings


def parameter_options(command: F) -> F:
    """Add an option for every parameter of every algorithm."""
    owners: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    switches: set[str] = set()
    for algorithm, model in MODELS.items():
        for name, field in model.model_fields.items():
            owners.setdefault(name, []).append(algorithm)
            texts.setdefault(name, field.description or "")
            if field.annotation is bool:
                switches.add(name)
    for name in reversed(list(owners)):
        if name in _APART:
            continue
        whose = "" if len(owners[name]) == len(MODELS) else f"[{', '.join(owners[name])}] "
        text = texts[name].replace(*_SPAN_TEXTS) + (f" Here: {_COLORS_HELP}." if name in _COLOR_LISTS else "")
        if name in switches:
            spelled = f"{_option(name)}/--no-{_option(name).removeprefix('--')}"
            option = click.option(spelled, name, default=None, help=whose + text)
        else:
            option = click.option(_option(name), name, metavar="VALUE", help=whose + text)
        command = option(command)
    output = click.option(
        "--output",
        "outputs",
        multiple=True,
        metavar="NAME,...",
        callback=each_name,
        help=f"Files beside the labels: {', '.join(OUTPUT_NAMES)}.",
    )
    command = output(command)
    return click.option("--algorithm", type=click.Choice(list(MODELS)), help=f"[default: {DEFAULT_ALGORITHM}]")(command)


Given = str | bool | Sequence[str] | None
"""What an option has: its text, whether a switch is on, a repeated one's texts; or nothing."""


def read_parameters(options: dict[str, Given]) -> dict[str, Any]:
    """The options that were given, as a request's parameters. Raises click's UsageError for wrong ones."""
    try:
        params = {name: _value(name, given) for name, given in options.items() if given not in (None, (), "")}
        parse_params(params)
    except InvalidParams as error:
        lines = [f"{_option(entry['field'])} {_worded(entry['field'], entry['message'])}" for entry in error.errors]
        raise click.UsageError("\n".join(lines)) from None
    return params


def _worded(field: str, message: str) -> str:
    """A message about a request in the words of the command line."""
    message = _NAMED.sub(lambda name: _option(name[0]), message).replace(*_SPAN_TEXTS)
    if field in _COLOR_LISTS and message.startswith("should be"):
        return f"should be colours: {_COLORS_HELP}; it {message}"
    return message


def _value(name: str, given: Given) -> Any:
    if isinstance(given, bool):
        return given
    if not isinstance(given, str):
        return list(given or ())
    if name in _COLOR_LISTS and not given.startswith("["):
        return _palette_of(Path(given)) if given.endswith(".json") else [color.strip() for color in given.split(",")]
    span = _SPAN.fullmatch(given) if name == "n_clusters" else None
    return read_value(name, given) if span is None else {"min": int(span[1]), "max": int(span[2])}


def _palette_of(path: Path) -> list[str]:
    """The colours of a result, or of a palette, that was saved as JSON. Raises click's UsageError if it is none."""
    try:
        found = orjson.loads(path.read_bytes())
        return [entry["hex"] for entry in found["palette" if "palette" in found else "colors"]]
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise click.UsageError(f"{path} is no result and no palette that huemill has saved.") from None


def _option(name: str) -> str:
    """How a parameter, or a place in one, is called on the command line."""
    if name.startswith("outputs"):
        return "--output"
    parameter, bracket, place = name.partition("[")
    return f"--{_OPTION_NAMES.get(parameter, parameter).replace('_', '-')}{bracket}{place}"
