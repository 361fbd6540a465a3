"""Whole blobs in a local folder."""

from pathlib import Path

import pytest

from shared.storage.folder import write_whole


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """Of a blob whose last step fails nothing is there; another one is there, with its folder, and its latest bytes."""
    (tmp_path / "taken" / "by a folder").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "taken", b"x")
    write_whole(tmp_path / "new" / "blob", b"x")
    write_whole(tmp_path / "new" / "blob", b"y")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "taken"]
    assert [path.read_bytes() for path in (tmp_path / "new").iterdir()] == [b"y"]
