"""What can go wrong, for programs: the list that docs/errors.md is for people."""

from fastapi import APIRouter
from pydantic import BaseModel

from api.http.error_entries import ENTRIES, ErrorEntry
from api.http.openapi import problems
from shared.contract.errors import NotFound

router = APIRouter(prefix="/v1/errors", tags=["errors"])


class ErrorList(BaseModel):
    """All codes."""

    errors: list[ErrorEntry]


@router.head("", include_in_schema=False)
@router.get("", summary="What can go wrong", response_description="All codes", responses=problems())
async def list_errors() -> ErrorList:
    """Every code that a problem, or a job's `error`, may have: its status, its meaning, and what to do."""
    return ErrorList(errors=list(ENTRIES.values()))


@router.head("/{code}", include_in_schema=False)
@router.get("/{code}", summary="What a code means", response_description="The code's entry", responses=problems(404))
async def get_error(code: str) -> ErrorEntry:
    """One code: the address of this is the `type` of its problems."""
    if code not in ENTRIES:
        raise NotFound(f"There is no error {code[:64]!r}. GET /v1/errors lists those that there are.")
    return ENTRIES[code]
