"""The keys of blobs: where in the store each kind of file is.

uploads/{job}                     the image as it came; removed when its job has settled
uploads/{job}.mask                its mask, likewise
images/{name}.{unique}            an image that jobs can name, after owner and SHA-256; see shared/storage/images.py
results/{job}/{claim}/{file}      a result's files; a stale worker writes under its own claim only
"""

UPLOADS = "uploads/"
RESULTS = "results/"
IMAGES = "images/"


def upload_key(job_id: str, name: str = "image") -> str:
    """Of the job's `image` or its `mask`."""
    return f"{UPLOADS}{job_id}" if name == "image" else f"{UPLOADS}{job_id}.{name}"


def image_name(sha256: str, owner: str = "") -> str:
    """What a stored image is called here: each owner has his own."""
    return f"{owner}-{sha256}" if owner else sha256


def image_key(name: str, unique: str) -> str:
    """Of a stored image; `unique` sees to it that no key is ever used again."""
    return f"{IMAGES}{name}.{unique}"


def result_prefix(job_id: str) -> str:
    """What the keys of all files begin with that any attempt at the job has written."""
    return f"{RESULTS}{job_id}/"


def attempt_prefix(job_id: str, claim: int) -> str:
    """What the keys of the files begin with that the attempt with this claim has written."""
    return f"{result_prefix(job_id)}{claim}/"


def claim_of(key: str) -> int | None:
    """The claim of the attempt that wrote a result's file; None if it is not one's."""
    parts = key.split("/")
    return int(parts[2]) if len(parts) == 4 and parts[2].isdecimal() else None


def owner_of(key: str) -> str:
    """The job that an upload or a result's file belongs to; the name of an image."""
    return key.split("/")[1].split(".")[0]
