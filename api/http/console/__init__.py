"""The console at /docs: Swagger UI from an installed package, so that it works with no internet.

All its addresses are relative: it works under any host, scheme and prefix, and loads nothing from elsewhere.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from api.http.files import FileRequest, file_request_of
from api.http.fixed import Fixed

router = APIRouter(include_in_schema=False)

# Scripts and styles from here alone; Swagger UI draws icons from data: URLs, and shows images of answers as blobs.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ours, _swagger = files("api.http.console"), files("fastapi_swagger.resources")
_PAGE = _ours.joinpath("console.html").read_bytes()


def _serve(name: str, file: Traversable, media_type: str) -> None:
    """A file at /docs/`name`."""
    fixed = Fixed(file.read_bytes(), media_type, "max-age=3600")

    @router.head(f"/docs/{name}", name=name)
    @router.get(f"/docs/{name}", name=name)
    async def serve(asked: Annotated[FileRequest, Depends(file_request_of)]) -> Response:
        return await fixed.answer(asked)


_serve("swagger-ui.js", _swagger.joinpath("swagger-ui-bundle.js"), "text/javascript")
_serve("swagger-ui.css", _swagger.joinpath("swagger-ui.css"), "text/css")
_serve("favicon.png", _swagger.joinpath("favicon-32x32.png"), "image/png")
_serve("console.js", _ours.joinpath("console.js"), "text/javascript")
_serve("console.css", _ours.joinpath("console.css"), "text/css")


@router.head("/docs")
@router.get("/docs")
async def docs() -> Response:
    return Response(_PAGE, headers={"Content-Security-Policy": POLICY}, media_type="text/html")
