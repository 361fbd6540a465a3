"""Requests by the thousand that are made from the OpenAPI document alone, by schemathesis."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import Service, StoreServer

CONFIG = Path(__file__).parents[1] / "support" / "generated.toml"
SECONDS = 30
# That there were requests that follow from answers.
LINKS = re.compile(r"Stateful \(in .*?API Links: +[1-9]\d* covered / .*?\d+ passed", re.DOTALL)
BOUNDS = ["--max-examples", "15", "--max-time", str(SECONDS)]


@pytest.mark.timeout(3 * SECONDS)
def test_the_document_keeps_its_word(
    own_service: Callable[..., Service], own_store: Callable[..., StoreServer], tmp_path: Path
) -> None:
    """What the document allows is taken, what it forbids is refused; each answer is of a status, a type, a schema and
    header fields that it names, and none is 5xx. What one answer names, such as a job's id, the next request asks for.
    """
    service = own_service(own_store()).start_gateway()
    service.start_worker()
    service.wait_for_workers()
    schemathesis = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)]
    run = subprocess.run(
        [*schemathesis, "run", f"{service.url}/openapi.json", "--no-color", "--seed", "1", *BOUNDS],
        cwd=tmp_path,  # where it keeps its notes
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.support.generated", "PYTHONPATH": str(CONFIG.parents[2])},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Tested: 22" in run.stdout
    assert len(LINKS.findall(run.stdout)) == 1, run.stdout
    assert not service.gateway or not service.gateway.said("defect")
