"""`python -m api.server`: the gateway, served. The only place where uvicorn and its socket are set up."""

import argparse
import functools
import logging
import resource
import socket

import uvicorn

from api.http.continued import Continued
from api.main import create_app
from api.server.admission import Admission, as_told
from api.server.edge import FIELDS, Edge
from api.server.entrance import Entrance, listening_socket
from api.server.guarded_socket import MESSAGE_BYTES, PING_SECONDS, guarded
from api.server.hosts import Answers, answers_for
from api.server.memory import LOOK_SECONDS, Returned
from api.server.protocol import GuardedProtocol, Limits
from api.server.stalled import Stalled
from api.server.turns import Turns
from shared.runtime import connections, logs
from shared.runtime.connections import MAX_CONNECTIONS_BEHIND_SENTINELS
from shared.runtime.settings import Settings, WrongSettings, check_openness, read_settings

# Open files beside connections: the store's, and what is read and written at the time.
OTHER_FILES = MAX_CONNECTIONS_BEHIND_SENTINELS + 1000

log = logging.getLogger("huemill.api")


def configured(settings: Settings, listening: socket.socket, answers: Answers, graceful_seconds: int) -> uvicorn.Config:
    """uvicorn as the gateway wants it, for connections from `listening`."""
    limits = Limits(
        settings.max_head_bytes, settings.max_address_bytes, settings.max_header_fields, settings.head_seconds
    )
    live, ready = (frozenset({f"{settings.root_path}{path}"}) for path in ("/healthz", "/readyz"))
    # Who balances load takes a gateway for lost that says nothing for long, however well it works. That it is ready
    # costs a question to Redis, which must not come in crowds.
    turns = Turns(create_app(settings), without=live, apart=ready)
    app = Continued(Edge(turns, settings.root_path, answers))
    most = _most_connections(settings.max_connections)
    admission = Admission(most, settings.max_connections_per_address, settings.trusted_proxies)
    stalled = Stalled()
    connection = functools.partial(
        GuardedProtocol, limits=limits, admission=admission, stalled=stalled, entrance=Entrance(listening)
    )
    return uvicorn.Config(
        app,
        http=connection,  # type: ignore[arg-type]
        ws=guarded(stalled),  # type: ignore[arg-type]
        ws_max_size=MESSAGE_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,  # an event has a hundred bytes, and a compressor takes tens of thousands
        interface="asgi3",
        headers=list(FIELDS),
        server_header=False,
        access_log=False,
        log_config=None,
        # What they say counts for the client's address only: nothing is built from a host or a scheme.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=as_told(settings.trusted_proxies),
        timeout_keep_alive=settings.idle_seconds,  # type: ignore[arg-type]  # it goes to call_later
        timeout_graceful_shutdown=graceful_seconds,
        callback_notify=Returned(admission).look,
        timeout_notify=LOOK_SECONDS,
    )


def _most_connections(wished: int) -> int:
    """The limit on connections that this process can hold, with as many open files as it may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY or hard >= wished + OTHER_FILES:
        return wished
    most = max(hard // 2, hard - OTHER_FILES)
    log.warning("at most %d connections: no more than %d files may be open (ulimit -n)", most, hard)
    return most


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m api.server", description="Serve the gateway.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen at (%(default)s)")
    parser.add_argument(
        "--graceful-seconds", type=int, default=15, help="how long answers may go on after SIGTERM (%(default)s)"
    )
    options = parser.parse_args()
    try:
        settings = read_settings()
        check_openness(settings, options.host)
        connections.check_if_there(settings)
    except (WrongSettings, connections.WrongServer) as error:
        raise SystemExit(f"huemill: {error}") from None
    logs.set_up(settings.log_format)
    if settings.auth == "none":
        who = "everybody who reaches it" if settings.allow_open else "everybody on this machine"
        log.warning("HUEMILL_AUTH is none: the gateway asks for no keys, and %s may use it", who)
    listening = listening_socket(options.host, options.port, settings.reader_stall_seconds)
    answers = answers_for(settings, options.host)
    uvicorn.Server(configured(settings, listening, answers, options.graceful_seconds)).run([listening])


if __name__ == "__main__":
    main()
