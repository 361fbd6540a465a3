"""What the embedded stack's processes find in their environment."""

from pathlib import Path

import pytest

from cli.parts import environment


def test_a_storage_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blobs lie in the data folder, unless the operator names another place; Redis is the one that was started."""
    monkeypatch.setenv("HUEMILL_REDIS_URL", "redis://elsewhere")
    monkeypatch.delenv("HUEMILL_BLOB_URL", raising=False)
    found = environment(tmp_path, "redis://here")
    assert (found["HUEMILL_BLOB_URL"], found["HUEMILL_REDIS_URL"]) == ((tmp_path / "blobs").as_uri(), "redis://here")
    monkeypatch.setenv("HUEMILL_BLOB_URL", "s3://bucket/prefix")
    assert environment(tmp_path, "redis://here")["HUEMILL_BLOB_URL"] == "s3://bucket/prefix"
