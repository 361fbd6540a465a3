"""On how many threads libraries decode. With them it is a setting of the process, not of a call."""

from pi_heif import options as libheif
from PIL import AvifImagePlugin

from worker.progress import available_threads


def limit_threads(threads: int | None) -> None:
    """From now on AVIF and HEIC are decoded on so many threads; None: all processors that this process may use."""
    most = threads or available_threads()
    AvifImagePlugin.DEFAULT_MAX_THREADS = most
    libheif.DECODE_THREADS = most if most > 1 else 0  # with 1 libheif begins one, and waits for it
