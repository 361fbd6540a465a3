"""Requests to addresses that a stranger gave, and to nowhere that is not for strangers.

What guards against request forgery (SSRF) is the dialling itself: the name is resolved once for each connection, every
address that it has is checked, and one of those very addresses is dialled, while TLS and the Host header keep the name.
No redirect is followed, no proxy is used, no cookie kept, no credential sent.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cached_property
from importlib.metadata import version

import httpcore

from api.dialling.addresses import Network, may_be_dialled
from api.dialling.urls import Target
from shared.contract.errors import UrlRefused

log = logging.getLogger("huemill.dialling")

MAX_ADDRESSES = 4  # dialled in turn
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
USER_AGENT = f"huemill/{version('huemill')}"  # read once: it takes milliseconds, for which all others would wait

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Takes a host and a port, gives the host's addresses; OSError where it has none."""


class Dialler:
    """Opens a connection for each request, to hosts whose addresses may be dialled."""

    def __init__(self, allowed: Sequence[Network], at_once: int, resolve: Resolve | None = None) -> None:
        """`allowed`: networks beside the public ones; `at_once`: look-ups that may be under way at the same time;
        `resolve`: the system's resolver unless another is given.
        """
        # Threads of its own: a name server that is silent must not hold those in which others work.
        self._threads = ThreadPoolExecutor(at_once, "resolve")
        self._backend = _Guarded(allowed, resolve or self._resolve)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made when it is first needed, and on a thread: reading the authorities' certificates takes a while."""
        return httpcore.default_ssl_context()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    @asynccontextmanager
    async def request(
        self,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        content: bytes | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> AsyncIterator[httpcore.Response]:
        """The answer's head, and its body to be read while the context lasts.

        Raises UrlRefused where the host must not be dialled or is unknown, and what httpcore raises.
        """
        timeout = {"connect": CONNECT_SECONDS, "read": read_seconds, "write": read_seconds}
        tls = None
        if target.url.scheme == b"https":
            tls = await asyncio.get_running_loop().run_in_executor(self._threads, lambda: self._tls)
        connection = httpcore.AsyncHTTPConnection(target.url.origin, ssl_context=tls, network_backend=self._backend)
        own: list[tuple[bytes | str, bytes | str]] = [
            ("Host", target.host_header),
            ("User-Agent", USER_AGENT),
            ("Connection", "close"),
            *headers.items(),
        ]
        extensions = {"timeout": timeout}
        async with (
            connection,
            connection.stream(method, target.url, headers=own, content=content, extensions=extensions) as response,
        ):
            yield response

    async def _resolve(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Guarded(httpcore.AsyncNetworkBackend):
    """Dials the addresses that it has checked itself, and no others."""

    def __init__(self, allowed: Sequence[Network], resolve: Resolve) -> None:
        self._allowed, self._resolve = allowed, resolve
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
        blocked = [address for address in addresses if not may_be_dialled(address, self._allowed)]
        if blocked:
            log.warning("refused: %s has the address %s", host, blocked[0])
        if blocked or not addresses:
            raise UrlRefused(f"The URL's host {host[:100]} has no address on the public Internet.")
        return addresses


def header_of(response: httpcore.Response, name: bytes) -> str:
    """An answer's field by its name in small letters; empty where there is none."""
    for key, value in response.headers:
        if key.lower() == name:
            return value.decode("latin-1").strip()
    return ""
