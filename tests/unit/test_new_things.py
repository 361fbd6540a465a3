"""What a new method and a new output take: a file on each side that has to know of them, and a line each.

A copy of huemill is given both; the service's side, the pipeline, the command line and the engines' comparison follow.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
PARAMS = '''
from typing import Literal

from pydantic import Field

from shared.contract.params.common import CommonParams, Method


class ToyParams(CommonParams):
    """Toy: every pixel is of the one cluster."""

    method = Method(queue="fast", timeout_seconds=7, reference_max_pixels=9)

    algorithm: Literal["toy"] = "toy"
    wheels: int = Field(4, strict=True, ge=1, le=8, description="Number of wheels.")
'''
METHOD = """
from dataclasses import dataclass

import numpy as np

from shared.contract.params.toy import ToyParams
from worker.clustering.base import Answer, Clustering, ClusteringMethod, Pixels
from worker.clustering.comparison import Comparison
from worker.color.points import Points
from worker.progress import Meter

RUNS = []


@dataclass(frozen=True)
class ToyDetails:
    wheels: int

    def summary(self) -> dict[str, int]:
        return {"wheels": self.wheels}

    def of_clusters(self, _: np.ndarray) -> "ToyDetails":
        return self

    def compare(self, reference: "ToyDetails", points: Points, params: ToyParams) -> Comparison:
        return Comparison("wheels", float(self.wheels - reference.wheels), several=False)


def run(points: Points, params: ToyParams, meter: Meter) -> Clustering:
    RUNS.append(params.wheels)
    meter.tell(0.5)
    labels = np.zeros(len(points), np.int32)
    return Clustering(labels, points.means(labels, 1), ToyDetails(params.wheels))


def peer(pixels: Pixels, params: ToyParams) -> Answer:
    return np.zeros(len(pixels.coords), np.int32), ToyDetails(params.wheels)


METHOD = ClusteringMethod(
    run=run,
    peer=peer,
    compare=ToyDetails.compare,
    fewer=lambda _: "Use fewer wheels.",
    variants=(ToyParams(wheels=8),),
)
"""
OUTPUT = """
from collections.abc import Iterator

from worker.progress import Meter
from worker.rendering.base import File
from worker.segmentation import Segmentation


def draw(segmentation: Segmentation, meter: Meter) -> Iterator[File]:
    meter.tell(0.5)
    text = " ".join(f"{share:g}" for share in segmentation.shares)
    yield File("toy.txt", "text/plain", "The clusters' shares.", text.encode())
"""
FILES = {
    "shared/contract/params/toy.py": PARAMS,
    "worker/clustering/toy.py": METHOD,
    "worker/rendering/toy.py": OUTPUT,
}
# In which file, what is put before which line.
LINES = [
    (
        "shared/contract/params/registry.py",
        "AnyParams: TypeAlias = ",
        "from shared.contract.params.toy import ToyParams\n\n",
    ),
    ("shared/contract/params/registry.py", "KMeansParams | ", "ToyParams | "),
    ("worker/clustering/registry.py", '    "kmeans": "worker', '    "toy": "worker.clustering.toy",\n'),
    ("worker/rendering/registry.py", '    "labels": "worker', '    "toy": "worker.rendering.toy",\n'),
    ("shared/contract/outputs.py", '"recolored", "side', '"toy", '),
]
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
PIPELINE = """
import json
import sys
from pathlib import Path

from shared.contract.params import parse_params
from shared.formats import Limits
from worker import pipeline, warmup
from worker.clustering.toy import RUNS

