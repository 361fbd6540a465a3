"""What an output is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from worker.progress import Meter
from worker.segmentation import Segmentation


@dataclass(frozen=True)
class File:
    """A file of a result."""

    name: str
    media_type: str
    description: str  # what it is, a sentence
    data: bytes


Output = Callable[[Segmentation, Meter], Iterable[File]]
"""Draws one or more files, or none where there is nothing to draw.

What takes longer than a moment tells the meter, which raises Stopped where nobody wants it any more, and runs on the
meter's threads.
"""
