"""Fetches an image from an address that a stranger gave, and from nowhere that is not for strangers.

What guards against request forgery (SSRF) is the dialling itself: the name is resolved once for each connection, every
address that it has is checked, and one of those very addresses is dialled, while TLS and the Host header keep the name.
A redirect is a new address with a new check. No proxy is used, no cookie kept, no credential sent.
"""

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from ipaddress import IPv6Address
from urllib.parse import quote, urljoin, urlsplit

import httpcore

from api.intake.addresses import may_be_dialled
from api.intake.body import announced, limited
from shared.contract.errors import FetchDisabled, FetchFailed, UrlRefused
from shared.runtime.settings import Settings

log = logging.getLogger("huemill.fetch")

MAX_FETCHES = 16
MAX_REDIRECTS = 5
MAX_URL_CHARACTERS = 4096
MAX_ADDRESSES = 4  # dialled in turn
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
PORTS = {"http": 80, "https": 443}
USER_AGENT = f"huemill/{version('huemill')}"  # read once: it takes milliseconds, for which all others would wait
_REDIRECTS = (301, 302, 303, 307, 308)
_SPACE_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_HOST = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,252}")
_URL_CHARACTERS = "/%:@!$&'()*+,;=?-._~"

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Takes a host and a port, gives the host's addresses; OSError where it has none."""


@dataclass(frozen=True)
class _Target:
    """A URL that may be asked for, if its host's addresses may be dialled."""

    url: httpcore.URL
    host_header: str