warmup.warm_up()
warmed, told = list(RUNS), []
outcomes = [
    pipeline.run(
        Path(sys.argv[1]).read_bytes(),
        parse_params({"algorithm": "toy", "wheels": 3, "engine": engine, "outputs": ["toy"]}),
        lambda stage, fraction: told.append((stage, fraction)) is None,
        limits=Limits(),
    )
    for engine in ("exact", "reference")
]
exact, reference = [json.loads(outcome.result.model_dump_json()) for outcome in outcomes]
print(json.dumps({
    "warmed": warmed,
    "runs": RUNS[len(warmed):],
    "told": told,
    "quality": [exact["quality"], reference["quality"]],
    "palette": [exact["palette"], reference["palette"]],
    "artifacts": exact["artifacts"],
    "files": {name: len(data) for name, data in outcomes[0].files.items()},
    "text": outcomes[0].files["toy.txt"].decode(),
}))
"""
HTTP = """
import asyncio
import json

import httpx

from api.main import create_app


async def read():
    transport = httpx.ASGITransport(create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        answers = [await client.get(path) for path in ("/v1/algorithms", "/openapi.json")]
        return [answer.raise_for_status().json() for answer in answers]


print(json.dumps(asyncio.run(read())))
"""


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine pixels, which is what the toy's reference takes."""
    path = tmp_path_factory.mktemp("picture") / "nine.png"
    Image.fromarray(np.arange(27, dtype=np.uint8).reshape(3, 3, 3)).save(path)
    return path


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of huemill that has one method more, and one output."""
    tree = tmp_path_factory.mktemp("tree")
    for room in ("shared", "api", "cli", "worker"):
        # The kernels' machine code is kept beside their source: in the copy they are where they were.
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__", "kernels"))
    (tree / "worker" / "kernels").symlink_to(ROOT / "worker" / "kernels")
    for name, text in FILES.items():
        (tree / name).write_text(text)
    for name, before, line in LINES:
        text = (tree / name).read_text()
        assert text.count(before) == 1
        (tree / name).write_text(text.replace(before, line + before))
    return tree


def run(tree: Path, *arguments: str, **environment: str) -> str:
    command = [sys.executable, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(tree), **environment}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=110)
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


def test_the_pipeline_runs_a_new_method_and_a_new_output(tree: Path, picture: Path) -> None:
    """Both engines, the stages' progress, warm-up, the result's quality and palette, its files and their list."""
    found: dict[str, Any] = json.loads(run(tree, "-c", PIPELINE, str(picture)))
    assert found["warmed"] == [4, 8, 4, 8]  # in two spaces, the default parameters and the method's variants
    assert found["runs"] == [3]
    assert ["cluster", pytest.approx(0.5)] in found["told"]
    assert ["render", pytest.approx(0.975)] in found["told"]
    assert [quality["wheels"] for quality in found["quality"]] == [3, 3]
    (entry,) = found["palette"][0]
    assert (entry["hex"], entry["pixels"], entry["proportion"]) == ("#0c0d0e", 9, 1)
    assert found["palette"][1] == [entry]
    *others, toy = found["artifacts"]
    assert (toy["name"], toy["media_type"], toy["bytes"]) == ("toy.txt", "text/plain", 1)
    assert toy["description"] == "The clusters' shares."
    assert [artifact["name"] for artifact in others] == ["labels.png", "labels.npy"]
    assert found["files"] == {artifact["name"]: artifact["bytes"] for artifact in found["artifacts"]}
    assert found["text"] == "1"


def test_http_shows_a_new_method(tree: Path) -> None:
    """`/v1/algorithms` and the OpenAPI document have its parameters."""
    algorithms, document = json.loads(run(tree, "-c", HTTP))
    assert algorithms["toy"]["properties"]["wheels"]["description"] == "Number of wheels."
    fields = document["paths"]["/v1/jobs"]["post"]["parameters"]
    assert "(toy) Number of wheels." in [field.get("description") for field in fields]


def test_the_engines_of_a_new_method_are_compared(tree: Path, picture: Path) -> None:
    """`huemill verify` takes its parameters, runs both engines and prints the method's own measure."""
    lines = run(tree, "-m", "worker.verify", str(picture), "--algorithm", "toy", "--wheels", "2").splitlines()
    assert lines[1] == "toy: 9 colours, 9 pixels"
    assert "wheels                 +0.000000 % against the reference engine's" in lines
    assert lines[-1] == "The engines agree."
