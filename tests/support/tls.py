"""Certificates of an authority of our own, and stores that speak TLS with them."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

import redis
import trustme

from tests.support.processes import StoreServer


class Authority:
    """An authority's certificate, and those that it has signed, as files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._ca = folder, trustme.CA()
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def certificate(self, name: str) -> tuple[Path, Path]:
        """The files of a certificate for a host's name or address, and of its key."""
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        if not certificate.exists():
            made = self._ca.issue_cert(name)
            made.private_key_pem.write_to_path(str(key))
            certificate.write_bytes(b"".join(part.bytes() for part in made.cert_chain_pems))
        return certificate, key

    def server(self, name: str) -> ssl.SSLContext:
        """What a server needs that is called `name`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate(name))
        return context

    def query(self, client: str | None = None) -> str:
        """What a URL says: whom to trust, and the certificate of `client` to show."""
        files = {"ssl_ca_certs": self.file}
        if client is not None:
            files["ssl_certfile"], files["ssl_keyfile"] = self.certificate(client)
        return urlencode(files)


def tls_lines(authority: Authority, port: int, name: str, *, clients: bool) -> list[str]:
    """A server's configuration: TLS alone, on `port`, with a certificate for `name`; `clients` must show one too."""
    certificate, key = authority.certificate(name)
    return [
        "port 0",
        f"tls-port {port}",
        f"tls-cert-file {certificate}",
        f"tls-key-file {key}",
        f"tls-ca-cert-file {authority.file}",
        f"tls-auth-clients {'yes' if clients else 'no'}",
        "tls-replication yes",
    ]


class TlsStore(StoreServer):
    """A store that speaks TLS alone."""

    def __init__(
        self,
        kind: str,
        folder: Path,
        authority: Authority,
        *,
        name: str = "127.0.0.1",
        clients: bool = False,
        lines: Sequence[str] = (),
    ) -> None:
        """`name` is what its certificate is for; `clients`: those who come must show one of the authority's."""
        self._authority, self._name, self._clients = authority, name, clients
        super().__init__(kind, folder, lines=lines)

    @property
    def listening(self) -> str:
        return "\n".join(tls_lines(self._authority, self.port, self._name, clients=self._clients))

    @property
    def url(self) -> str:
        query = self._authority.query("client" if self._clients else None)
        return f"rediss://:{self.password}@{self.host}:{self.port}/0?{query}"

    def client(self) -> redis.Redis:
        certificate, key = self._authority.certificate("client")
        return redis.Redis(
            self.host,
            self.port,
            password=self.password,
            ssl=True,
            ssl_ca_certs=str(self._authority.file),
            ssl_certfile=str(certificate),
            ssl_keyfile=str(key),
            ssl_check_hostname=False,
        )
