"""The label map as an indexed PNG: label i is palette entry i, drawn in its cluster's colour."""

import numpy as np
from numpy.typing import NDArray

from shared.contract.results import EXCLUDED_LABEL, NOISE_LABEL
from worker.rendering import png

NOISE_RGBA = (128, 128, 128, 128)
EXCLUDED_RGBA = (0, 0, 0, 0)


def label_png(labels: NDArray[np.integer], colors: NDArray[np.uint8], threads: int = 1) -> bytes:
    """A PNG of `labels` int[h, w] (0..k-1, noise -1, excluded -2) in `colors` u8[k, 3].

    Noise is entry k, half-transparent grey; excluded pixels are entry k + 1, fully transparent. With more than 254
    clusters an index does not fit into 8 bits, and the pixels' colours are written instead.
    """
    count = len(colors)
    palette = np.full((count + 2, 4), 255, np.uint8)
    palette[:count, :3] = colors
    palette[count], palette[count + 1] = NOISE_RGBA, EXCLUDED_RGBA
    # Negative labels index a table from its end: -1 is its last place, -2 the one before.
    entries = np.arange(count + 2)
    entries[NOISE_LABEL], entries[EXCLUDED_LABEL] = count, count + 1
    if count + 2 <= 256:
        alpha = palette[:, 3]
        return png.indexed(labels, palette[:, :3], entries=entries.astype(np.uint8), alpha=alpha, threads=threads)
    height, width = labels.shape
    shown = palette[entries]

    def rows(begin: int, end: int) -> NDArray[np.uint8]:
        made = np.empty((end - begin, 1 + 4 * width), np.uint8)
        made[:, 0] = png.NO_FILTER
        made[:, 1:] = shown[labels[begin:end]].reshape(end - begin, 4 * width)
        return made

    return png.encode((width, height), 8, png.TRUECOLOR_ALPHA, rows, threads=threads)
