"""The OpenAPI document."""

from functools import cache
from typing import Annotated, cast

import orjson
from fastapi import APIRouter, Depends, Request, Response

from api.http.files import FileRequest, file_request_of
from api.http.fixed import Fixed
from api.http.hrefs import href
from api.http.openapi import Documented

router = APIRouter(include_in_schema=False)


@cache
def _document(app: Documented) -> Fixed:
    document = app.openapi()
    if href(""):
        document = {**document, "servers": [{"url": href("")}]}
    return Fixed(orjson.dumps(document), "application/json")


@router.head("/openapi.json")
@router.get("/openapi.json")
async def get_document(request: Request, asked: Annotated[FileRequest, Depends(file_request_of)]) -> Response:
    return await _document(cast(Documented, request.app)).answer(asked)
