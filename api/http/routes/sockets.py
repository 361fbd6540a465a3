"""A job's events over a WebSocket (RFC 6455)."""

import asyncio
import functools
from contextlib import aclosing
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response, WebSocket, WebSocketDisconnect

from api.access.caller import Caller
from api.access.keyring import Staying, no_longer_valid
from api.http.closing import close
from api.http.continued import leave
from api.http.dependencies import CallerDep, JobIdDep, KeyringDep, SettingsDep, StoreDep, StreamsDep
from api.http.event_data import EVENT_ID, after_of, data_of
from api.http.expiry import events_expired
from api.http.openapi import headers, problems
from api.http.origins import may_connect
from api.http.problems import problem_of
from api.jobs.find import find
from api.jobs.follow import follow
from shared.contract.errors import Expired, HuemillError, OriginRefused, UpgradeRequired
from shared.jobs.clients import JobStore
from shared.jobs.events import Event
from shared.jobs.model import ENDED
from shared.jobs.streams import Streams

DONE = 1000
# A client has nothing to say; some say a little to keep a connection alive.
MOST_MESSAGES = 1000

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["jobs"])
_AFTER = Query(
    description="The id of the last event that was heard: go on after it.", json_schema_extra={"pattern": EVENT_ID}
)
After = Annotated[str | None, _AFTER]


@router.get(
    "/ws",
    status_code=101,
    response_class=Response,
    summary="A job's events over a WebSocket",
    responses={
        101: {
            "description": "A WebSocket: each event is a JSON text",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["id", "event", "data"],
                        "properties": {
                            "id": {"type": "string"},
                            "event": {"type": "string"},
                            "data": {"type": "object"},
                        },
                    },
                    "example": {
                        "id": "1764362758000-0",
                        "event": "progress",
                        "data": {"status": "running", "stage": "cluster", "fraction": 0.4},
                    },
                }
            },
        },
        426: {
            "description": "Asked for without an upgrade",
            "content": problems(426)[426]["content"],
            "headers": headers("Upgrade"),
        },
        **problems(403),
    },
)
async def get_socket(job_id: JobIdDep, after: After = None) -> Response:
    """The same events as `/events`, each as a JSON text `{"id", "event", "data"}`; `?after=` goes on after an event.

    It is closed with 1000 after the last event, with 4404 where there is no such job, 4410 where its events are not
    kept any more, 4400 for an `after` that is no id, 4401 without a valid API key, where the service asks for one; with
    1013 while the job store cannot be reached and 1001 when the gateway stops: after these two a client comes back.
    Browsers may open it from the gateway's own pages, and from the origins in `HUEMILL_CORS_ORIGINS`. What a client
    sends is passed over.
    """
    raise UpgradeRequired("This is a WebSocket: ask for it with `Upgrade: websocket`, at ws:// or wss://.")


@router.websocket("/ws")
async def follow_by_socket(
    socket: WebSocket,
    job_id: str,
    store: StoreDep,
    streams: StreamsDep,
    settings: SettingsDep,
    caller: CallerDep,
    keyring: KeyringDep,
    after: After = None,
) -> None:
    """The events of a job to the last one, then the end."""
    origin, host = socket.headers.get("origin"), socket.headers.get("host", "")
    if not may_connect(origin, host, settings.cors_origins):
        refusal = OriginRefused("Pages of this origin may not open a WebSocket here.")
        await socket.send_denial_response(problem_of(refusal))
        return
    await socket.accept()
    try:
        after = await _begin(job_id, after, store, caller)
    except HuemillError as error:
        await close(socket, error)
        return
    staying = keyring.staying(caller, job_id)
    await leave(functools.partial(_tell, socket, job_id, after, streams, staying, store, caller), socket.scope)


async def _begin(job_id: str, after: str | None, store: JobStore, caller: Caller) -> str:
    """The id after which it begins. Raises what there is to be said instead."""
    place = after_of(after, "after")
    await _check(job_id, store, caller)
    return place


async def _check(job_id: str, store: JobStore, caller: Caller) -> None:
    """Raises what there is to be said of a job that has no events."""
    job = await find(job_id, store, caller.owner)
    if job.expired:
        raise Expired(events_expired(job))


async def _tell(
    socket: WebSocket,
    job_id: str,
    after: str,
    streams: Streams,
    staying: Staying,
    store: JobStore,
    caller: Caller,
) -> None:
    """Send what there is to be told, until the client goes. A job that went meanwhile is told as one that never was."""
    telling = asyncio.current_task()
    assert telling is not None
    listening = asyncio.create_task(_listen(socket))
    listening.add_done_callback(lambda _: telling.cancel())
    try:
        with staying as may_stay:
            async with aclosing(follow(job_id, after, streams, may_stay)) as events:
                name = ""
                async for event in events:
                    if isinstance(event, Event):
                        await socket.send_text(_text(event))
                        name = event.name
            if not may_stay():
                raise no_longer_valid()
            if name not in ENDED:
                await _check(job_id, store, caller)
        await socket.close(DONE)
    except asyncio.CancelledError:
        if not listening.done():
            raise
    except WebSocketDisconnect:
        pass
    except HuemillError as error:
        await close(socket, error)
    finally:
        listening.cancel()


async def _listen(socket: WebSocket) -> None:
    """Pass over what a client says, to its end: else nobody would hear that it goes."""
    for _ in range(MOST_MESSAGES):
        if (await socket.receive())["type"] == "websocket.disconnect":
            return
    await socket.close(1008, "nobody listens here")


def _text(event: Event) -> str:
    return orjson.dumps({"id": event.id, "event": event.name, "data": data_of(event)}).decode()
