"""The shell sessions of README and docs, run as they are printed; only the port is another."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.conftest import ONE_STORE, require
from tests.support.calls import finished
from tests.support.images import encoded, noise, photograph
from tests.support.jobs import ended
from tests.support.processes import Service, StoreServer
from tests.support.sessions import sessions

pytestmark = ONE_STORE

SESSIONS = sessions("curl", "huemill cluster")
# What is another in every run.
PASSING = {"id", "expires_at", "decode", "count", "cluster", "render"}
MEMBER = re.compile(r'"(\w+)": (\[\[.*?\]\]|\[[^\[\]]*\]|"[^"]*"|[-\d.]+|null|true|false)')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the session's files lie: the photograph of the documents, another one, and a mask for the first."""
    shutil.copy(photograph("flower.jpg"), tmp_path / "photo.jpg")
    (tmp_path / "other.png").write_bytes(encoded(noise(30, 40)))
    mask = np.zeros((427, 640), np.uint8)
    mask[100:300, 100:500] = 255
    (tmp_path / "mask.png").write_bytes(encoded(mask))
    return tmp_path


def run(command: str, folder: Path, service: Service, job: str) -> str:
    """What the command writes; `job` is the id of one that has ended. It may not fail, whatever of it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    named = {"HUEMILL_URL": service.url, "URL": service.url}  # and the document's own names
    environment = {**os.environ, "PATH": path, **named, "JOB": job}
    whole = ["bash", "-euo", "pipefail", "-c", command]
    done = subprocess.run(whole, cwd=folder, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def documents(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in what was written, one after the other."""
    decoder = json.JSONDecoder()
    while (begin := text.find("{")) >= 0:
        document, end = decoder.raw_decode(text, begin)
        yield document
        text = text[end:]


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """Every member of every object within."""
    if isinstance(value, dict):
        yield from value.items()
    for inside in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from members(inside)


def same(printed: str, actual: Any) -> bool:
    """Whether it is what is printed, which may be rounded, or cut."""
    if isinstance(actual, list) and printed.startswith("["):
        texts = re.findall(r"-?\d+(?:\.\d+)?", printed)
        numbers = np.ravel(actual).tolist()
        return len(texts) == len(numbers) and all(map(same, texts, numbers))
    if isinstance(actual, float):
        return printed == str(round(actual, len(printed.partition(".")[2])))
    text = json.dumps(actual, ensure_ascii=False)
    return text.startswith(printed[:-2]) if printed.endswith('…"') else text == printed


def compare(printed: str, output: str, document: dict[str, Any]) -> None:
    """What is printed is what was written: header lines as they stand, and members of the document."""
    head, _, body = printed.rpartition("\n\n") if printed.startswith("HTTP/") else ("", "", printed)
    assert set(head.splitlines()) <= set(output.replace("\r", "").splitlines())
    found = list(members(document))
    said = [(name, text) for name, text in MEMBER.findall(body) if name not in PASSING]
    for name, text in said:
        assert any(name == member and same(text, value) for member, value in found), f"{name}: {text}"
    assert len(said) > 3


@pytest.mark.parametrize("place", SESSIONS)
def test_a_session(service: Service, client: httpx.Client, folder: Path, place: str) -> None:
    """Every command runs, every job that it makes succeeds, and what is printed below it is what it answers."""
    require("curl")
    renamed = {"http://127.0.0.1:8000": service.url}
    done = finished(client)["id"]
    for command in SESSIONS[place]:
        output = run(replaced(command.text, renamed), folder, service, done)
        answers = list(documents(output)) if "curl" in command.text else []
        for answer in answers:
            if "status" in answer:
                assert ended(client, answer)["status"] == "succeeded", answer
        if command.printed:
            (answer,) = answers
            renamed |= names_in(command.printed, "id", answer)
            compare(replaced(command.printed, renamed), output, answer)
            renamed |= names_in(command.printed, "sha256", answer)  # cut, and cut again where a later command has it
    for labels in folder.glob("labels.png"):
        assert labels.read_bytes().startswith(b"\x89PNG")


def names_in(printed: str, member: str, answer: dict[str, Any]) -> dict[str, str]:
    """What is called so in print, and otherwise in this run."""
    return dict.fromkeys(re.findall(rf'"{member}": "([^"]+)"', printed), answer.get(member, ""))


def replaced(text: str, renamed: dict[str, str]) -> str:
    for name, actual in renamed.items():
        text = text.replace(name, actual)
    return text


def test_which_sessions_there_are(store_server: StoreServer) -> None:
    """They are found: in README, one that prints what it answers, and others."""
    assert len(SESSIONS) >= 6
    assert any(command.printed.startswith("HTTP/1.1 200") for commands in SESSIONS.values() for command in commands)
