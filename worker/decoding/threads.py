"""On how many threads images are decoded. With the libraries it is a setting of the process, not of a call."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pi_heif import options as libheif
from PIL import AvifImagePlugin

from worker.progress import available_threads

Item = TypeVar("Item")

_most = available_threads()


def limit_threads(threads: int | None) -> None:
    """From now on images are decoded on so many threads; None: all processors that this process may use."""
    global _most
    _most = threads or available_threads()
    AvifImagePlugin.DEFAULT_MAX_THREADS = _most
    libheif.DECODE_THREADS = _most if _most > 1 else 0  # with 1 libheif begins one, and waits for it


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, of which the next is made on another thread, if there may be two, while one is being used."""
    if _most == 1:
        yield from items
        return
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item
