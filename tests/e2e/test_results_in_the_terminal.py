"""What `huemill cluster` shows and saves of a result: names, shares, accents, the curve, palettes in each format."""

import json
import re
import struct
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.support.images import SMALL_PNG, encoded
from tests.support.pictures import decoded
from tests.support.serving import Serving, huemill_here

FORMATS = ("json", "csv", "css", "scss", "tailwind.css", "tokens.json", "gpl", "ase", "aco", "svg")
STRIPES = np.repeat(np.array([[[200, 30, 40], [250, 250, 250], [20, 60, 160], [30, 30, 30]]], np.uint8), 12, axis=1)
PICTURE = encoded(
    np.clip(np.repeat(STRIPES, 30, axis=0) + np.random.default_rng(2).integers(-3, 4, (30, 48, 3)), 0, 255).astype(
        np.uint8
    )
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "red & blue.png").write_bytes(SMALL_PNG)
    (tmp_path / "stripes.png").write_bytes(PICTURE)
    return tmp_path


def test_outputs_are_saved_under_the_images_name(served: Serving, folder: Path) -> None:
    """Each file is what it says: the recoloured picture has the palette's colours, the card is one."""
    arguments = ("cluster", "stripes.png", "--n-clusters", "4", "--output", "recolored", "--output", "card")
    done = huemill_here(*arguments, "--save", "out", cwd=folder, HUEMILL_URL=served.url)
    assert done.returncode == 0, done
    names = {"stripes.json", "stripes-labels.png", "stripes-labels.npy", "stripes-recolored.png", "stripes-card.png"}
    assert {path.name for path in (folder / "out").iterdir()} == names
    palette = json.loads((folder / "out" / "stripes.json").read_bytes())["palette"]
    painted = decoded((folder / "out" / "stripes-recolored.png").read_bytes(), "RGB")
    labels = np.load(folder / "out" / "stripes-labels.npy")
    assert (painted == np.array([entry["rgb"] for entry in palette])[labels]).all()
    assert decoded((folder / "out" / "stripes-card.png").read_bytes()).shape == (630, 1200, 3)


def test_palettes_are_saved_in_each_format(served: Serving, folder: Path) -> None:
    """All at once, each with the two colours in it."""
    wanted = [word for ending in FORMATS for word in ("--palette", ending)]
    done = huemill_here("cluster", "red & blue.png", *wanted, "--save", "out", cwd=folder, HUEMILL_URL=served.url)
    assert done.returncode == 0, done
    files = {ending: (folder / "out" / f"red & blue-palette.{ending}").read_bytes() for ending in FORMATS}
    for ending in ("json", "csv", "css", "scss", "tailwind.css", "tokens.json", "svg"):
        assert {b"#ff0000", b"#0000ff"} <= set(re.findall(rb"#[0-9a-f]{6}", files[ending])), ending
    assert re.findall(rb"^ *(\d+) +(\d+) +(\d+)\t", files["gpl"], re.M) == [(b"255", b"0", b"0"), (b"0", b"0", b"255")]
    assert struct.pack(">3f", 1, 0, 0) in files["ase"]
    assert struct.unpack_from(">HH2H", files["aco"]) == (1, 2, 0, 65535)
    title = ElementTree.fromstring(files["svg"]).find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert title.text == "red & blue"


def test_the_terminal_shows_each_colour(served: Serving, folder: Path) -> None:
    """On one line: hex, name, share, how much it stands out, and a bar as long as its share."""
    done = huemill_here("cluster", "red & blue.png", "--n-clusters", "2", cwd=folder, HUEMILL_URL=served.url)
    (red,) = [line for line in done.stdout.splitlines() if "#ff0000" in line]
    (blue,) = [line for line in done.stdout.splitlines() if "#0000ff" in line]
    for line, name, share in ((red, "red", "75.0 %"), (blue, "blue", "25.0 %")):
        assert re.search(rf"\b{name}\b", line)
        assert share in line
        assert re.search(r"accent 0\.\d\d", line)
    assert 2 < red.count("█") / blue.count("█") < 4
    assert sorted(path.name for path in folder.iterdir()) == ["red & blue.png", "stripes.png"], "nothing was saved"


@pytest.mark.parametrize(
    ("wish", "numbers"), [("auto", range(2, 16)), ("2..15", range(2, 16)), ('{"min": 3, "max": 6}', range(3, 7))]
)
def test_a_choice_is_shown_as_a_chart(served: Serving, folder: Path, wish: str, numbers: range) -> None:
    """The reason, then a bar for each number tried; the chosen one is marked, and has as many colours as it says."""
    done = huemill_here(
        "cluster", "stripes.png", "--n-clusters", wish, "--criterion", "silhouette", cwd=folder, HUEMILL_URL=served.url
    )
    assert done.returncode == 0, done
    assert "4 clusters have the highest mean silhouette" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if re.match(r" *\d+ .*█", line)]
    assert [int(row[0]) for row in rows] == list(numbers)
    assert [row[0] for row in rows if "◀" in row] == ["4"]
    lengths = {row[0]: max(word.count("█") for word in row) for row in rows}
    assert lengths["4"] == max(lengths.values())
    assert len(re.findall(r"#[0-9a-f]{6}", done.stdout)) == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--output", "poster"), "recolored"),
        (("--n-clusters", "some"), "'auto'"),
        (("--n-clusters", "15..2"), "2 to 64"),
        (("--n-clusters", "auto", "--criterion", "best"), "silhouette"),
        (("--output", "sweep"), "'auto'"),
        (("--output", "masks", "--n-clusters", "65"), "at most 64"),
        (("--palette", "css,pdf"), f"'pdf' is none of {', '.join(FORMATS)}."),
    ],
)
def test_wrong_values_are_refused_before_anything_is_sent(folder: Path, arguments: tuple[str, ...], words: str) -> None:
    """Exit code 2, the option's name and what it takes; no service is asked."""
    done = huemill_here("cluster", "stripes.png", *arguments, cwd=folder, HUEMILL_URL="http://127.0.0.1:9")
    assert done.returncode == 2, done
    assert arguments[-2] in done.stderr or arguments[0] in done.stderr
    assert words in done.stderr
    assert done.stdout == ""
