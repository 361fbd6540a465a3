"""Every key of Redis that huemill uses, and what it holds. Times are by Redis' own clock.

huemill:job:{id}            hash: `record` (what never changes, JSON) and the fields that moves change
huemill:job:{id}:events     stream: what the job said, for those who wait and listen
huemill:job:{id}:withdrawn  string: the job must not be created any more; goes after an hour
huemill:idempotency:{owner}:{sha256}
                            hash, by the SHA-256 of a request's key: `holder`, the job that a request under way is to
                            become, for the time of a lease; then `job`, the one that it has become, the request's
                            `fingerprint`, and `told` once a repeated request was answered with it
huemill:job:{id}:followers  list: jobs that wait for its end, because it does the same work; the first came first
huemill:job:{id}:users      set: the jobs whose result is among its files, itself too, as soon as there are two
huemill:joined              set: all jobs that wait for another one's end
huemill:work:{owner}:{version}:{fingerprint}
                            string: the job that does this work, or has done it
huemill:due                 sorted set: job id -> when the sweep must look at it next:
                            queued: its message may be lost; running: its lease ends; ended: it settles, it expires
huemill:jobs:{owner}        sorted set: each job that is kept -> when it was created, in microseconds; for lists
{queue}:queued              sorted set: queued job -> since when (the messages alone would count some twice)
{queue}:queued:{owner}      sorted set, the owner's line: queued job -> its place: when it came, a day later for a batch
                            job, earlier where an earlier one waits for its end. A job that a worker has been given, and
                            not yet claimed, or has refused, stands in `{queue}:queued` alone (see turns.lua)
{queue}:turns               sorted set: owner with a line -> seconds of workers that he has had
{queue}:had:{owner}         string: the same, for a minute after he had some
{queue}:virtual_time        string: what the owner of the latest turn had had before it; new ones begin there at most
{queue}:pace                hash: `claimed`, when a job was last claimed from it; `gap`, seconds that it lately waited
                            for each claim; `run`, seconds that its jobs lately ran
huemill:workers             sorted set: worker -> when it was last heard
huemill:outbox              (this and the next two are named in callbacks.lua too)
                            sorted set: host -> when the first delivery to it is due
huemill:outbox:{host}       sorted set: delivery -> when it is to be sent; while it is, when its lease ends
huemill:delivery:{id}       hash: a Delivery, an attempt in each `attempt:{claim}`; goes a week after its end
huemill:given_up            sorted set: delivery -> when it was given up, for a week
huemill:image:{name}        string: a StoredImage as JSON; its name is its SHA-256, after its owner where it has one
huemill:images              sorted set: name -> when the stored image expires, later with every use
huemill:key:{id}            string: an API key's record as JSON; goes a month after it was revoked
huemill:keys                sorted set: key's id -> when it was made
huemill:used:{owner}:requests, :pixels
                            string: when a key's bucket is full again; goes when it is
huemill:used:{owner}:owed   string: pixels that were given back, of jobs that came to be computed; goes after a week
huemill:used:{owner}:queued sorted set: a key's jobs that wait, or did lately -> when that was last looked at; goes a
                            week after its last post

huemill:news                channel: the id of a job that has told an event, and the event's name; a hint

{queue}, _kombu.*           Celery's own: the messages, and which queues there are
"""

import hashlib
from typing import NamedTuple

DUE = "huemill:due"
JOINED = "huemill:joined"
WORKERS = "huemill:workers"
IMAGES = "huemill:images"
NEWS = "huemill:news"
OUTBOX = "huemill:outbox"
GIVEN_UP = "huemill:given_up"
API_KEYS = "huemill:keys"
DELIVERY_PREFIX = "huemill:delivery:"


def job_key(job_id: str) -> str:
    return f"huemill:job:{job_id}"


def events_key(job_id: str) -> str:
    return f"huemill:job:{job_id}:events"


def withdrawn_key(job_id: str) -> str:
    return f"huemill:job:{job_id}:withdrawn"


class RequestKey(NamedTuple):
    """What a client calls a request, so that it is done once, however often it is sent."""

    text: str
    """1 to 255 visible characters."""
    owner: str = ""
    """Whose it is: the same text of two owners is two keys."""


def idempotency_key(key: RequestKey) -> str:
    return f"huemill:idempotency:{key.owner}:{hashlib.sha256(key.text.encode()).hexdigest()}"


def users_key(job_id: str) -> str:
    return f"huemill:job:{job_id}:users"


def work_key(owner: str, version: str, fingerprint: str) -> str:
    return f"huemill:work:{owner}:{version}:{fingerprint}"


def jobs_key(owner: str = "") -> str:
    return f"huemill:jobs:{owner}"


def queued_key(queue: str) -> str:
    return f"{queue}:queued"


def line_key(queue: str, owner: str) -> str:
    return f"{queued_key(queue)}:{owner}"


def turns_key(queue: str) -> str:
    return f"{queue}:turns"


def had_key(queue: str, owner: str) -> str:
    return f"{queue}:had:{owner}"


def virtual_time_key(queue: str) -> str:
    return f"{queue}:virtual_time"


def pace_key(queue: str) -> str:
    return f"{queue}:pace"


def image_record_key(name: str) -> str:
    return f"huemill:image:{name}"


def api_key_key(key_id: str) -> str:
    return f"huemill:key:{key_id}"


def used_key(owner: str, what: str) -> str:
    """Of `requests`, `pixels`, `owed` or `queued`."""
    return f"huemill:used:{owner}:{what}"


def host_outbox_key(host: str) -> str:
    return f"{OUTBOX}:{host}"


def delivery_key(delivery_id: str) -> str:
    return DELIVERY_PREFIX + delivery_id
