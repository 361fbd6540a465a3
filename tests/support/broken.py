"""Image files that are cut off, changed, or lie: made from good ones."""

import random
from collections.abc import Iterator

CUTS = 20
CHANGES = 200


def cuts(data: bytes, count: int = CUTS) -> Iterator[bytes]:
    """The file cut off at `count` places, among them its last byte."""
    for place in range(count):
        yield data[: 1 + (len(data) - 2) * place // (count - 1)]


def changes(data: bytes, count: int = CHANGES, seed: int = 0) -> Iterator[bytes]:
    """The file with one byte changed, `count` times; half of the places are in its first 64 bytes."""
    chance = random.Random(seed)
    for number in range(count):
        place = chance.randrange(min(len(data), 64) if number % 2 else len(data))
        yield data[:place] + bytes([data[place] ^ chance.randrange(1, 256)]) + data[place + 1 :]
