"""The message that names a job, as Celery's own `send_task` writes it: a task of protocol 2 in kombu's envelope.

Made here, it is stored in the same move as its job (`create.lua`), which takes no thread and no second round trip, and
no moment in which the one is there without the other. Tests hold it against what Celery sends.
"""

import os
import socket
from base64 import b64encode
from typing import Any
from uuid import uuid4

import orjson

from shared.jobs.model import Job

TASK = "huemill.run"
# What Celery would do after the task, of which there is nothing.
_EMBEDDED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
# Of a task that is due at once, for good, alone, without limits of Celery's.
_HEADERS: dict[str, Any] = {
    "lang": "py",
    "task": TASK,
    "shadow": None,
    "eta": None,
    "expires": None,
    "group": None,
    "group_index": None,
    "retries": 0,
    "timelimit": [None, None],
    "parent_id": None,
    "kwargsrepr": "{}",
    "ignore_result": None,
    "replaced_task_nesting": 0,
    "stamped_headers": None,
    "stamps": {},
}


def message_of(job: Job) -> bytes:
    """A message that names the job, for the list of its queue. Each is another one: Celery tells tasks by their ids."""
    task_id, body = str(uuid4()), orjson.dumps([[job.id], {}, _EMBEDDED])
    origin = f"gen{os.getpid()}@{socket.gethostname()}"
    headers = {**_HEADERS, "id": task_id, "root_id": task_id, "argsrepr": repr([job.id]), "origin": origin}
    properties = {
        "correlation_id": task_id,
        "reply_to": "",  # results are unused
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": job.queue},
        "priority": 0,
        "body_encoding": "base64",
        "delivery_tag": str(uuid4()),
    }
    return orjson.dumps(
        {
            "body": b64encode(body).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": headers,
            "properties": properties,
        }
    )
