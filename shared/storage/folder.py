"""Whole blobs in a local folder, without obstore, whose threads take more than the disk where a blob is small."""

from pathlib import Path
from uuid import uuid4


def write_whole(path: Path, data: bytes) -> None:
    """Write a blob that appears under its name when its last byte is written. If it cannot be, nothing is left."""
    begun = path.with_name(f"{path.name}#{uuid4().int}")  # as obstore calls it, so that the collector knows it
    try:
        try:
            begun.write_bytes(data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            begun.write_bytes(data)
        begun.replace(path)
    except BaseException:
        begun.unlink(missing_ok=True)
        raise
