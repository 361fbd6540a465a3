"""Write anew what docs/examples print and show: `python -m tests.examples [NAME.md ...]`."""

import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.examples import BLOCK, Shell, documents, frames, kept_of, steps
from tests.support.serving import starting


def rewritten(document: Path, shell: Shell) -> str:
    """The document with what its commands print now."""

    def block(found: "re.Match[str]") -> str:
        lines = []
        for step in steps(found[0]):
            lines += [f"$ {step.command}", *filter(None, [shell.run(step.command, document)])]
        return "\n".join(lines) + "\n"

    return BLOCK.sub(block, document.read_text())


def keep(source: Path, target: Path) -> None:
    """A small copy of a picture that was made; animations stay as they are."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".gif":
        shutil.copyfile(source, target)
    else:
        (picture,) = frames(source)
        picture.save(target, optimize=True, quality=93, subsampling=0)


def main(names: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as name, starting(Path(name)) as start:
        shell = Shell(Path(name), start("--workers", "1").url)
        shell.prepare()
        for document in documents():
            if not names or document.name in names:
                document.write_text(rewritten(document, shell))
                for kept in kept_of(document, shell):
                    keep(kept.made, kept.file)
                sys.stdout.write(f"{document}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
