"""GIF: colours global or local, transparent ones, interlacing, frames, disposal, and frames beside their screen."""

import itertools
import struct
from collections.abc import Iterator

import numpy as np

from tests.matrix.case import Case

HEIGHT, WIDTH = 11, 14
PALETTE = np.random.default_rng(4).integers(0, 256, (8, 3), np.uint8)
OTHER = PALETTE[::-1].copy()
CLEAR = 5
Place = tuple[int, int]


def lzw(values: np.ndarray) -> bytes:
    """Indices below 8 as LZW that never grows its codes: a clearing code in time, then plain ones."""
    codes = []
    for at, value in enumerate(values.reshape(-1)):
        if at % 6 == 0:
            codes.append(8)
        codes.append(int(value))
    codes.append(9)
    number = sum(code << 4 * place for place, code in enumerate(codes))
    data = number.to_bytes((4 * len(codes) + 7) // 8, "little")
    pieces = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"\x03" + b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


def frame(index: np.ndarray, at: Place, *, clear: bool, local: bool, interlaced: bool, disposal: int) -> bytes:
    """A control extension and a picture of `index` int[h, w]."""
    height, width = index.shape
    if interlaced:
        index = np.concatenate([index[0::8], index[4::8], index[2::4], index[1::2]])
    control = b"\x21\xf9\x04" + struct.pack("<BHBB", disposal << 2 | clear, 10, CLEAR, 0)
    flags = (0x82 if local else 0) | 0x40 * interlaced
    colors = OTHER.tobytes() if local else b""
    return control + b"\x2c" + struct.pack("<HHHHB", *at, width, height, flags) + colors + lzw(index)


def file_of(frames: list[bytes], screen: Place, global_colors: bool = True) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x82 if global_colors else 0, 3, 0)
    return head + (PALETTE.tobytes() if global_colors else b"") + b"".join(frames) + b";"


def seen_of(index: np.ndarray, at: Place, screen: Place, clear: bool, local: bool) -> np.ndarray:
    """The first frame on its screen, which it enlarges; what it leaves uncovered is clear."""
    width, height = (max(side, begin + size) for side, begin, size in zip(screen, at, index.shape[::-1], strict=True))
    colors = (OTHER if local else PALETTE)[index]
    seen = np.zeros((height, width, 4), np.uint8)
    alpha = np.where((index == CLEAR) & clear, 0, 255).astype(np.uint8)
    seen[at[1] : at[1] + index.shape[0], at[0] : at[0] + index.shape[1]] = np.dstack([colors, alpha])
    return seen if (seen[..., 3] < 255).any() else seen[..., :3]


def cases() -> Iterator[Case]:
    index = np.random.default_rng(8).integers(0, 8, (HEIGHT, WIDTH))
    plain = {"clear": False, "local": False, "interlaced": False, "disposal": 0}
    places = (
        ("whole", (0, 0), (WIDTH, HEIGHT)),
        ("part", (3, 2), (WIDTH + 5, HEIGHT + 4)),
        ("beyond", (0, 0), (WIDTH - 4, HEIGHT - 3)),
        ("beyond and part", (6, 0), (WIDTH, HEIGHT + 2)),
        ("below", (0, 7), (WIDTH, HEIGHT)),
    )
    for (name, at, screen), clear, local, interlaced, disposal, count in itertools.product(
        places, (False, True), (False, True), (False, True), range(4), (1, 3)
    ):
        how = {"clear": clear, "local": local, "interlaced": interlaced, "disposal": disposal}
        frames = [frame(index, at, **how), *(frame(index[::-1, ::-1], (0, 0), **plain) for _ in range(count - 1))]
        data = file_of(frames, screen, global_colors=not local)
        seen = seen_of(index, at, screen, clear, local)
        steps = frozenset({"took_first_frame"} if count > 1 else ())
        # A browser plays what has several frames: what it draws is the second, by then.
        yield Case(f"gif {name} {how} {count}", data, seen, found={"frames": count}, steps=steps, shown=count == 1)
