"""QOI's pixels (https://qoiformat.org/qoi-specification.pdf)."""

import numpy as np
from numpy.typing import NDArray

from worker.kernels import kernel


@kernel
def unpack(data: NDArray[np.uint8], pixels: NDArray[np.uint8]) -> int:
    """Decode the chunks `data` u8[n] into `pixels` u8[count, 4] (OUT).

    Returns how many pixels there were before the data ended: `count` for a whole picture.
    """
    size, count = len(data), len(pixels)
    seen = np.zeros((64, 4), np.uint8)
    red, green, blue, alpha = 0, 0, 0, 255
    at, made, run = 0, 0, 0
    while made < count:
        if run > 0:
            run -= 1
        else:
            if at >= size:
                return made
            tag = int(data[at])
            wanted = 4 if tag == 254 else 5 if tag == 255 else 2 if tag >> 6 == 2 else 1
            if at + wanted > size:
                return made
            if tag >= 254:
                red, green, blue = int(data[at + 1]), int(data[at + 2]), int(data[at + 3])
                if tag == 255:
                    alpha = int(data[at + 4])
            elif tag >> 6 == 0:
                red, green = int(seen[tag, 0]), int(seen[tag, 1])
                blue, alpha = int(seen[tag, 2]), int(seen[tag, 3])
            elif tag >> 6 == 1:
                red = (red + (tag >> 4 & 3) - 2) & 255
                green = (green + (tag >> 2 & 3) - 2) & 255
                blue = (blue + (tag & 3) - 2) & 255
            elif tag >> 6 == 2:
                step, second = (tag & 63) - 32, int(data[at + 1])
                red = (red + step - 8 + (second >> 4)) & 255
                green = (green + step) & 255
                blue = (blue + step - 8 + (second & 15)) & 255
            else:
                run = tag & 63
            at += wanted
            place = (red * 3 + green * 5 + blue * 7 + alpha * 11) & 63
            seen[place, 0], seen[place, 1], seen[place, 2], seen[place, 3] = red, green, blue, alpha
        pixels[made, 0], pixels[made, 1], pixels[made, 2], pixels[made, 3] = red, green, blue, alpha
        made += 1
    return made
