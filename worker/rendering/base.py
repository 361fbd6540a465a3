"""What an output is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from shared.contract.results import Note
from worker.progress import Meter
from worker.segmentation import Segmentation


@dataclass(frozen=True)
class File:
    """A file of a result."""

    name: str
    media_type: str
    description: str  # what it is, a sentence
    data: bytes


Drawn: TypeAlias = File | Note
"""What an output gives: its files, and a note where one is left out."""
Output = Callable[[Segmentation, Meter], Iterable[Drawn]]
"""Draws one or more files, or none where there is nothing to draw, and then says why.

What takes longer than a moment tells the meter, which raises Stopped where nobody wants it any more, and runs on the
meter's threads.
"""
