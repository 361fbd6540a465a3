"""The worked examples, run as they are printed."""

from pathlib import Path

import pytest

from tests.support import examples
from tests.support.serving import Serving

# Of 255, in the mean: what JPEG makes of it, and no more. Another palette differs by more than ten.
CLOSE = 2.5
LARGEST = 150_000


@pytest.fixture(scope="module")
def shell(served: Serving, tmp_path_factory: pytest.TempPathFactory) -> examples.Shell:
    """Where the preparation has been done."""
    made = examples.Shell(tmp_path_factory.mktemp("examples"), served.url)
    made.prepare()
    return made


@pytest.mark.parametrize("document", examples.documents(), ids=lambda document: document.stem)
def test_an_example_is_as_it_is_printed(document: Path, shell: examples.Shell) -> None:
    """Every command prints what stands below it, but for times; every picture is the one that is shown."""
    steps = examples.steps_of(document)
    assert steps
    for step in steps:
        assert examples.lasting(shell.run(step.command, document)) == examples.lasting(step.output)
    pictures = examples.kept_of(document, shell)
    assert pictures
    for kept in pictures:
        assert kept.file.stat().st_size < LARGEST
        assert examples.difference(examples.frames(kept.file), examples.frames(kept.made)) < CLOSE, kept.file


def test_every_picture_that_is_kept_is_shown(shell: examples.Shell) -> None:
    """No file of docs/examples is left over from an earlier text, and the list there names every example."""
    shown = {kept.file for document in examples.documents() for kept in examples.kept_of(document, shell)}
    assert {path for path in examples.EXAMPLES.glob("*/**/*") if path.is_file()} == shown
    text = examples.PREPARATION.read_text()
    assert all(f"({document.name})" in text for document in examples.documents())
