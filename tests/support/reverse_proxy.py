"""nginx and Caddy before a gateway, set up as docs/operations.md says."""

import re
import socket
import ssl
from pathlib import Path

import httpx
import trustme
from websockets.sync.client import connect

from tests.support.processes import Child, free_port
from tests.support.waiting import until

HOST = "colors.example"
PREFIX = "/colors"
SETTINGS = {"root_path": PREFIX, "trusted_proxies": "127.0.0.1", "allowed_hosts": HOST}
KINDS = ("nginx", "caddy")
_DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"
_LANGUAGES = {"nginx": "nginx", "caddy": "caddyfile"}

_NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
worker_processes 1;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {example}
}}
"""
_CADDY = """
{{
    admin off
    storage file_system {folder}/storage
    auto_https disable_redirects
    skip_install_trust
}}
{example}
"""


class ReverseProxy:
    """A proxy that speaks TLS on a free port, and passes on to a gateway's."""

    def __init__(self, kind: str, folder: Path, gateway_port: int) -> None:
        folder.mkdir()
        folder.chmod(0o777)  # nginx' workers are nobody where it is started by root
        self.port, self._authority = free_port(), trustme.CA()
        certificate = self._authority.issue_cert(HOST)
        certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "both.pem"))
        example = self._adapted(_example(kind), folder, gateway_port)
        configuration = folder / kind
        wrapped = _NGINX if kind == "nginx" else _CADDY
        configuration.write_text(wrapped.format(folder=folder, example=example))
        command = {
            "nginx": ["nginx", "-c", str(configuration), "-e", "stderr"],
            "caddy": ["caddy", "run", "--adapter", "caddyfile", "--config", str(configuration)],
        }[kind]
        # Caddy keeps notes in the home folder.
        self._child = Child(
            kind, command, folder / f"{kind}.log", {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        )
        with self.client() as client:
            until(lambda: self._answers(client), f"{kind} answers")

    def _trusting(self) -> ssl.SSLContext:
        context = httpx.create_ssl_context()
        self._authority.configure_trust(context)
        return context

    def socket(self, path: str, origin: str | None) -> connect:
        """A WebSocket at the path, for which HOST leads here."""
        here = socket.create_connection(("127.0.0.1", self.port))
        return connect(f"wss://{HOST}{path}", sock=here, ssl=self._trusting(), origin=origin, proxy=None)  # type: ignore[arg-type]

    def client(self, **options: object) -> httpx.Client:
        """A client for which HOST leads here."""
        context = self._trusting()
        base = f"https://{HOST}:{self.port}{PREFIX}"
        return httpx.Client(base_url=base, transport=_Here(verify=context), timeout=30, **options)  # type: ignore[arg-type]

    def stop(self) -> None:
        self._child.stop()

    def _adapted(self, example: str, folder: Path, gateway_port: int) -> str:
        """The example with this one's ports and files, and nothing else changed."""
        replaced = {
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            f"{HOST} {{": f"{HOST}:{self.port} {{",
            "127.0.0.1:8000": f"127.0.0.1:{gateway_port}",
            f"/etc/ssl/{HOST}.pem": f"{folder}/both.pem",
            f"/etc/ssl/{HOST}.key": f"{folder}/both.pem",
        }
        for before, after in replaced.items():
            example = example.replace(before, after)
        return example

    def _answers(self, client: httpx.Client) -> bool:
        self._child.check()
        try:
            return client.get("/healthz").is_success
        except httpx.TransportError:
            return False


class _Here(httpx.HTTPTransport):
    """Dials 127.0.0.1 whatever the host, and still asks for it, in TLS too."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        here = httpx.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1"),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return super().handle_request(here)


def _example(kind: str) -> str:
    """The document's example."""
    (example,) = re.findall(rf"^```{_LANGUAGES[kind]}\n(.*?)^```$", _DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    return str(example)
