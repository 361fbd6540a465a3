"""HTTP's small print: methods, fields in several lines, encodings, when to come back."""

import gzip

import httpx
import pytest

from tests.conftest import ONE_STORE
from tests.support.calls import finished, post, problem
from tests.support.images import SMALL_PNG, encoded, noise

pytestmark = ONE_STORE


def test_head_everywhere_get_is(client: httpx.Client) -> None:
    """HEAD answers as GET does, without a body, at every address; and Allow names all methods of the address."""
    job = finished(client)
    image = client.post("/v1/images", content=SMALL_PNG, headers={"Content-Type": "image/png"}).json()
    allowed = {
        job["links"]["self"]: "GET, HEAD, DELETE",
        job["links"]["result"]: "GET, HEAD",
        job["links"]["labels"]: "GET, HEAD",
        job["links"]["events"]: "GET, HEAD",
        job["links"]["cancel"]: "POST",
        f"{job['links']['self']}/palette.gpl": "GET, HEAD",
        f"{job['links']['self']}/files/labels.png": "GET, HEAD",
        image["links"]["self"]: "GET, HEAD, DELETE",
        "/v1/jobs": "GET, HEAD, POST",
        "/v1/images": "POST",
        "/v1/algorithms": "GET, HEAD",
        "/v1/limits": "GET, HEAD",
        "/healthz": "GET, HEAD",
        "/readyz": "GET, HEAD",
        "/metrics": "GET, HEAD",
        "/openapi.json": "GET, HEAD",
        "/docs": "GET, HEAD",
        "/docs/swagger-ui.js": "GET, HEAD",
        "/": "GET, HEAD",
    }
    for path, methods in allowed.items():
        for method in ("PUT", "PATCH"):
            answer = client.request(method, path)
            problem(answer, 405, "method_not_allowed")
            assert answer.headers["allow"] == methods, path
        if "GET" not in methods:
            assert client.head(path).status_code == 405
            continue
        got, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert head.headers["content-type"] == got.headers["content-type"] if got.content else True
    assert client.delete(image["links"]["self"]).status_code == 204  # the service is for other tests too


def test_head_of_what_is_long_or_goes_on(client: httpx.Client) -> None:
    """HEAD of a large result, and of the events of a job that has not ended, ends at once."""
    large = finished(client, encoded(noise(300, 300)), n_clusters=2)
    assert client.head(large["links"]["result"], params={"labels": "inline"}).content == b""
    waiting = post(client, encoded(noise(900, 900)), wait=None, algorithm="hdbscan").json()
    answer = client.head(waiting["links"]["events"])
    assert (answer.status_code, answer.content) == (200, b"")
    client.delete(waiting["links"]["self"])


def test_fields_in_several_lines(client: httpx.Client) -> None:
    """Lines of Prefer, and of Accept, are joined; a preference that is not understood is passed over."""
    lines = [("Content-Type", "image/png"), ("Prefer", "return=minimal"), ("Prefer", "wait=20")]
    answer = client.post("/v1/jobs", content=SMALL_PNG, headers=lines)
    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait=20")
    labels = client.get(answer.json()["links"]["labels"], headers=[("Accept", "text/html"), ("Accept", "image/png")])
    assert labels.headers["content-type"] == "image/png"
    answer = client.post("/v1/jobs", content=SMALL_PNG, headers=[lines[0], ("Prefer", "wait=soon")])
    assert (answer.status_code, answer.headers.get("preference-applied")) == (202, None)


def test_a_compressed_body(client: httpx.Client) -> None:
    """A Content-Encoding that is not read is named; identity is none."""
    headers = {"Content-Type": "image/png", "Content-Encoding": "gzip"}
    answer = client.post("/v1/jobs", content=gzip.compress(SMALL_PNG), headers=headers)
    assert "gzip" in problem(answer, 415, "unsupported_encoding")["detail"]
    assert answer.headers["accept-encoding"] == "identity"
    headers["Content-Encoding"] = "Identity"
    assert client.post("/v1/jobs", content=SMALL_PNG, headers=headers).status_code == 202


@pytest.mark.parametrize("path", ["/openapi.json", "/v1/algorithms", "/docs/swagger-ui.js", "/docs/favicon.png"])
def test_what_is_always_the_same(client: httpx.Client, path: str) -> None:
    """The document, the parameters and the console's files are kept by clients, and sent compressed where it helps."""
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    text = not path.endswith(".png")
    assert packed.content == plain.content
    assert (packed.headers.get("content-encoding") == "gzip") == text
    assert (packed.num_bytes_downloaded < len(plain.content) / 3) == text
    assert (packed.headers["etag"] != plain.headers["etag"]) == text
    assert packed.headers.get("vary") == ("Accept-Encoding" if text else None)
    for answer in (plain, packed):
        encoding = answer.request.headers["accept-encoding"]
        for method in ("GET", "HEAD"):
            known = {"Accept-Encoding": encoding, "If-None-Match": answer.headers["etag"]}
            again = client.request(method, path, headers=known)
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["cache-control"] == answer.headers["cache-control"]
        assert client.head(path, headers={"Accept-Encoding": encoding}).headers["etag"] == answer.headers["etag"]


def test_a_body_of_two_types(client: httpx.Client) -> None:
    """Which of two Content-Types a body is of, two readers could see differently: it is 400."""
    lines = [("Content-Type", "image/png"), ("Content-Type", "application/json")]
    problem(client.post("/v1/jobs", content=SMALL_PNG, headers=lines), 400, "invalid_request")


@pytest.mark.parametrize("filename", ["", None])
def test_the_form_of_a_browser(client: httpx.Client, filename: str | None) -> None:
    """A form whose fields `mask` and `params` are left empty is an image alone."""
    boundary = "----WebKitFormBoundary"
    file = "" if filename is None else f'; filename="{filename}"'
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'.encode()
        + SMALL_PNG
        + f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="mask"{file}\r\n\r\n\r\n'.encode()
        + f'--{boundary}\r\nContent-Disposition: form-data; name="params"\r\n\r\n\r\n--{boundary}--\r\n'.encode()
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Prefer": "wait=20"}
    answer = client.post("/v1/jobs", content=body, headers=headers)
    assert (answer.status_code, answer.json()["mask"]) == (200, None)
