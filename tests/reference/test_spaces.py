"""Colour spaces against an independent library, and the way there and back for every colour that a file can hold."""

from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
from coloraide import Color

from shared.contract.params import ColorSpace
from worker.color.spaces import from_srgb, to_srgb

SPACES = pytest.mark.parametrize(("space", "peer"), [("lab", "lab-d65"), ("oklab", "oklab")])
# A grid, the eight corners, and the bytes on both sides of the transfer function's bend (10 and 11).
STEPS = (0, 1, 10, 11, 32, 77, 128, 190, 254, 255)


@SPACES
def test_coordinates_are_coloraides(space: ColorSpace, peer: str) -> None:
    """Every coordinate of a grid of colours and of the cube's corners is coloraide's to 1e-6."""
    rgb = np.array(list(product(STEPS, repeat=3)), np.uint8)
    expected = [Color("srgb", (color / 255).tolist()).convert(peer).coords() for color in rgb]
    np.testing.assert_allclose(from_srgb(rgb, space), expected, rtol=0, atol=1e-6)


@SPACES
def test_colours_between_the_bytes_come_back_as_coloraides(space: ColorSpace, peer: str) -> None:
    """Centres lie anywhere: coordinates of random colours become the sRGB that coloraide makes of them, to 1e-6."""
    rgb = np.random.default_rng(5).uniform(0, 255, (300, 3))
    coords = [Color("srgb", (color / 255).tolist()).convert(peer).coords() for color in rgb]
    np.testing.assert_allclose(to_srgb(np.array(coords), space), rgb, rtol=0, atol=1e-6)


@pytest.mark.parametrize("space", ["lab", "oklab"])
def test_every_colour_comes_back(space: ColorSpace) -> None:
    """sRGB to the space and back, rounded, is the identity on all 2^24 colours."""

    def returned(red: int) -> bool:
        keys = np.arange(red << 16, (red + 4) << 16)
        rgb = np.stack([keys >> 16, keys >> 8 & 255, keys & 255], axis=1).astype(np.uint8)
        return bool((np.rint(to_srgb(from_srgb(rgb, space), space)) == rgb).all())

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(returned, range(0, 256, 4)))
