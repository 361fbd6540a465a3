"""`make audit`: is there an advisory on anything in the lock files? `python -m tests.audit` asks OSV, by pip-audit.

An advisory fails, unless it is in ACCEPTED with a reason; so does a reason that is needed no more. A database that
cannot be reached says nothing about what is locked here: that is told, plainly, and does not fail.
"""

import argparse
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
OSV = "https://api.osv.dev/v1/query"
SECONDS = 15
# Advisory -> why it stays, and until when: nothing newer is there, or what it is about is never called here.
ACCEPTED: dict[str, str] = {}


def audit(locks: Sequence[Path], osv_url: str, accepted: dict[str, str]) -> int:
    """The exit code; what was found is printed."""
    report, words = _report(locks, osv_url)
    if report is None and not words.startswith("usage: ") and not _answers(osv_url):
        print(f"NOT AUDITED: the database of advisories cannot be reached ({osv_url}).")
        print("Nothing is known of what is in the lock files. Run `make audit` again where it can be.")
        return 0
    if report is None:
        print(f"pip-audit failed:\n{words[-2000:]}", file=sys.stderr)
        return 1
    found = {finding[0]: finding for finding in _findings(report)}
    for name, package, version, fixed in (finding for name, finding in found.items() if name not in accepted):
        print(f"{name}: {package} {version}; {f'fixed in {fixed}' if fixed else 'no version is fixed yet'}")
    for name, reason in accepted.items():
        print(f"accepted: {name} ({reason})" if name in found else f"{name} is accepted, and not found: take it out")
    missed = [entry["name"] for entry in report["dependencies"] if "skip_reason" in entry]
    if missed:
        print(f"not looked up: {', '.join(missed)}")
    print(f"{len(report['dependencies'])} packages of {len(locks)} lock files, {len(found)} advisories.")
    return int(found.keys() != accepted.keys() or bool(missed))


def _report(locks: Sequence[Path], osv_url: str) -> tuple[dict[str, Any] | None, str]:
    """pip-audit's report, or else its last words."""
    files = [part for lock in locks for part in ("--requirement", str(lock))]
    options = ["-s", "osv", "--osv-url", osv_url, "--timeout", str(SECONDS), "--format", "json"]
    # What is locked is all that there is to look up: nothing is installed or resolved for it.
    quietly = ["--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", *options, *quietly, *files], capture_output=True, text=True, check=False
    )
    try:
        return json.loads(done.stdout), ""
    except ValueError:
        return None, done.stderr


def _answers(osv_url: str) -> bool:
    """Whether the database can be asked at all."""
    question = json.dumps({"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "25.0"}).encode()
    request = urllib.request.Request(osv_url, question, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return isinstance(json.load(answer), dict)
    except (OSError, ValueError):
        return False


def _findings(report: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Advisory, package, version, versions in which it is mended."""
    for entry in report["dependencies"]:
        for finding in entry.get("vulns", ()):
            yield finding["id"], entry["name"], entry["version"], ", ".join(finding["fix_versions"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make audit", description=__doc__)
    parser.add_argument("--osv-url", default=OSV, help="another database of the same form (%(default)s)")
    raise SystemExit(audit(LOCKS, parser.parse_args().osv_url, ACCEPTED))
