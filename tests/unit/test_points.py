"""The colours that a 3-D view draws."""

import json

import numpy as np
import pytest

from worker.rendering.points import MOST_POINTS, PointCloud, choose, points_json


def many(colors: int, clusters: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct colours, their labels with noise, and their pixels."""
    random = np.random.default_rng(seed)
    keys = np.sort(random.choice(1 << 20, colors, replace=False)) * 15
    rgb = (keys[:, None] >> np.array([16, 8, 0]) & 255).astype(np.uint8)
    return rgb, random.integers(-1, clusters, colors).astype(np.int32), random.integers(1, 100, colors)


@pytest.mark.parametrize("colors", [1, 100, MOST_POINTS - 1, MOST_POINTS])
def test_few_colours_are_all_drawn(colors: int) -> None:
    """Up to as many as there are places nothing is left out."""
    np.testing.assert_array_equal(choose(*many(colors, 5)), np.arange(colors))


@pytest.mark.parametrize("clusters", [0, 1, 40, 3000])
@pytest.mark.parametrize("colors", [MOST_POINTS + 1, 200_000])
def test_many_colours_are_thinned(colors: int, clusters: int) -> None:
    """20,000 of them, ascending, the same every time; each cluster has its share of the places, and at least one."""
    rgb, labels, pixels = many(colors, clusters)
    shown = choose(rgb, labels, pixels)
    assert len(shown) == MOST_POINTS
    assert (np.diff(shown) > 0).all()
    np.testing.assert_array_equal(shown, choose(rgb, labels, pixels))
    sizes, kept = np.bincount(labels + 1), np.bincount(labels[shown] + 1, minlength=clusters + 1)
    assert (kept[sizes > 0] >= 1).all()
    assert (np.abs(kept - sizes * MOST_POINTS / colors) <= 2).all()


def test_small_clusters_stay() -> None:
    """Clusters of one colour among some of a hundred thousand."""
    rgb, labels, pixels = many(200_000, 2)
    labels[::1000] = np.arange(2, 202)
    assert set(labels[choose(rgb, labels, pixels)]) == {-1, *range(202)}


def test_more_clusters_than_places_are_shown_by_size() -> None:
    """Each place has a cluster of its own, the largest ones."""
    rgb, _, pixels = many(1000, 1)
    labels = np.repeat(np.arange(300), [4] * 100 + [3] * 200).astype(np.int32)
    shown = choose(rgb, labels, pixels, most=150)
    assert len(np.unique(labels[shown])) == 150
    assert set(range(100)) <= set(labels[shown].tolist())


def test_the_most_frequent_colour_of_a_cluster_is_shown() -> None:
    """However many colours there are: a picture's background must not be missing."""
    rgb, labels, pixels = many(100_000, 7)
    pixels[[5, 70_000]] = 1_000_000
    labels[[5, 70_000]] = 3, 4
    assert {5, 70_000} <= set(choose(rgb, labels, pixels).tolist())


def test_thinning_is_even_over_the_space() -> None:
    """Of each of the 64 parts of a cube full of colours about as much is left: 10 % within a fifth of it."""
    rgb = np.stack(np.meshgrid(*[np.arange(0, 256, 4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.uint8)
    shown = choose(rgb, np.zeros(len(rgb), np.int32), np.ones(len(rgb), np.int64), most=len(rgb) // 10)
    part = (rgb // 64).astype(int) @ [16, 4, 1]
    kept = np.bincount(part[shown], minlength=64) / np.bincount(part)
    assert kept.min() > 0.08
    assert kept.max() < 0.12


def test_the_file_says_what_was_chosen() -> None:
    """Members by name, colours as hex, coordinates rounded to four places."""
    cloud = PointCloud(
        np.array([[0, 1, 255], [255, 0, 16]], np.uint8),
        np.array([0, -1], np.int32),
        np.array([7, 9]),
        np.array([[0.123456, 0, 1], [2, 3, 4.00004]]),
        np.array([[0.5, 0.25, 0.125]]),
        ("L", "a", "b"),
    )
    assert json.loads(points_json(cloud)) == {
        "colors": ["#0001ff", "#ff0010"],
        "labels": [0, -1],
        "pixels": [7, 9],
        "coords": [[0.1235, 0.0, 1.0], [2.0, 3.0, 4.0]],
        "axes": ["L", "a", "b"],
        "centers": [[0.5, 0.25, 0.125]],
    }
