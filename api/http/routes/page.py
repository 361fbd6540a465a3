"""The web page at /, which uses the public API and nothing else."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from api.http.files import FileRequest, file_request_of
from api.http.fixed import ASK_AGAIN, Fixed
from api.page import page_files
from shared.contract.errors import NotFound

router = APIRouter(include_in_schema=False)

# Nothing that is not ours, and nothing inside of the page: pictures that were chosen or fetched are blobs. No text
# becomes markup or a program, but for the addresses of two workers, each of which a policy of its own makes. It goes
# with every file, since a worker has its own file's.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types page-shrink result-pixels"
)
_FOR_EVER = "public, max-age=31536000, immutable"

_files = page_files()
_html = Fixed(_files.html, "text/html; charset=utf-8")
# After a deployment a browser may ask one gateway for what another's page names: it gets what there is, for once.
_kept, _for_once = (
    {path: Fixed(content, media_type, keeping) for path, (content, media_type) in _files.loaded.items()}
    for keeping in (_FOR_EVER, ASK_AGAIN)
)


@router.head("/")
@router.get("/")
async def get_page(asked: Annotated[FileRequest, Depends(file_request_of)]) -> Response:
    return await _answer(_html, asked)


@router.head("/page/{hashed}/{path:path}")
@router.get("/page/{hashed}/{path:path}")
async def get_page_file(hashed: str, path: str, asked: Annotated[FileRequest, Depends(file_request_of)]) -> Response:
    found = (_kept if hashed == _files.hash else _for_once).get(path)
    if found is None:
        raise NotFound(f"The page has no file {path[:64]!r}.")
    return await _answer(found, asked)


async def _answer(file: Fixed, asked: FileRequest) -> Response:
    answer = await file.answer(asked)
    answer.headers["Content-Security-Policy"] = POLICY
    return answer
