"""What the terminal shows."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.display import show_palette


def entry(color: str, name: str, share: float) -> dict[str, Any]:
    return {"hex": color, "name": {"name": name}, "proportion": share, "pixels": round(1000 * share), "accent": 0.5}


def shown(palette: list[dict[str, Any]], width: int = 80, noise: float = 0.0, **more: Any) -> list[str]:
    """The lines, without the heading and the spaces at their ends."""
    image = {"width": 8, "height": 6, "scaled_from": None, "format": "PNG", "clustered_pixels": 48, "unique_colors": 2}
    result = {
        "image": image, "palette": palette, "noise": {"pixels": round(1000 * noise), "proportion": noise},
        "algorithm": "kmeans", "timings_ms": {"cluster": 5.0}, "selection": None, "notes": [], **more,
    }  # fmt: skip
    console = Console(file=io.StringIO(), width=width)
    show_palette(console, Path("a folder/[bold] photo.png"), result)
    text = console.file.getvalue()
    heading, *lines = text.strip("\n").split("\n")
    assert heading.startswith("a folder/[bold] photo.png  8 x 6 PNG, 48 pixels, 2 colours, kmeans in 5 ms")
    return [line.rstrip() for line in lines]


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("name", ["red", "lightgoldenrodyellow", "light greenish blue with more"])
def test_each_colour_has_one_line(name: str, width: int) -> None:
    """Whatever its name and the terminal's width; hex, share and accent are whole."""
    lines = shown([entry("#ff0000", name, 0.6), entry("#00ff00", "lime", 0.3)], width, noise=0.1)
    assert len(lines) == 3
    if width > 60:
        assert all(text in lines[0] for text in ("#ff0000", name, "60.0 %", "accent 0.50", "█"))


def test_bars_are_to_scale() -> None:
    """The longest has 24 cells, half of it 12, a little one 1, none where there is no pixel; noise is hatched."""
    palette = [entry("#ff0000", "red", 0.5), entry("#00ff00", "lime", 0.25), entry("#0000ff", "blue", 0.001)]
    lines = shown([*palette, entry("#000000", "black", 0.0)], noise=0.249)
    assert [line.count("█") for line in lines] == [24, 12, 1, 0, 0]
    assert lines[-1].count("░") == 6 + 12


def test_the_curve_has_numbers_and_bars() -> None:
    """Each number tried with its inertia and silhouette, unknown ones as a dash; bars of the criterion; the choice."""
    curve = [
        {"n_clusters": 2, "inertia": 123456.7, "silhouette": 0.71234, "bic": -5.0},
        {"n_clusters": 3, "inertia": 61.2345, "silhouette": None, "bic": -9.0},
    ]
    selection = {"criterion": "silhouette", "chosen": 2, "reason": "Two are enough.", "curve": curve}
    lines = shown([entry("#ff0000", "red", 1.0)], selection=selection)
    assert lines[2] == "Two are enough."
    assert lines[3].split() == ["clusters", "inertia", "silhouette"]
    assert lines[4].split() == ["2", "123,457", "0.7123", "█", "◀"]
    assert lines[5].split() == ["3", "61.23", "-"]
    by_bic = shown([entry("#ff0000", "red", 1.0)], selection={**selection, "criterion": "bic"})
    assert by_bic[4].split() == ["2", "123,457", "0.7123", "-5", "█" * 24, "◀"]


def test_a_picture_that_was_scaled_says_so() -> None:
    """Its own size stands beside the one that was clustered."""
    image = {"width": 8, "height": 6, "scaled_from": [80, 60], "format": "PNG", "clustered_pixels": 48,
             "unique_colors": 2}  # fmt: skip
    with pytest.raises(AssertionError, match=r"8 x 6 \(of 80 x 60\) PNG, 48 pixels"):
        shown([], image=image)
