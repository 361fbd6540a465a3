"""Shell sessions as documents print them: commands, and what they are said to answer."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PROMPT = "$ "


@dataclass(frozen=True)
class Command:
    """A command, and the text that is printed below it."""

    text: str
    printed: str


def sessions(*words: str) -> dict[str, list[Command]]:
    """The blocks of README.md, CONTRIBUTING.md and docs/ in which one of the words begins a command, by their place."""
    found = {}
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for block in _BLOCK.finditer(document.read_text()):
            commands = _commands(block[2]) if block[1] == "console" else [Command(block[2], "")]
            begins = re.compile(rf"^ *({'|'.join(words)}) ", re.MULTILINE)
            if block[1] in ("", "console") and any(begins.search(command.text) for command in commands):
                line = document.read_text()[: block.start()].count("\n") + 1
                found[f"{document.name}:{line}"] = commands
    return found


def _commands(block: str) -> list[Command]:
    """Of a block with prompts. A line that ends in a backslash goes on in the next."""
    found = []
    for piece in ("\n" + block).split("\n" + _PROMPT)[1:]:
        lines = piece.splitlines()
        length = next(number for number, line in enumerate(lines, 1) if not line.endswith("\\"))
        found.append(Command("\n".join(lines[:length]), "\n".join(lines[length:])))
    return found
