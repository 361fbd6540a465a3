"""A real S3-compatible server in a process of its own."""

import sys
from pathlib import Path

import httpx

from tests.support.processes import Child, free_port
from tests.support.waiting import until

BUCKET = "pictures"


class ObjectStore:
    """moto's server on a free port, with one bucket; `environment` is what obstore needs to find it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.blob_url = f"s3://{BUCKET}/huemill"
        self.environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests",
        }
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._child = Child("S3 server", command, folder / "s3.log")
        until(self._answers, "the S3 server answers")
        httpx.put(f"{self.url}/{BUCKET}", trust_env=False).raise_for_status()

    def _answers(self) -> bool:
        self._child.check()
        try:
            return httpx.get(f"{self.url}/moto-api/", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def names(self) -> list[str]:
        """The names of all objects in the bucket."""
        text = httpx.get(f"{self.url}/{BUCKET}?list-type=2", trust_env=False).text
        return sorted(part.partition("</Key>")[0] for part in text.split("<Key>")[1:])

    def kill(self) -> None:
        self._child.kill()

    def stop(self) -> None:
        self._child.stop()
