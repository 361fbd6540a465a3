"""README's Python session, as it is printed."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.images import encoded, noise
from tests.support.processes import Service, StoreServer
from tests.support.waiting import until

README = Path(__file__).parents[2] / "README.md"


def session(service: Service, folder: Path) -> "subprocess.Popen[str]":
    """The session begun, where a photo lies; only the port is another."""
    (folder / "photo.jpg").write_bytes(encoded(noise(60, 60), "JPEG"))
    (code,) = re.findall(r"```python\n(import time\n.*?)```", README.read_text(), re.DOTALL)
    assert code.count("http://127.0.0.1:8000") == 1
    code = code.replace("http://127.0.0.1:8000", service.url)
    return subprocess.Popen([sys.executable, "-c", code], cwd=folder, text=True, stdout=-1, stderr=subprocess.STDOUT)


def test_the_python_session(
    own_service: Callable[..., Service], own_store: Callable[..., StoreServer], tmp_path: Path
) -> None:
    """The session prints the palette, also where the worker is slower than the wait: then it polls."""
    service = own_service(own_store(), max_wait_seconds=1).start_gateway()
    running = session(service, tmp_path)
    with service.client() as client:
        # It has its 202 and polls before there is a worker at all.
        until(lambda: 'route="/v1/jobs/{job_id}"' in client.get("/metrics").text, "the session polls", 60)
    assert running.poll() is None
    service.start_worker()
    output, _ = running.communicate(timeout=100)
    assert running.returncode == 0, output
    lines = output.splitlines()
    assert len(lines) == 4
    assert all(re.fullmatch(r"#[0-9a-f]{6} \d+\.\d%", line) for line in lines)
