"""`python -m tests.openapi` writes docs/openapi.yaml anew: what the gateway says of itself, as it was agreed upon."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
COPY = ROOT / "docs" / "openapi.yaml"
_ASK = "import json; from api.main import create_app; print(json.dumps(create_app().openapi()))"
HEAD = """\
# What /openapi.json says of a gateway without keys; with them, routes that want one have its schemes, 401, 403 and 429.
# Written by `python -m tests.openapi`, which also accepts a change; do not edit it.
"""


def document() -> dict[str, Any]:
    """Of a gateway without settings of its own, in a process of its own: it takes over all of that one's logs."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUEMILL_")}
    with tempfile.TemporaryDirectory() as nowhere:  # where no .env is
        asked = subprocess.run(
            [sys.executable, "-c", _ASK],
            cwd=nowhere,
            env={**environment, "PYTHONPATH": str(ROOT)},
            check=True,
            stdout=subprocess.PIPE,
        )
    found: dict[str, Any] = json.loads(asked.stdout)
    return found


def stored() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COPY.read_text())
    return found


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What is not the same, a line for each: gone (`-`), new (`+`) or another (`~`), and where."""
    old, new = dict(_leaves(before)), dict(_leaves(now))
    found = {place: f"- {place}: {_short(old[place])}" for place in old.keys() - new.keys()}
    found |= {place: f"+ {place}: {_short(new[place])}" for place in new.keys() - old.keys()}
    both = (place for place in old.keys() & new.keys() if old[place] != new[place])
    found |= {place: f"~ {place}: {_short(old[place])} -> {_short(new[place])}" for place in both}
    return [found[place] for place in sorted(found)]


def _leaves(node: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that has no others in it, by its place; an entry of a list by its name, where it has one."""
    if isinstance(node, dict) and node:
        for name, value in node.items():
            yield from _leaves(value, f"{place}/{str(name).replace('/', '~1')}")
    elif isinstance(node, list) and node:
        for number, value in enumerate(node):
            named = value.get("name") if isinstance(value, dict) else None
            yield from _leaves(value, f"{place}/{named or number}")
    else:
        yield place, node


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def main() -> int:
    now = document()
    found = changes(stored(), now) if COPY.exists() else ["+ all of it"]
    COPY.write_text(HEAD + yaml.safe_dump(now, allow_unicode=True, width=120))
    sys.stdout.write("\n".join([*found, f"{len(found)} changes; look at `git diff {COPY.name}`"]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
