"""What a new method takes on the side that gateway, command line and workers share: one file, and its name."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TOY = '''
from typing import Literal

from pydantic import Field

from shared.contract.params.common import CommonParams, Method


class ToyParams(CommonParams):
    """Toy: every pixel is of the one cluster."""

    method = Method(queue="fast", timeout_seconds=7, reference_max_pixels=9)

    algorithm: Literal["toy"] = "toy"
    wheels: int = Field(4, strict=True, ge=1, le=8, description="Number of wheels.")
'''
SCRIPT = """
import json
from api.http.openapi import SUBMIT, algorithm_schemas
from shared.contract.errors import HuemillError
from shared.contract.params import check_reference_size, parse_params
from shared.jobs.model import Job, Upload
from shared.jobs.routing import queue_of
from shared.runtime.settings import Settings


def error(call, *args):
    try:
        call(*args)
    except HuemillError as error:
        return str(error)


toy = parse_params({"algorithm": "toy", "wheels": 3})
slow = parse_params({"algorithm": "toy", "engine": "reference"})
job = Job(id="1", params=toy, upload=Upload(key="k", size=1, sha256="0" * 64), created_at="2026-01-01T00:00:00Z")
print(json.dumps({
    "record": Job.model_validate_json(job.model_dump_json()).params.model_dump()["wheels"],
    "queues": [queue_of(toy), queue_of(slow)],
    "seconds": Settings().timeout_of(toy),
    "schema": algorithm_schemas()["toy"]["properties"]["wheels"],
    "query": [field["schema"] for field in SUBMIT["parameters"] if field["name"] in ("wheels", "algorithm")],
    "wrong": [error(parse_params, {"algorithm": "toy", "wheels": 9}), error(parse_params, {"wheels": 3})],
    "too large": error(check_reference_size, 10, slow),
}))
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of huemill that has one method more."""
    tree = tmp_path_factory.mktemp("tree")
    for room in ("shared", "api", "cli"):
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    params = tree / "shared" / "contract" / "params"
    (params / "toy.py").write_text(TOY)
    registry, head = (params / "registry.py").read_text(), "AnyParams: TypeAlias = "
    assert registry.count(head) == 1
    new = f"from shared.contract.params.toy import ToyParams\n\n{head}ToyParams | "
    (params / "registry.py").write_text(registry.replace(head, new))
    return tree


def run(tree: Path, *arguments: str, **environment: str) -> str:
    command = [sys.executable, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(tree), **environment}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_service_knows_a_new_method(tree: Path) -> None:
    """Requests, records, queue, time limit, reference size, schemas and errors follow from its declaration."""
    found: dict[str, Any] = json.loads(run(tree, "-c", SCRIPT))
    schema = found.pop("schema")
    assert (schema["default"], schema["maximum"], schema["description"]) == (4, 8, "Number of wheels.")
    algorithm, wheels = found.pop("query")
    assert "toy" in algorithm["enum"]
    assert wheels == {"type": "integer", "minimum": 1, "maximum": 8}
    assert found == {
        "record": 3,
        "queues": ["huemill.fast", "huemill.slow"],
        "seconds": 7,
        "wrong": [
            "wheels should be an integer from 1 to 8 (got 9)",
            "wheels is a parameter of toy, not of kmeans (got 3)",
        ],
        "too large": "The reference engine takes at most 9 pixels for toy; here are 10. "
        "Use the exact engine, or a smaller image.",
    }


def test_a_new_methods_time_limit_is_a_setting(tree: Path) -> None:
    """The operator has a variable for it, without an edit."""
    script = "from shared.runtime.settings import Settings; print(Settings().toy_timeout_seconds)"
    assert run(tree, "-c", script, HUEMILL_TOY_TIMEOUT_SECONDS="2.5") == "2.5\n"


def test_the_command_line_knows_a_new_method(tree: Path) -> None:
    """Its parameters are options, marked as its own."""
    script = "from cli.main import main; main(['cluster', '--help'])"
    text = " ".join(run(tree, "-c", script, COLUMNS="200").split())
    assert "--wheels VALUE [toy] Number of wheels." in text
    assert "[toy|" in text
