"""Where blobs are kept, by URL: a local folder or a bucket; and what to say when it fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from shared.contract.errors import NotFound, StorageFailed, StorageFull

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig  # there for type checkers only

# Of requests to an object store: a client waits for the answer meanwhile.
# Whether plain HTTP is used is said by the endpoint's own address (AWS_ENDPOINT_URL).
_CLIENT: "ClientConfig" = {"connect_timeout": timedelta(seconds=2), "allow_http": True}
_RETRY: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=5)}


class Location(NamedTuple):
    """An object store, and its folder where it is a local one."""

    store: ObjectStore
    folder: Path | None


def open_location(url: str) -> Location:
    """The object store of `file:///folder`, made if it is not there, or of `s3://bucket/prefix`."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return Location(from_url(url, client_options=_CLIENT, retry_config=_RETRY), None)
    folder = Path(unquote(parts.path))
    folder.mkdir(parents=True, exist_ok=True)
    return Location(LocalStore(folder), folder)


@contextmanager
def storage_errors() -> Iterator[None]:
    """Say what is wrong with the storage without showing its paths."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("The file is not in the storage any more.") from error
    except (BaseError, OSError) as error:
        text = str(error)
        if "No space left" in text or "os error 28" in text or "Disk quota" in text:
            raise StorageFull("The storage of the service is full. Try again later.") from error
        raise StorageFailed("The storage of the service failed. Try again later.") from error
