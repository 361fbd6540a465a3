"""Job records as literal bytes: of the version before this one, of this one, of one to come, and broken ones.

They are written here once and for all: a change that cannot read them cannot read what waits in a running service.
"""

import redis

from shared.jobs.keys import DUE, events_key, job_key, queued_key

ID = "5f0c8a4e2b7d4c0f9a3e6d1b8c2f7e40"
UPLOAD = f"uploads/{ID}"
RESULT = f"results/{ID}/1/result.json"
Hash = dict[bytes, bytes]

_EARLIER = (
    b'{"id":"5f0c8a4e2b7d4c0f9a3e6d1b8c2f7e40","params":{"engine":"exact","color_space":"rgb","standardize":false,'
    b'"seed":0,"alpha":"ignore","region":null,"exclude":[],"max_pixels":null,"timeout":null,"algorithm":"kmeans",'
    b'"n_clusters":3,"n_init":4,"max_iter":300,"tol":0.0001,"init":"k-means++"},"upload":{"key":"uploads/'
    b'5f0c8a4e2b7d4c0f9a3e6d1b8c2f7e40","size":3,"sha256":"1111111111111111111111111111111111111111111111111111111111'
    b'111111","filename":"a.png"},"mask":null,"created_at":"2026-11-21T10:00:00.004000Z","traceparent":null}'
)
_THIS = _EARLIER[:-1] + b',"queue":"huemill.fast","given":["n_clusters"]}'
# Parameters, members and forms that are not known here.
_LATER = (
    b'{"id":"5f0c8a4e2b7d4c0f9a3e6d1b8c2f7e40","format":7,"owner":"key_3","tags":["sea"],"params":{"algorithm":'
    b'"spectral","affinity":{"kind":"rbf","gamma":0.5},"n_clusters":"auto","engine":"gpu","outputs":[]},"queue":'
    b'"huemill.fast","given":["algorithm","affinity","n_clusters","engine"],"upload":{"key":"uploads/5f0c8a4e2b7d4c0f9a3'
    b'e6d1b8c2f7e40","size":3,"sha256":"1111111111111111111111111111111111111111111111111111111111111111","filename":'
    b'"a.png","media_type":"image/png"},"mask":null,"callbacks":[{"url":"https://example.com"}],"created_at":'
    b'"2027-11-21T10:00:00.004000Z","traceparent":{"v":2}}'
)
# A parameter that is not known here and has its default, and so means nothing new.
_NEARLY = (
    b'{"id":"5f0c8a4e2b7d4c0f9a3e6d1b8c2f7e40","params":{"engine":"exact","algorithm":"kmeans","n_clusters":3,'
    b'"frames":[],"halo":null},"queue":"huemill.fast","given":["n_clusters"],"upload":{"key":"uploads/'
    b'5f0c8a4e2b7d4c0f9a3e6d1b8c2f7e40","size":3,"sha256":"1111111111111111111111111111111111111111111111111111111111'
    b'111111","filename":null},"mask":null,"created_at":"2027-11-21T10:00:00.004000Z","traceparent":null}'
)

_QUEUED: Hash = {b"status": b"queued", b"attempt": b"0", b"claim": b"0"}
_RUNNING: Hash = {
    b"status": b"running",
    b"attempt": b"1",
    b"claim": b"1",
    b"started_at": b"2026-11-21T10:00:00.005000+00:00",
    b"progress": b'{"stage":"cluster","fraction":0.5}',
    b"attempts": b'[{"attempt":1,"worker":"mill-1:7/19","started_at":"2026-11-21T10:00:00.005000Z","ended_at":null,'
    b'"reason":null}]',
}
_SUCCEEDED: Hash = {
    **_RUNNING,
    b"status": b"succeeded",
    b"progress": b'{"stage":"done","fraction":1.0}',
    b"attempts": b'[{"attempt":1,"worker":"mill-1:7/19","started_at":"2026-11-21T10:00:00.005000Z","ended_at":'
    b'"2026-11-21T10:00:01.000000Z","reason":null}]',
    b"finished_at": b"2026-11-21T10:00:01.000000+00:00",
    b"expires_at": b"2126-11-22T10:00:01.000000+00:00",
    b"result_key": b"results/5f0c8a4e2b7d4c0f9a3e6d1b8c2f7e40/1/",
}
# What a later version adds to any of these.
_MORE: Hash = {b"cached": b"1", b"sketch": b"\xff\x00\xfe", b"progress": b'{"stage":"cluster","done":3,"of":10}'}


