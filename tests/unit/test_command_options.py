"""The command's options, as they are read before anything is sent."""

import io
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from cli.cluster import cluster
from cli.display import show_jobs
from cli.main import main
from cli.parameters import read_parameters

COLORS = ["#ff8800", "#003366"]


@pytest.mark.parametrize("name", ["palette", "fixed"])
@pytest.mark.parametrize(
    "given", ["result.json", "palette.json", "#ff8800,#003366", "#ff8800, #003366", json.dumps(COLORS)]
)
def test_lists_of_colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, given: str) -> None:
    """Hex codes with commas, JSON, and what was saved as JSON, result or palette, are the same."""
    monkeypatch.chdir(tmp_path)
    Path("result.json").write_text(json.dumps({"palette": [{"hex": color} for color in COLORS], "colors": 5}))
    Path("palette.json").write_text(json.dumps({"title": "", "colors": [{"hex": color} for color in COLORS]}))
    options = {"algorithm": "assign" if name == "palette" else "kmeans", name: given}
    assert read_parameters(options)[name] == COLORS


@pytest.mark.parametrize("given", [["card,plot"], ["card", "plot"], [" card, ,plot", "card"]])
def test_names_are_repeated_or_have_commas(given: list[str]) -> None:
    """Each of them counts once."""
    context = click.Context(cluster)
    (output,) = [each for each in cluster.params if each.name == "outputs"]
    assert output.process_value(context, given) == ("card", "plot")


@pytest.mark.parametrize(
    ("given", "value"), [([], None), (["--predecessor-correction"], True), (["--no-predecessor-correction"], False)]
)
def test_switches(given: list[str], value: bool | None) -> None:
    """A switch that is not given is left to the service."""
    context = cluster.make_context("cluster", ["a.png", *given])
    params = read_parameters(
        {"algorithm": "optics", "predecessor_correction": context.params["predecessor_correction"]}
    )
    assert params.get("predecessor_correction") is value


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--algorithm assign --colors missing.json", "missing.json cannot be read: No such file or directory."),
        ("--algorithm assign --colors other.json", "other.json is no result and no palette that huemill has saved."),
        ("--algorithm assign --colors text.json", "text.json is no result and no palette that huemill has saved."),
        ("--algorithm assign", "--colors should be colours: #ff8800,#003366, or the .json of a saved result"),
        ("--palette css,cart", "'cart' is none of json, csv, css, "),
        ("--output cart,plot", "--output should be 'recolored' or 'side_by_side' or"),
        ("--fixed red", "--fixed[0] should be a colour: '#rrggbb'"),
        ("--algorithm assign --colors #ff8800,red", "--colors[1] should be a colour: '#rrggbb'"),
        (f"--algorithm assign --colors {','.join(['#ff8800'] * 65)} --output masks", "64: --colors has 65 colours"),
        ("--n-clusters 9..2", "--n-clusters should be an integer from 1 to 256, 'auto', or a range such as 2..15"),
        ("--fixed #ff8800,#003366 --n-clusters 1", "--fixed has 2 colours, but --n-clusters is 1"),
        ("--fixed #ff8800 --init [[0,0,0]]", "--fixed cannot be given together with --init: leave one"),
        ("--algorithm optics --cluster-method dbscan", "which dbscan needs: give --eps or --max-eps"),
        ("--n-clusters 3 --output sweep", "--output has sweep, which shows a choice: give --n-clusters as 'auto' or"),
    ],
)
def test_wrong_options_are_told_in_the_commands_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, words: str
) -> None:
    """Exit code 2; the line says what to type here, not what a request would hold."""
    monkeypatch.chdir(tmp_path)
    Path("other.json").write_text('{"palette": [1]}')
    Path("text.json").write_text("text")
    done = CliRunner().invoke(main, ["cluster", "a.png", *options.split()])
    assert done.exit_code == 2
    assert words in done.output


def test_every_command_is_found() -> None:
    """Under its own name; a command that there is not is told as click does."""
    context = click.Context(main)
    names = main.list_commands(context)
    assert len(set(names)) == len(names) == 9
    found = [main.get_command(context, name) for name in names]
    assert [command and command.name for command in found] == names
    done = CliRunner().invoke(main, ["nonsense"])
    assert (done.exit_code, "No such command 'nonsense'" in done.output) == (2, True)


@pytest.mark.parametrize(
    ("command", "spared"), [("cluster", "redis"), ("jobs", "redis"), ("warmup", "httpx"), ("callbacks", "rich")]
)
def test_a_command_imports_what_it_needs(command: str, spared: str) -> None:
    """Nobody waits for the packages of another command."""
    script = f"import sys; from cli.main import main; main([{command!r}, '--help'], standalone_mode=False); "
    script += f"assert {spared!r} not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)


def test_a_narrow_terminal_cuts_no_state() -> None:
    """Of what does not fit into 80 columns the id, the state and the algorithm stay whole."""
    job = {
        "id": "0" * 32,
        "status": "cancelled",
        "params": {"algorithm": "agglomerative"},
        "created_at": "2026-01-01T00:00:00",
        "client_reference": "order 4711",
        "tags": ["summer"],
        "image": {"filename": "a long name of a photograph.jpeg"},
    }
    console = Console(width=80, record=True, file=io.StringIO())
    show_jobs(console, [job, {**job, "status": "running", "progress": {"fraction": 1.0}}])
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 80
    for line, state in zip(lines[1:], ("cancelled", "running 100%"), strict=True):
        assert line.startswith("0" * 32)
        assert state in line
        assert "agglomerative" in line
