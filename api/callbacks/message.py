"""What a callback says: its body, below 20 kB."""

from datetime import datetime
from typing import Any

import orjson

MAX_BODY_BYTES = 20_000


def body_of(event: str, entered_at: datetime, job: dict[str, Any]) -> bytes:
    """`{"type": "job.succeeded", "timestamp": …, "data": the job}`.

    `entered_at`: when the job entered the state. `job`: as a client sees it, its result without the label map. What has
    no room is left out: first the result, which is null then, then the parameters other than `algorithm`, then all
    attempts but the last.
    """
    shorter: tuple[dict[str, Any], ...] = (
        {},
        {"result": None},
        {"params": {"algorithm": job["params"]["algorithm"]}},
        {"attempts": job["attempts"][-1:]},
    )
    for changes in shorter:
        job = {**job, **changes}
        body = orjson.dumps({"type": f"job.{event}", "timestamp": entered_at.isoformat(), "data": job})
        if len(body) < MAX_BODY_BYTES:
            break
    return body
