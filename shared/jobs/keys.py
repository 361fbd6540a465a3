"""Every key of Redis that huemill uses, and what it holds. Times are by Redis' own clock.

huemill:job:{id}            hash: `record` (what never changes, JSON) and the fields that moves change
huemill:job:{id}:events     stream: what the job said, for those who wait and listen
huemill:job:{id}:withdrawn  string: the job must not be created any more; goes after an hour
huemill:due                 sorted set: job id -> when the sweep must look at it next:
                            queued: its message may be lost; running: its lease ends; ended: it settles, it expires
huemill:jobs:{owner}        sorted set: each job that is kept -> when it was created, in microseconds; for lists
{queue}:queued              sorted set: queued job -> since when (the messages alone would count some twice)
huemill:workers             sorted set: worker -> when it was last heard
huemill:image:{sha256}      string: a StoredImage as JSON
huemill:images              sorted set: sha256 -> when the stored image expires, later with every use

huemill:news                channel: the id of a job that has told an event, and the event's name; a hint

{queue}, _kombu.*           Celery's own: the messages, and which queues there are
"""

DUE = "huemill:due"
WORKERS = "huemill:workers"
IMAGES = "huemill:images"
NEWS = "huemill:news"


def job_key(job_id: str) -> str:
    return f"huemill:job:{job_id}"


def events_key(job_id: str) -> str:
    return f"huemill:job:{job_id}:events"


def withdrawn_key(job_id: str) -> str:
    return f"huemill:job:{job_id}:withdrawn"


def jobs_key(owner: str = "") -> str:
    return f"huemill:jobs:{owner}"


def queued_key(queue: str) -> str:
    return f"{queue}:queued"


def image_record_key(sha256: str) -> str:
    return f"huemill:image:{sha256}"
