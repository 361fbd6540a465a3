"""Receivers of callbacks: those of the documentation, as they are printed, and the command's."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from shared.contract.webhooks import key_of, signed_headers
from tests.support.calling import SECRETS
from tests.support.calls import finished
from tests.support.processes import Child, Service, free_port, running
from tests.support.serving import HUEMILL
from tests.support.waiting import until

DOCUMENT = Path(__file__).parents[2] / "docs" / "clients.md"
RECEIVERS = {
    "FastAPI": ["uvicorn", "receiver:app", "--port", "{port}"],
    "Flask": ["flask", "--app", "receiver", "run", "--port", "{port}"],
}


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """Where each of them listens."""
    return {kind: free_port() for kind in (*RECEIVERS, "the command")}


@pytest.fixture(scope="module")
def calling(tmp_path_factory: pytest.TempPathFactory, ports: dict[str, int]) -> Iterator[Service]:
    """A service that may call the receivers' ports of this machine."""
    settings = {"callback_secret": SECRETS[0], "callback_allow_http": True, "callback_allow": "127.0.0.1"}
    allowed = ",".join(map(str, ports.values()))
    with running(tmp_path_factory.mktemp("calling"), callback_ports=allowed, **settings) as service:
        yield service


def listening(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
    except httpx.TransportError:
        return False
    return True


@pytest.mark.parametrize("kind", RECEIVERS)
def test_the_documented_receivers(calling: Service, ports: dict[str, int], tmp_path: Path, kind: str) -> None:
    """Each prints the job's palette once, however often it is told, and refuses who does not know the secret."""
    codes = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (code,) = [code for code in codes if f"import {kind}" in code]
    (tmp_path / "receiver.py").write_text(code)
    port = ports[kind]
    command = ["-m", *(word.format(port=port) for word in RECEIVERS[kind])]
    environment = {"HUEMILL_CALLBACK_SECRET": SECRETS[0], "PYTHONPATH": str(tmp_path)}
    child = Child("receiver", [sys.executable, *command], tmp_path / "receiver.log", environment)
    try:
        until(lambda: child.check() or listening(port), "the receiver listens")
        url = f"http://127.0.0.1:{port}/huemill"
        with calling.client() as client:
            job = finished(client, n_clusters=2, callback_url=url)
            address = job["links"]["callbacks"]
            until(lambda: client.get(address).json()["deliveries"][0]["state"] == "delivered", "it is told")
            assert client.post(f"{address}/replay").is_success
            until(lambda: len(client.get(address).json()["deliveries"][0]["attempts"]) == 2, "it is told again")
            until(lambda: client.get(address).json()["deliveries"][0]["state"] == "delivered", "it is told again")
        headers = signed_headers([key_of(SECRETS[1])], "msg_x", 1, b"{}")
        assert httpx.post(url, content=b"{}", headers=headers, trust_env=False).status_code == 401
        printed = [line for line in child.text().splitlines() if job["id"] in line]
        assert printed == [f"job.succeeded {job['id']} {[entry['hex'] for entry in job['result']['palette']]}"]
    finally:
        child.stop()


def test_the_command(calling: Service, ports: dict[str, int], tmp_path: Path) -> None:
    """`huemill callbacks listen` prints what arrives, and says what is not from who knows the secret."""
    port = ports["the command"]
    command = [*HUEMILL, "callbacks", "listen", "--port", str(port)]
    child = Child("listen", command, tmp_path / "listen.log", {"HUEMILL_CALLBACK_SECRET": f"{SECRETS[1]} {SECRETS[0]}"})
    try:
        until(lambda: child.check() or "listening at" in child.text(), "it listens")
        url = f"http://127.0.0.1:{port}/"
        with calling.client() as client:
            job = finished(client, n_clusters=2, callback_url=url)
        until(lambda: f"msg_{job['id']}_succeeded: verified" in child.text(), "it is told")
        until(lambda: '"type": "job.succeeded"' in child.text(), "it prints what came")
        headers = signed_headers([key_of(SECRETS[0])], "msg_x", 1, b"no JSON")
        assert httpx.post(url, content=b"no JSON", headers=headers, trust_env=False).status_code == 401
        assert httpx.post(url, content=b"{}", trust_env=False).status_code == 401
        assert httpx.post(url, content=bytes(10**6), trust_env=False).status_code == 413
        until(lambda: "no webhook-id: NOT VERIFIED: it has no webhook-id" in child.text(), "it says what is wrong")
        assert "msg_x: NOT VERIFIED: it was signed more than five minutes from now" in child.text()
        assert not [secret for secret in SECRETS if secret[6:] in child.text()]
    finally:
        child.stop()


@pytest.mark.parametrize(("secret", "word"), [("whsec_short", "24 to 64 bytes"), ("no", "whsec_ and 24")])
def test_a_secret_that_is_none(tmp_path: Path, secret: str, word: str) -> None:
    """The command says what a secret is like, and does not repeat this one."""
    command = [*HUEMILL, "callbacks", "listen", "--port", str(free_port()), "--secret", secret]
    child = Child("listen", command, tmp_path / "listen.log")
    assert child.process.wait(20) == 2
    assert word in " ".join(child.text().split())
    assert "short" not in child.text()
