"""Fetches an image from an address that a stranger gave. Where it may go is the dialler's business.

A redirect is a new address with a new check.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urljoin
from weakref import WeakValueDictionary

import httpcore

from api.dialling.dialler import Dialler, Resolve, header_of
from api.dialling.urls import PORTS, Target, target_of
from api.intake.body import announced, limited
from shared.contract.errors import FetchDisabled, FetchFailed, TooManyUploads, UrlRefused
from shared.runtime.settings import Settings

MAX_FETCHES = 16
MAX_FETCHES_OF_KEY = MAX_FETCHES // 2  # a server may be slow: nobody has all of them
MAX_REDIRECTS = 5
MAX_URL_CHARACTERS = 4096
_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity"}


class Fetcher:
    """The gateway's way to images. `resolve` is the system's resolver unless another is given."""

    def __init__(self, settings: Settings, resolve: Resolve | None = None) -> None:
        self._settings = settings
        self._slots = asyncio.Semaphore(MAX_FETCHES)
        self._of_keys = WeakValueDictionary[str, asyncio.Semaphore]()  # as long as somebody holds them
        self._dialler = Dialler(settings.fetch_allow, MAX_FETCHES, resolve)

    def close(self) -> None:
        self._dialler.close()

    @asynccontextmanager
    async def open(self, url: str, owner: str = "") -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes at `url`, as they come, while the context lasts; for the owner, or for everybody who has no key.

        Raises FetchDisabled, UrlRefused, FetchFailed, UploadTooLarge, or TooManyUploads where others are under way.
        """
        if not self._settings.fetch_urls:
            raise FetchDisabled("This service fetches no URLs. Send the image itself, or store it at /v1/images.")
        async with self._slot(owner), self._fetched(url) as chunks:
            yield chunks

    @asynccontextmanager
    async def _slot(self, owner: str) -> AsyncIterator[None]:
        """One of the gateway's slots while the context lasts: it is waited for no longer than a fetch may take."""
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._settings.fetch_timeout_seconds):
                    if owner:
                        own = self._of_keys.setdefault(owner, asyncio.Semaphore(MAX_FETCHES_OF_KEY))
                        await held.enter_async_context(own)
                    await held.enter_async_context(self._slots)
            except TimeoutError:
                raise TooManyUploads("Too many images are being fetched from URLs already. Try again later.") from None
            yield

    @asynccontextmanager
    async def _fetched(self, url: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes at `url`."""
        seconds = self._settings.fetch_timeout_seconds
        address = url
        try:
            async with asyncio.timeout(seconds):
                for _ in range(1 + MAX_REDIRECTS):
                    async with self._dialler.request("GET", self._target(address), _HEADERS) as response:
                        location = _location(response)
                        if location is None:
                            yield self._body(response)
                            return
                    address = _joined(address, location)
                raise FetchFailed(f"The URL redirects more than {MAX_REDIRECTS} times.")
        except UrlRefused as error:
            if address == url:
                raise
            raise UrlRefused(f"The URL redirects to another, which is refused. {error}") from None
        except TimeoutError:
            raise FetchFailed(f"The image at the URL did not come within {seconds:g} s.") from None
        except httpcore.TimeoutException:
            raise FetchFailed("The URL's server does not answer in time.") from None
        except (httpcore.NetworkError, ssl.SSLError):  # httpcore tells a handshake's alone
            raise FetchFailed("The URL's server cannot be reached, or broke off.") from None
        except httpcore.ProtocolError:
            raise FetchFailed("The URL's server broke off, or does not speak HTTP.") from None

    async def _body(self, response: httpcore.Response) -> AsyncIterator[bytes]:
        if response.status != 200:
            raise FetchFailed(f"The URL's server answered {response.status} instead of 200.")
        if header_of(response, b"content-encoding") not in ("", "identity"):
            raise FetchFailed("The URL's server answered in a Content-Encoding that was not asked for.")
        length = announced(header_of(response, b"content-length"))
        async for chunk in limited(response.aiter_stream(), self._settings.max_upload_bytes, length=length):
            yield chunk

    def _target(self, text: str) -> Target:
        """Raises UrlRefused for what is no plain http or https URL, or of a port that is not allowed."""
        ports = self._settings.fetch_ports
        return target_of(text, schemes=tuple(PORTS), ports=ports, most_characters=MAX_URL_CHARACTERS)


def _location(response: httpcore.Response) -> str | None:
    """Where a redirect leads; None for what is none."""
    if response.status not in _REDIRECTS:
        return None
    return header_of(response, b"location") or None


def _joined(address: str, location: str) -> str:
    """Where a redirect leads from an address; what is no address at all stays as it is, to be refused as such."""
    try:
        return urljoin(address, location)
    except ValueError:
        return location
