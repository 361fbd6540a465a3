"""Pictures made with a known number of colours: what a criterion for the number of clusters should find."""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from worker.color.difference import ciede2000
from worker.color.spaces import from_srgb

SIZE = (180, 120)
LEAST_SHARE = 0.015  # of the pixels, that each colour has
_APART = 18.0  # Delta E 2000 that any two colours differ by, at least
_FINE = 4  # antialiased pictures are drawn at so many times their size

Pixels = NDArray[np.uint8]


def flat(count: int, seed: int) -> Pixels:
    """A logo: shapes of one colour each, no pixel between."""
    return _drawn(count, np.random.default_rng(seed), 1)


def antialiased(count: int, seed: int) -> Pixels:
    """The same with smooth edges."""
    return _drawn(count, np.random.default_rng(seed), _FINE)


def poster(count: int, seed: int) -> Pixels:
    """With smooth edges, saved as a JPEG of quality 75."""
    file = io.BytesIO()
    Image.fromarray(antialiased(count, seed)).save(file, "JPEG", quality=75)
    return np.asarray(Image.open(file).convert("RGB"))


def textured(count: int, seed: int) -> Pixels:
    """Things in uneven light: every area has noise, and is brighter on one side of the picture than on the other."""
    random = np.random.default_rng(seed)
    pixels = _drawn(count, random, _FINE).astype(np.float64)
    light = np.linspace(0.88, 1.0, SIZE[0])[None, :, None]
    noise = random.normal(0, 5, (*pixels.shape[:2], 1)) + random.normal(0, 3, pixels.shape)
    return np.clip(np.rint(pixels * light + noise), 0, 255).astype(np.uint8)


def blobs(count: int, seed: int) -> Pixels:
    """Soft round spots on a ground that slowly turns from one shade to another of the same colour."""
    random = np.random.default_rng(seed)
    while True:
        colors = _palette(count, random)
        y, x = np.mgrid[: SIZE[1], : SIZE[0]] / SIZE[1]
        shade = np.clip(colors[0] + random.uniform(-30, 30), 0, 255)
        pixels = colors[0] + (x / x.max())[:, :, None] * (shade - colors[0])
        owner = np.zeros(x.shape, int)
        for number in [*range(1, count)] * 2:
            place = random.random(2) * (x.max(), y.max())
            away = np.hypot(x - place[0], y - place[1]) / random.uniform(0.1, 0.25)
            cover = 1 / (1 + np.exp((away - 1) * 25))
            pixels += cover[:, :, None] * (colors[number] * (1 - 0.12 * away[:, :, None].clip(0, 1)) - pixels)
            owner[cover > 0.5] = number
        if _shares_are_enough(owner, count):
            return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


KINDS: dict[str, Callable[[int, int], Pixels]] = {
    "flat logos": flat,
    "antialiased": antialiased,
    "posters, JPEG": poster,
    "textured": textured,
    "blobs on gradients": blobs,
}


def _drawn(count: int, random: np.random.Generator, fine: int) -> Pixels:
    """Shapes in `count` colours on each other, until each of them has its share of the pixels."""
    while True:
        colors = _palette(count, random)
        width, height = SIZE[0] * fine, SIZE[1] * fine
        image = Image.new("L", (width, height), 0)
        draw = ImageDraw.Draw(image)
        for number in random.permutation([*range(1, count)] * 3).tolist():
            middle, half = random.random(2) * (width, height), random.uniform(0.06, 0.3, 2) * height
            box = [*(middle - half), *(middle + half)]
            shape = random.integers(3)
            if shape == 0:
                draw.ellipse(box, number)
            elif shape == 1:
                draw.rectangle(box, number)
            else:
                draw.regular_polygon(
                    (*middle, float(half[0])), int(random.integers(3, 8)), random.uniform(0, 90), number
                )
        owner = np.asarray(image)
        if _shares_are_enough(owner, count):
            pixels = Image.fromarray(np.rint(colors).astype(np.uint8)[owner])
            return np.asarray(pixels.resize(SIZE, Image.Resampling.BOX))


def _shares_are_enough(owner: NDArray[np.integer], count: int) -> bool:
    return bool((np.bincount(owner.reshape(-1), minlength=count) >= LEAST_SHARE * owner.size).all())


def _palette(count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Random colours that a person would tell apart, sRGB f64[count, 3]."""
    while True:
        colors = np.rint(random.uniform(15, 240, (count, 3)))
        lab = from_srgb(colors, "lab")
        apart = np.stack([ciede2000(lab, one) for one in lab]) + 1e3 * np.eye(count)
        if apart.min() >= _APART:
            return colors
