"""Requests by the thousand that are made from the OpenAPI document alone, by schemathesis."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.access.limits import Rate
from tests.support.keys import Operator
from tests.support.processes import Service, StoreServer

# Everything can be asked, and quotas are told: none is used up.
PLENTY = {"requests": Rate(count=10**6, seconds=1), "max_queued": 10**6, "pixels_per_hour": 10**12}
CONFIG = Path(__file__).parents[1] / "support" / "generated.toml"
# That there were requests that follow from answers.
LINKS = re.compile(r"Stateful \(in .*?API Links: +[1-9]\d* covered / .*?\d+ passed", re.DOTALL)
# No bound in seconds: a slow machine would try less, and never come to what follows from answers.
BOUNDS = ["--max-examples", "15"]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("auth", ["none", "keys"])
def test_the_document_keeps_its_word(
    own_service: Callable[..., Service], own_store: Callable[..., StoreServer], tmp_path: Path, auth: str
) -> None:
    """What the document allows is taken, what it forbids is refused; each answer is of a status, a type, a schema and
    header fields that it names, and none is 5xx. What one answer names, such as a job's id, the next request asks for.
    Where it asks for keys, what it says of them is tried without one, and with wrong ones.
    """
    store = own_store()
    service = own_service(store, auth=auth).start_gateway()
    service.start_worker()
    service.wait_for_workers()
    more: list[str] = []
    if auth == "keys":
        text = str(Operator(store).make("schemathesis", "admin", **PLENTY).text)
        # In both fields: it makes up what it is not given, and two keys that differ are none.
        more = ["--header", f"Authorization: Bearer {text}", "--header", f"X-API-Key: {text}"]
        # Each schema's smallest and largest values, thousands of them, are tried where there are no keys.
        more += ["--phases", "examples,fuzzing,stateful"]
    schemathesis = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)]
    run = subprocess.run(
        [*schemathesis, "run", f"{service.url}/openapi.json", "--no-color", "--seed", "1", *BOUNDS, *more],
        cwd=tmp_path,  # where it keeps its notes
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.support.generated", "PYTHONPATH": str(CONFIG.parents[2])},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Tested: 23" in run.stdout
    assert len(LINKS.findall(run.stdout)) == 1, run.stdout
    assert not service.gateway or not service.gateway.said("defect")
