"""What makes two requests the same, and two jobs the same work: the images' bytes and the parameters, for one."""

import hashlib
from typing import Any

import orjson

from shared.jobs.model import Job


def work_of(job: Job) -> str:
    """SHA-256, in hex, of what the job's result depends on.

    Parameters count as they are after defaults are filled in, whatever their order was. Those that have their defaults
    are left out, as in a record's `given`: a later version that knows more parameters gives the same fingerprint. How
    the files came does not count, nor what they are called: an image is its bytes.
    """
    given = job.params.model_dump(mode="json", exclude_defaults=True)
    return _hash(
        image=job.upload.sha256,
        mask=job.mask.sha256 if job.mask is not None else None,
        params={**given, "algorithm": job.params.algorithm},
    )


def fingerprint(job: Job) -> str:
    """SHA-256, in hex, of what the request for the job said: its work, what its client calls it, who is to be told.

    What a version before this one did not know counts where it was given, as parameters do.
    """
    callback = job.callback.model_dump(mode="json") if job.callback is not None else None
    given = {"priority": job.priority} if job.priority != "interactive" else {}
    return _hash(work=work_of(job), client_reference=job.client_reference, tags=job.tags, callback=callback, **given)


def _hash(**parts: Any) -> str:
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()