class Fetcher:
    """The gateway's way out. `resolve` is the system's resolver unless another is given."""

    def __init__(self, settings: Settings, resolve: Resolve | None = None) -> None:
        self._settings = settings
        # Threads of its own: a name server that is silent must not hold those in which uploads are checked.
        self._threads = ThreadPoolExecutor(MAX_FETCHES, "resolve")
        self._slots = asyncio.Semaphore(MAX_FETCHES)
        self._backend = _Guarded(settings, resolve or self._resolve)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made when it is first needed, and on a thread: reading the authorities' certificates takes a while."""
        return httpcore.default_ssl_context()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes at `url`, as they come, while the context lasts.

        Raises FetchDisabled, UrlRefused, FetchFailed, or UploadTooLarge.
        """
        if not self._settings.fetch_urls:
            raise FetchDisabled("This service fetches no URLs. Send the image itself, or store it at /v1/images.")
        seconds = self._settings.fetch_timeout_seconds
        address = url
        try:
            async with asyncio.timeout(seconds), self._slots:
                for _ in range(1 + MAX_REDIRECTS):
                    async with self._get(self._target(address)) as response:
                        location = _location(response)
                        if location is None:
                            yield self._body(response)
                            return
                    address = urljoin(address, location)
                raise FetchFailed(f"The URL redirects more than {MAX_REDIRECTS} times.")
        except UrlRefused as error:
            if address == url:
                raise
            raise UrlRefused(f"The URL redirects to another, which is refused. {error}") from None
        except TimeoutError:
            raise FetchFailed(f"The image at the URL did not come within {seconds:g} s.") from None
        except httpcore.TimeoutException:
            raise FetchFailed("The URL's server does not answer in time.") from None
        except httpcore.NetworkError:
            raise FetchFailed("The URL's server cannot be reached, or broke off.") from None
        except httpcore.ProtocolError:
            raise FetchFailed("The URL's server broke off, or does not speak HTTP.") from None

    @asynccontextmanager
    async def _get(self, target: _Target) -> AsyncIterator[httpcore.Response]:
        headers: dict[bytes | str, bytes | str] = {
            "Host": target.host_header,
            "User-Agent": USER_AGENT,
            "Accept": "image/*",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        timeout = {"connect": CONNECT_SECONDS, "read": READ_SECONDS, "write": READ_SECONDS}
        tls = None
        if target.url.scheme == b"https":
            tls = await asyncio.get_running_loop().run_in_executor(self._threads, lambda: self._tls)
        connection = httpcore.AsyncHTTPConnection(
            target.url.origin,
            ssl_context=tls,
            network_backend=self._backend,
        )
        async with (
            connection,
            connection.stream("GET", target.url, headers=headers, extensions={"timeout": timeout}) as response,
        ):
            yield response

    async def _body(self, response: httpcore.Response) -> AsyncIterator[bytes]:
        if response.status != 200:
            raise FetchFailed(f"The URL's server answered {response.status} instead of 200.")
        if _header(response, b"content-encoding") not in ("", "identity"):
            raise FetchFailed("The URL's server answered in a Content-Encoding that was not asked for.")
        length = announced(_header(response, b"content-length"))
        async for chunk in limited(response.aiter_stream(), self._settings.max_upload_bytes, length=length):
            yield chunk

    def _target(self, text: str) -> _Target:
        """Raises UrlRefused for what is no plain http or https URL, or of a port that is not allowed."""
        if len(text) > MAX_URL_CHARACTERS or _SPACE_OR_CONTROL.search(text):
            raise UrlRefused(f"The URL has white space in it, or more than {MAX_URL_CHARACTERS:,} characters.")
        if not text.lower().startswith(("http://", "https://")):
            raise UrlRefused("The URL should begin with http:// or https://.")
        try:
            parts = urlsplit(text)
            host, port = _ascii_host(parts.hostname or ""), parts.port
        except ValueError:
            raise UrlRefused("The URL is malformed: it should be like https://example.com/photo.jpg.") from None
        if "@" in parts.netloc:
            raise UrlRefused("The URL has a user or a password in it: only images that need none are fetched.")
        if (port or PORTS[parts.scheme]) not in self._settings.fetch_ports:
            ports = ", ".join(map(str, self._settings.fetch_ports))
            raise UrlRefused(f"The URL has the port {port}; the ports that may be fetched from are {ports}.")
        target = quote(parts.path or "/", _URL_CHARACTERS) + (
            f"?{quote(parts.query, _URL_CHARACTERS)}" if parts.query else ""
        )
        url = httpcore.URL(scheme=parts.scheme, host=host, port=port, target=target)
        bracketed = f"[{host}]" if ":" in host else host
        return _Target(url, bracketed if port is None else f"{bracketed}:{port}")

    async def _resolve(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Guarded(httpcore.AsyncNetworkBackend):
    """Dials the addresses that it has checked itself, and no others."""

    def __init__(self, settings: Settings, resolve: Resolve) -> None:
        self._settings, self._resolve = settings, resolve
        self._dialler = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        for address in (await self._checked(host, port))[:MAX_ADDRESSES]:
            try:
                return await self._dialler.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        """The host's addresses, all of them good to dial. One that is not spoils the others: somebody tries something.

        A name that does not exist is told in the same words, so that nobody can list the names of an inner network.
        """
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):
            addresses = []
        blocked = [address for address in addresses if not may_be_dialled(address, self._settings.fetch_allow)]
        if blocked:
            log.warning("fetch refused: %s has the address %s", host, blocked[0])
        if blocked or not addresses:
            raise UrlRefused(f"The URL's host {host[:100]} has no address on the public Internet.")
        return addresses


def _ascii_host(host: str) -> str:
    """The host as it goes on the wire. Raises ValueError (of which UnicodeError is one)."""
    if ":" in host:
        return str(IPv6Address(host))
    host = host.encode("idna").decode() if not host.isascii() else host
    if not _HOST.fullmatch(host):
        raise ValueError(host)
    return host


def _location(response: httpcore.Response) -> str | None:
    """Where a redirect leads; None for what is none."""
    if response.status not in _REDIRECTS:
        return None
    return _header(response, b"location") or None


def _header(response: httpcore.Response, name: bytes) -> str:
    for key, value in response.headers:
        if key.lower() == name:
            return value.decode("latin-1").strip()
    return ""
