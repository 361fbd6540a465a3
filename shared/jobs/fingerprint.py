"""What makes two requests the same: the images' bytes and the parameters, and nothing else."""

import hashlib

import orjson

from shared.jobs.model import Job


def fingerprint(job: Job) -> str:
    """SHA-256, in hex, of what the job was asked for.

    Parameters count as they are after defaults are filled in, whatever their order was. Those that have their defaults
    are left out, as in a record's `given`: a later version that knows more parameters gives the same fingerprint. How
    the files came does not count, nor what they are called: an image is its bytes.
    """
    given = job.params.model_dump(mode="json", exclude_defaults=True)
    wanted = {
        "image": job.upload.sha256,
        "mask": job.mask.sha256 if job.mask is not None else None,
        "params": {**given, "algorithm": job.params.algorithm},
    }
    return hashlib.sha256(orjson.dumps(wanted, option=orjson.OPT_SORT_KEYS)).hexdigest()
