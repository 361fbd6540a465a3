"""What routes ask for, by annotation: the services that `api.main` has made, and the request as plain values."""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, TypeVar, cast
from urllib.parse import parse_qsl

from fastapi import Depends, Path, Request
from starlette.requests import ClientDisconnect, HTTPConnection

from api.access.caller import NOBODY, Caller
from api.access.keyring import Keyring, Staying, no_longer_valid
from api.http import waiting
from api.http.access import CALLER
from api.http.idempotency import request_key
from api.intake.body import Body, announced
from api.intake.receive import Intake
from api.jobs.accept import Acceptance
from api.jobs.find import find
from api.jobs.wait import Listening
from api.upkeep.supervise import Supervisor
from shared.contract.errors import FieldError, InvalidParams, InvalidRequest
from shared.contract.params import pointer
from shared.jobs.clients import JobStore
from shared.jobs.keys import RequestKey
from shared.jobs.listing import JobList
from shared.jobs.model import Job
from shared.jobs.outbox import OutboxStore
from shared.jobs.streams import Streams
from shared.runtime.settings import Settings
from shared.storage.blobs import Blobs
from shared.storage.images import ImageStore
from shared.storage.stored_images import StoredImages

T = TypeVar("T")


class Services:
    """The gateway's services, one of each type. Known where they are wired, and here: none of them is handed it."""

    def __init__(self, *services: object) -> None:
        self._by_type = {type(service): service for service in services}

    def __getitem__(self, kind: type[T]) -> T:
        return cast(T, self._by_type[kind])


def _the(kind: type[T]) -> Callable[[HTTPConnection], Awaitable[T]]:
    """The dependency on the one service of a type."""

    async def find(connection: HTTPConnection) -> T:
        services: Services = connection.app.state.services
        return services[kind]

    return find


KeyringDep = Annotated[Keyring, Depends(_the(Keyring))]
SettingsDep = Annotated[Settings, Depends(_the(Settings))]
StoreDep = Annotated[JobStore, Depends(_the(JobStore))]
JobListDep = Annotated[JobList, Depends(_the(JobList))]
StreamsDep = Annotated[Streams, Depends(_the(Streams))]
OutboxDep = Annotated[OutboxStore, Depends(_the(OutboxStore))]
ImageRecordsDep = Annotated[ImageStore, Depends(_the(ImageStore))]
ImagesDep = Annotated[StoredImages, Depends(_the(StoredImages))]
BlobsDep = Annotated[Blobs, Depends(_the(Blobs))]
IntakeDep = Annotated[Intake, Depends(_the(Intake))]
AcceptanceDep = Annotated[Acceptance, Depends(_the(Acceptance))]
SupervisorDep = Annotated[Supervisor, Depends(_the(Supervisor))]


def field(name: str, request: Request) -> str:
    """A header field that is a list, of all its lines (RFC 9110, section 5.3); empty where there is none."""
    return ", ".join(line.strip() for line in request.headers.getlist(name))


def query_of(request: Request) -> list[tuple[str, str]]:
    """The query's names and values.

    Raises InvalidParams for bytes that are not UTF-8: they would be read as U+FFFD, and kept as what nobody gave.
    """
    raw = request.scope["query_string"].decode("latin-1")
    pairs = parse_qsl(raw, keep_blank_values=True, encoding="latin-1")
    return [(_utf8(name, name), _utf8(name, text)) for name, text in pairs]


def _utf8(name: str, text: str) -> str:
    """The text whose bytes were taken for Latin-1."""
    data = text.encode("latin-1")
    try:
        return data.decode()
    except UnicodeDecodeError:
        shown, value = name.encode("latin-1").decode(errors="replace"), data.decode(errors="replace")
        message = "is not UTF-8: in an address every byte of it stands as % and two hexadecimal digits"
        raise InvalidParams([FieldError(field=shown, value=value, message=message, pointer=pointer([shown]))]) from None


async def _caller(connection: HTTPConnection) -> Caller:
    caller: Caller = connection.scope.get(CALLER, NOBODY)
    return caller


CallerDep = Annotated[Caller, Depends(_caller)]


async def _body(request: Request, caller: CallerDep, keyring: KeyringDep) -> Body:
    types = request.headers.getlist("content-type")
    if len(types) > 1:  # of which two readers could take another each
        raise InvalidRequest(f"A request has one field Content-Type; this one has {len(types)}.")
    return Body(
        content_type=types[0] if types else "",
        length=announced(request.headers.get("content-length", "")),
        query=query_of(request),
        chunks=_chunks(request, keyring.staying(caller)),
        encoding=field("content-encoding", request).lower(),
    )


async def _chunks(request: Request, staying: Staying) -> AsyncIterator[bytes]:
    """The body as it comes, which may take hours: whose key ends meanwhile sends no more. Raises Unauthorized."""
    try:
        with staying as may_stay:
            async for chunk in request.stream():
                if not may_stay():
                    raise no_longer_valid()
                yield chunk
    except ClientDisconnect:
        raise InvalidRequest("The upload was broken off by the client.") from None


async def _listening(request: Request, caller: CallerDep, keyring: KeyringDep) -> Listening:
    async def listening() -> bool:
        return not await request.is_disconnected() and await keyring.may_stay(caller)

    return listening


async def _waits(request: Request) -> Callable[[], None]:
    return functools.partial(waiting.say, request.scope)


async def _accept(request: Request) -> str:
    return field("accept", request)


async def _cache_control(request: Request) -> str:
    return field("cache-control", request)


async def _key(request: Request, caller: CallerDep) -> RequestKey | None:
    return request_key(request.headers.getlist("idempotency-key"), caller.owner)


async def _prefer(request: Request) -> str:
    return field("prefer", request)


# Not by FastAPI's Header, which takes one line of many.
AcceptDep = Annotated[str, Depends(_accept)]
CacheControlDep = Annotated[str, Depends(_cache_control)]
KeyDep = Annotated[RequestKey | None, Depends(_key)]
PreferDep = Annotated[str, Depends(_prefer)]
BodyDep = Annotated[Body, Depends(_body)]
ListeningDep = Annotated[Listening, Depends(_listening)]
WaitsDep = Annotated[Callable[[], None], Depends(_waits)]
"""To be called where a request begins to wait for what others do."""


JobIdDep = Annotated[str, Path(description="As `POST /v1/jobs` answered it.")]


async def _job(store: StoreDep, job_id: JobIdDep, caller: CallerDep) -> Job:
    return await find(job_id, store, caller.owner)


JobDep = Annotated[Job, Depends(_job)]
