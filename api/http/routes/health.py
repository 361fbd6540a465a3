"""Whether the gateway lives, can do its work, and what it has done."""

import logging
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Response

from api import metrics
from api.http.dependencies import OutboxDep, StoreDep, SupervisorDep
from api.http.files import FileRequest, file_request_of
from api.http.fixed import Fixed
from api.http.openapi import algorithm_schemas, headers, problems
from api.http.problems import problem
from api.http.responses import Json
from shared.contract.errors import Unavailable

router = APIRouter()
log = logging.getLogger("huemill.api")

_ALGORITHMS = Fixed(orjson.dumps(algorithm_schemas()), "application/json")


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", tags=["health"], summary="Whether the gateway answers", responses=problems())
async def healthz() -> dict[str, str]:
    """Whether the gateway answers at all."""
    return {"status": "ok"}


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", tags=["health"], summary="Whether jobs are taken and worked on", responses=problems(503))
async def readyz(store: StoreDep, supervisor: SupervisorDep) -> Response:
    """Whether jobs can be taken and worked on: Redis answers, at least one worker was heard lately, and lost jobs are
    looked for. `standing_still` names what else of this gateway's background has not come to its end for long.
    """
    workers = await store.workers()
    if not workers:
        return problem(503, "no_worker", "No worker was heard lately. Jobs are accepted, and wait for one.")
    still = supervisor.standing_still()
    vital = [task.name for task in still if task.vital]
    if vital:
        return problem(503, "standing_still", f"Has not come to its end for long: {', '.join(vital)}. Read the log.")
    return Json({"status": "ready", "workers": len(workers), "standing_still": [task.name for task in still]})


@router.head("/metrics", include_in_schema=False)
@router.get(
    "/metrics",
    name="metrics",
    tags=["health"],
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems()},
)
async def prometheus(store: StoreDep, outbox: OutboxDep) -> Response:
    """This gateway's requests, and what waits and works behind it, in Prometheus' text format."""
    try:
        overviews = await store.overview(), await outbox.overview()
    except Unavailable as error:
        log.warning("metrics: %s", error.__cause__ or error)
        overviews = None
    return Response(metrics.render(overviews), media_type=metrics.MEDIA_TYPE)


@router.head("/v1/algorithms", include_in_schema=False)
@router.get(
    "/v1/algorithms",
    tags=["algorithms"],
    response_model=dict[str, Any],
    summary="The algorithms' parameters",
    responses={
        200: {"headers": headers("ETag", "Cache-Control", "Vary")},
        304: {"description": "The client has them already, by `If-None-Match`", "headers": headers("ETag")},
        **problems(412),
    },
)
async def list_algorithms(asked: Annotated[FileRequest, Depends(file_request_of)]) -> Response:
    """Each algorithm's parameters as a JSON Schema: bounds, defaults, meanings."""
    return await _ALGORITHMS.answer(asked)
