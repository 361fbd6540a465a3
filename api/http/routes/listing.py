"""A client's jobs as a list."""

import re
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, BeforeValidator, TypeAdapter, ValidationError

from api.http.dependencies import CallerDep, JobListDep, query_of
from api.http.hrefs import href
from api.http.openapi import problems
from api.http.responses import Json
from api.http.schemas import JobListView, job_view
from shared.contract.description import MOST_TAGS, Priority, describe
from shared.contract.errors import FieldError, InvalidParams
from shared.contract.params import MODELS, pointer
from shared.jobs.listing import Page, Wanted, read_cursor
from shared.jobs.model import JobStatus

MOST_JOBS = 100
_NAMES = ("status", "algorithm", "tag", "client_reference", "priority", "created_after", "limit", "cursor")

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


async def _known_names(request: Request) -> None:
    """Refuse a parameter that there is not, and one that is given twice and counts once: a list that is filtered by
    less than was meant is a wrong answer.
    """
    pairs = query_of(request)
    unknown = f"is no parameter of a list; there are {', '.join(_NAMES)}"
    wrong = [_wrong(name, text, unknown) for name, text in pairs if name not in _NAMES]
    seen: set[str] = set()
    for name, text in pairs:
        if name in seen and name != "tag":
            wrong.append(_wrong(name, text, "is given twice"))
        seen.add(name)
    if wrong:
        raise InvalidParams(wrong[:20])


def _wrong(name: str, text: str, message: str) -> FieldError:
    return FieldError(field=name, value=text, message=message, pointer=pointer([name]))


_ALGORITHM = Query(description="Jobs of this algorithm.", json_schema_extra={"enum": list(MODELS)})
_TAG = Query(description="Jobs with this tag; given several times, with all of them.", max_length=MOST_TAGS)
_REFERENCE = Query(
    description="Jobs with this reference, as it was given with them.",
    json_schema_extra={"minLength": 1, "maxLength": 255},
)
_AFTER = Query(description="Jobs that came after this time.", examples=["2026-11-21T10:00:00Z"])


_TIME = TypeAdapter(AwareDatetime)


def _dated(text: str) -> datetime:
    """Of text that begins with a date: Pydantic would take a number for seconds, too."""
    try:
        if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", text):
            return _TIME.validate_python(text)
    except ValidationError:
        pass
    raise ValueError("should be a time with its zone, such as 2026-11-21T10:00:00Z; in an address + is sent as %2B")


async def _wanted(
    status: Annotated[JobStatus | None, Query(description="Jobs in this state.")] = None,
    algorithm: Annotated[str | None, _ALGORITHM] = None,
    tag: Annotated[list[str] | None, _TAG] = None,
    priority: Annotated[Priority | None, Query(description="Jobs of this priority.")] = None,
    created_after: Annotated[Annotated[AwareDatetime, BeforeValidator(_dated)] | None, _AFTER] = None,
    client_reference: Annotated[str | None, _REFERENCE] = None,
) -> Wanted:
    if algorithm is not None and algorithm not in MODELS:
        message = f"is no algorithm; choose one of {', '.join(MODELS)}"
        raise InvalidParams([FieldError(field="algorithm", value=algorithm, message=message)])
    if client_reference is not None:
        describe({"client_reference": client_reference})
    return Wanted(status, algorithm, _tags(tag or []), created_after, priority, client_reference)


def _tags(given: list[str]) -> tuple[str, ...]:
    """Tags to look for; those that no job can have are refused."""
    try:
        return describe({"tags": given}).tags
    except InvalidParams as error:
        named = [{**entry, "field": entry["field"].replace("tags", "tag", 1)} for entry in error.errors]
        raise InvalidParams([FieldError(**entry) for entry in named]) from None  # type: ignore[typeddict-item]


@router.head("", include_in_schema=False)
@router.get(
    "",
    response_model=JobListView,
    summary="Jobs, the newest first",
    response_description="A page of the list",
    responses=problems(422, 503),
    dependencies=[Depends(_known_names)],
)
async def list_jobs(
    jobs: JobListDep,
    caller: CallerDep,
    wanted: Annotated[Wanted, Depends(_wanted)],
    limit: Annotated[int, Query(ge=1, le=MOST_JOBS, description="Jobs of a page.")] = 20,
    cursor: Annotated[str | None, Query(description="Where a page begins: part of the address in `next`.")] = None,
) -> Response:
    """The jobs that are kept, from their creation until they expire or are deleted.

    `next` is the address of the following page. Going on from page to page, a job is shown once, whatever comes and
    goes meanwhile; new jobs are on a new first page.
    """
    page = await jobs.page(wanted, limit, read_cursor(cursor) if cursor is not None else None, caller.owner)
    views = [job_view(job, queue_position=place) for job, place in zip(page.jobs, page.places, strict=True)]
    return Json({"jobs": views, "next": _next(page, wanted, limit)})


def _next(page: Page, wanted: Wanted, limit: int) -> str | None:
    if page.next is None:
        return None
    since = wanted.created_after and wanted.created_after.isoformat()
    given: list[tuple[str, Any]] = [("status", wanted.status), ("algorithm", wanted.algorithm)]
    given += [*(("tag", tag) for tag in wanted.tags), ("client_reference", wanted.reference)]
    given += [("priority", wanted.priority), ("created_after", since)]
    given += [("limit", limit), ("cursor", page.next)]
    return href(f"/v1/jobs?{urlencode([(name, value) for name, value in given if value is not None])}")