def _later_attempts(state: Hash) -> Hash:
    attempts = state.get(b"attempts", b"").replace(b'"reason":null', b'"reason":null,"host":{"gpus":2}')
    return {**state, **_MORE, **({b"attempts": attempts} if attempts else {})}


STATES = {"queued": _QUEUED, "running": _RUNNING, "succeeded": _SUCCEEDED}
VERSIONS: dict[str, dict[str, Hash]] = {
    "earlier": {name: {b"record": _EARLIER, **state} for name, state in STATES.items()},
    "this": {name: {b"record": _THIS, **state} for name, state in STATES.items()},
    "later": {name: {b"record": _LATER, **_later_attempts(state)} for name, state in STATES.items()},
}
NEARLY_KNOWN: Hash = {b"record": _NEARLY, **_QUEUED}
PAUSED: Hash = {b"record": _LATER, **_later_attempts(_RUNNING), b"status": b"paused"}
"""In a state that is not known here and is no end."""
ARCHIVED: Hash = {b"record": _LATER, **_later_attempts(_SUCCEEDED), b"status": b"archived"}
"""In a state that is not known here and is an end."""

BROKEN: dict[str, Hash] = {
    "no record": _QUEUED,
    "no JSON": {b"record": b"{", **_QUEUED},
    "no UTF-8": {b"record": b"\xff\xfe", **_QUEUED},
    "a list": {b"record": b"[1, 2]", **_QUEUED},
    "a number": {b"record": b"7", **_QUEUED},
    "no parameters": {b"record": _THIS.replace(b'"params"', b'"wishes"'), **_QUEUED},
    "parameters of no kind": {b"record": _THIS.replace(b'"kmeans"', b"[]"), **_QUEUED},
    "no upload": {b"record": _THIS.replace(b'"upload"', b'"bytes"'), **_QUEUED},
    "no time": {b"record": _THIS.replace(b"2026-11-21T", b"long ago "), **_QUEUED},
    "a time of no zone": {b"record": _THIS.replace(b".004000Z", b""), **_QUEUED},
    "no attempt": {b"record": _THIS, **_QUEUED, b"attempt": b"many"},
    "status of no text": {b"record": _THIS, **_QUEUED, b"status": b"\xff"},
    "attempts of no list": {b"record": _THIS, **_RUNNING, b"attempts": b'{"1":{}}'},
    "running without a claim": {name: value for name, value in _RUNNING.items() if name != b"claim"},
}
WRONG_TYPES = ("string", "list", "set", "zset", "stream")
"""Of keys that should be a job's hash."""


def named(fields: Hash, job_id: str) -> Hash:
    """The same record of a job with another id."""
    return {name: value.replace(ID.encode(), job_id.encode()) for name, value in fields.items()}


def place(client: redis.Redis, fields: Hash, job_id: str = ID, due: float | None = None) -> None:
    """Let there be a job of these fields, as its version left it; due now, or at `due`."""
    client.hset(job_key(job_id), mapping=fields)  # type: ignore[arg-type]
    client.xadd(events_key(job_id), {"name": "queued", "data": "{}"})
    _list(client, job_id, fields.get(b"status") == b"queued", due)


def place_wrong_type(client: redis.Redis, kind: str, job_id: str = ID) -> None:
    """Let something else stand under the key of a queued job."""
    key = job_key(job_id)
    match kind:
        case "string":
            client.set(key, "x")
        case "list":
            client.rpush(key, "x")
        case "set":
            client.sadd(key, "x")
        case "zset":
            client.zadd(key, {"x": 1})
        case "stream":
            client.xadd(key, {"x": "y"})
    _list(client, job_id, True, None)


def _list(client: redis.Redis, job_id: str, queued: bool, due: float | None) -> None:
    client.zadd(DUE, {job_id: 0 if due is None else due})
    if queued:
        client.zadd(queued_key("huemill.fast"), {job_id: 0})
