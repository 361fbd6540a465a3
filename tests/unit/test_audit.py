"""`make audit`, by the real pip-audit, beside a database of advisories on loopback that says what it is told to."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.audit import LOCKS, audit
from tests.support.processes import free_port

ADVISORY = {
    "id": "PYSEC-2026-1",
    "summary": "made for this test",
    "affected": [
        {
            "package": {"name": "redis", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
        }
    ],
}


@contextmanager
def database(advisories: dict[str, Any], status: int = 200) -> Iterator[str]:
    """Answers as OSV does: `advisories` by package."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = advisories.get(question["package"]["name"])
            body = json.dumps({"vulns": [known]} if known else {}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


API = [lock for lock in LOCKS if lock.stem == "api"]


def test_nothing_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    """Without an advisory it passes, and says how many packages it has looked up: all of the lock file."""
    with database({}) as url:
        assert audit(API, url, {}) == 0
    locked = sum("==" in line for line in API[0].read_text().splitlines())
    assert f"{locked} packages of 1 lock files, 0 advisories." in capsys.readouterr().out


def test_an_advisory_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """It is named with its package and the version that mends it; with a reason it is accepted while it is found."""
    with database({"redis": ADVISORY}) as url:
        assert audit(API, url, {}) == 1
        assert "PYSEC-2026-1: redis" in capsys.readouterr().out
        assert audit(API, url, {"PYSEC-2026-1": "never called here"}) == 0
        assert "accepted: PYSEC-2026-1 (never called here)" in capsys.readouterr().out
    with database({}) as url:
        assert audit(API, url, {"PYSEC-2026-1": "never called here"}) == 1
        assert "take it out" in capsys.readouterr().out


@pytest.mark.parametrize("status", [None, 403, 503])
def test_a_database_that_cannot_be_reached(status: int | None, capsys: pytest.CaptureFixture[str]) -> None:
    """It passes, and says that nothing was audited: also where a proxy answers instead."""
    if status is None:
        assert audit(API, f"http://127.0.0.1:{free_port()}/v1/query", {}) == 0
    else:
        with database({}, status) as url:
            assert audit(API, url, {}) == 0
    assert capsys.readouterr().out.startswith("NOT AUDITED: the database of advisories cannot be reached")


def test_a_lock_file_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A failure of pip-audit's own is none of the database's: it fails."""
    (tmp_path / "broken.lock").write_text("redis==5.7.0\n")
    with database({}) as url:
        assert audit([tmp_path / "broken.lock"], url, {}) == 1
    assert "pip-audit failed" in capsys.readouterr().err
