"""`huemill cluster --save`: which files there are afterwards, and which are left as they were."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.support.images import SMALL_PNG, encoded, noise
from tests.support.serving import Serving, huemill_here


def listed(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_files_are_named_after_their_images(served: Serving, tmp_path: Path) -> None:
    """Into a folder that is not there, with spaces; what is saved is told; names are odd, and images called alike."""
    for name in ("a/photo.png", "b/photo.png", "b/Übung [1] & 50 %#?.tar.png", "b/.hidden"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(SMALL_PNG if "photo" in name else encoded(noise(20, 20)))
    images = ["a/photo.png", "b/photo.png", "b/Übung [1] & 50 %#?.tar.png", "b/.hidden"]
    options = ["--n-clusters", "2", "--output", "card", "--palette", "gpl", "--save", "my files/new [x]"]
    done = huemill_here(
        "cluster", *images, *options, cwd=tmp_path, HUEMILL_URL=f"127.0.0.1:{served.port}", COLUMNS="400"
    )
    assert done.returncode == 0, done
    parts = (".json", "-labels.png", "-labels.npy", "-card.png", "-palette.gpl")
    names = ["a-photo", "b-photo", "Übung [1] & 50 %#?.tar", ".hidden"]
    assert listed(tmp_path / "my files" / "new [x]") == {name + part for name in names for part in parts}
    for image, name in zip(images, names, strict=True):
        assert image in done.stdout
        assert f"Saved in my files/new [x]: {', '.join(name + part for part in parts)}" in done.stdout


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_name_that_is_not_utf_8(served: Serving, tmp_path: Path, options: list[str]) -> None:
    """Files are named after it, byte by byte; what cannot be shown or sent is U+FFFD."""
    name = os.fsdecode(b"\xff\xe4.png")
    (tmp_path / name).write_bytes(SMALL_PNG)
    done = huemill_here("cluster", name, "--save", "out", *options, cwd=tmp_path, HUEMILL_URL=served.url, COLUMNS="200")
    assert done.returncode == 0, done
    assert os.fsdecode(b"\xff\xe4.json") in listed(tmp_path / "out")
    assert "\ufffd\ufffd.png" in done.stdout
    assert "\ufffd\ufffd-labels.png" in done.stdout
    gone = huemill_here("cluster", name + "x", *options, cwd=tmp_path, HUEMILL_URL=served.url)
    assert (gone.returncode, "Traceback" in gone.stderr) == (1, False)


def test_an_image_and_its_mask_out_of_pipes(served: Serving, tmp_path: Path) -> None:
    """As a shell's `<(...)` gives them: they have no length before they end."""
    white = encoded(np.full((6, 8), 255, np.uint8))
    for name in ("image", "mask"):
        os.mkfifo(tmp_path / name)
    with ThreadPoolExecutor(2) as pool:
        pool.submit((tmp_path / "image").write_bytes, encoded(noise(6, 8)))
        pool.submit((tmp_path / "mask").write_bytes, white)
        done = huemill_here("cluster", "image", "--mask", "mask", "--json", cwd=tmp_path, HUEMILL_URL=served.url)
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["result"]["image"]["clustered_pixels"] == 48


def test_the_paths_of_saved_files_are_in_the_json(served: Serving, tmp_path: Path) -> None:
    """A program learns from `--json` what was written."""
    (tmp_path / "a.png").write_bytes(SMALL_PNG)
    done = huemill_here("cluster", "a.png", "--json", "--palette", "css", cwd=tmp_path, HUEMILL_URL=served.url)
    saved = json.loads(done.stdout)["saved"]
    assert set(saved) == {"a.json", "a-labels.png", "a-labels.npy", "a-palette.css"}
    assert all((tmp_path / path).stat().st_size for path in saved)


def test_no_image_is_overwritten(served: Serving, tmp_path: Path) -> None:
    """Where a result's file would be an image that was given, or its mask: an error says so, all stays as it was."""
    for name in ("a.png", "a-card.png", "b.png"):
        (tmp_path / name).write_bytes(SMALL_PNG)
    (tmp_path / "b-card.png").write_bytes(encoded(np.full((6, 8), 255, np.uint8)))
    before = listed(tmp_path)
    for images, options, taken in (
        (["a.png", "a-card.png"], [], "a-card.png"),
        (["b.png"], ["--mask", "b-card.png"], "b-card.png"),
    ):
        done = huemill_here("cluster", *images, *options, "--output", "card", cwd=tmp_path, HUEMILL_URL=served.url)
        assert done.returncode == 1
        assert f"{images[0]}: {taken} is an image that was given, and not overwritten" in done.stderr
        assert (tmp_path / taken).read_bytes() != b""
    assert (tmp_path / "a-card.png").read_bytes() == SMALL_PNG
    assert listed(tmp_path) - before == {"a-card.json", "a-card-labels.png", "a-card-labels.npy", "a-card-card.png"}


def test_two_images_files_never_take_each_others_place(served: Serving, tmp_path: Path) -> None:
    """The palette of `a` and the result of `a-palette` would be one file: one of the two images says so."""
    for name in ("a.png", "a-palette.png"):
        (tmp_path / name).write_bytes(SMALL_PNG)
    arguments = ("cluster", "a.png", "a-palette.png", "--palette", "json", "--save", "new")
    done = huemill_here(*arguments, cwd=tmp_path, HUEMILL_URL=served.url)
    assert done.returncode == 1
    assert done.stderr.count("new/a-palette.json is another image's file, and not overwritten") == 1


def test_a_folder_that_cannot_be_made(served: Serving, tmp_path: Path) -> None:
    """The line names it; nothing is left half written."""
    (tmp_path / "a.png").write_bytes(SMALL_PNG)
    done = huemill_here("cluster", "a.png", "--save", "a.png/new", cwd=tmp_path, HUEMILL_URL=served.url)
    assert done.returncode == 1
    assert "a.png: a.png/new cannot be written: Not a directory." in done.stderr
    assert listed(tmp_path) == {"a.png"}


def test_colours_of_a_saved_result(served: Serving, tmp_path: Path) -> None:
    """`--colors` takes a result that was saved: another image is painted with its palette."""
    (tmp_path / "a.png").write_bytes(SMALL_PNG)
    (tmp_path / "b.png").write_bytes(encoded(noise(30, 30)))
    assert huemill_here("cluster", "a.png", "--save", ".", cwd=tmp_path, HUEMILL_URL=served.url).returncode == 0
    arguments = ("cluster", "b.png", "--algorithm", "assign", "--colors", "a.json", "--json")
    done = huemill_here(*arguments, cwd=tmp_path, HUEMILL_URL=served.url)
    colors = [entry["hex"] for entry in json.loads((tmp_path / "a.json").read_text())["palette"]]
    assert [entry["hex"] for entry in json.loads(done.stdout)["result"]["palette"]] == colors == ["#ff0000", "#0000ff"]
