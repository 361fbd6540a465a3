"""A stored result as it goes over HTTP: its JSON, joined with the label map, which is never held whole."""

from array import array
from collections.abc import AsyncIterator
from typing import Any, cast

import orjson

from api.http.schemas import links
from shared.contract.errors import Expired, JobCancelled, JobFailed, NotFinished
from shared.contract.results import LABELS_NPY, LABELS_PNG, RESULT_FILE
from shared.jobs.model import Job, JobStatus
from shared.storage.blobs import Blobs

_LABELS_PLACE = "@labels@"
_ARRAY_CODES = {"int16": "h", "int32": "i"}
_NPY_PREFIX = 10  # magic, version, and the length of the header that follows


def result_key(job: Job) -> str:
    """Where the job's result is stored. Raises what there is to say when there is none."""
    if job.expired and job.expires_at is not None:
        raise Expired(f"The result of this job expired at {job.expires_at.isoformat()}. Post the image again.")
    if not job.ended:
        raise NotFinished(f"The job is {job.status}. Follow {links(job.id).events}, or ask again soon.")
    if job.status is JobStatus.CANCELLED:
        raise JobCancelled("The job was cancelled and has no result. Post the image again.")
    if job.status is not JobStatus.SUCCEEDED or job.result_key is None:
        raise JobFailed(f"The job {job.status} and has no result: {job.error.message if job.error else 'no reason'}")
    return job.result_key


async def load(job: Job, blobs: Blobs) -> dict[str, Any]:
    """The result with its links, and without the label map's data."""
    result = orjson.loads(await blobs.read_whole(result_key(job) + RESULT_FILE))
    href = links(job.id).labels
    result["labels"]["href"] = href
    for artifact in result["artifacts"]:
        artifact["href"] = href
    return cast(dict[str, Any], result)


def stream_with_labels(result: dict[str, Any], job: Job, blobs: Blobs) -> AsyncIterator[bytes]:
    """The whole result as JSON with the label map's data in it, piece by piece."""
    return _fill(result, result["labels"], job, blobs)


def stream_labels(labels: dict[str, Any], job: Job, blobs: Blobs) -> AsyncIterator[bytes]:
    """The result's `labels` alone as JSON, with the data, piece by piece."""
    return _fill(labels, labels, job, blobs)


async def _fill(document: dict[str, Any], labels: dict[str, Any], job: Job, blobs: Blobs) -> AsyncIterator[bytes]:
    """`document` as JSON, with the map's numbers where its part `labels` has `data`."""
    labels["data"] = _LABELS_PLACE
    before, after = orjson.dumps(document).split(orjson.dumps(_LABELS_PLACE))
    begin = before + b"["  # goes out with the first numbers: by then the map is known to be there
    async for numbers in _numbers(blobs.read(result_key(job) + LABELS_NPY), labels["dtype"]):
        yield begin + orjson.dumps(numbers.tolist())[1:-1]
        begin = b","
    yield b"]" + after


async def _numbers(chunks: AsyncIterator[bytes], dtype: str) -> "AsyncIterator[array[int]]":
    """The numbers of a version 1 .npy file, in the order of its chunks."""
    code = _ARRAY_CODES[dtype]
    rest = b""
    data_begin: int | None = None
    async for chunk in chunks:
        rest += chunk
        if data_begin is None:
            if len(rest) < _NPY_PREFIX:
                continue
            data_begin = _NPY_PREFIX + int.from_bytes(rest[8:_NPY_PREFIX], "little")
        if data_begin:
            if len(rest) < data_begin:
                continue
            rest, data_begin = rest[data_begin:], 0
        numbers = array(code)
        whole = len(rest) - len(rest) % numbers.itemsize
        numbers.frombytes(rest[:whole])
        rest = rest[whole:]
        if numbers:
            yield numbers


async def begun(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same chunks, the first one already read: what is wrong is told before the answer has begun."""
    first = await anext(chunks)

    async def again() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return again()


LABEL_FILES = {"image/png": LABELS_PNG, "application/x-npy": LABELS_NPY}
