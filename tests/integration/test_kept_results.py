"""What is made of a result on the way, as JSON above all: kept by clients, and compressed for who takes that."""

from typing import Any

import httpx
import pytest

from tests.conftest import ONE_STORE
from tests.support.calls import finished, problem
from tests.support.images import SMALL_PNG, encoded, noise
from tests.support.processes import Service

pytestmark = ONE_STORE

JSON = {"Accept": "application/json"}


LARGE = encoded(noise(2, 2).repeat(300, 0).repeat(300, 1))


@pytest.fixture(scope="module")
def jobs(service: Service) -> list[dict[str, Any]]:
    """Jobs whose label map is short, is sent in pieces, and is left out of a result unless it is asked for."""
    with service.client() as client:
        return [finished(client, image, n_clusters=2) for image in (SMALL_PNG, encoded(noise(200, 300)), LARGE)]


def addresses(job: dict[str, Any]) -> list[str]:
    result = job["links"]["result"]
    palettes = [f"{job['links']['self']}/palette.{ending}" for ending in ("json", "gpl", "svg", "tokens.json")]
    return [result, f"{result}?labels=inline", f"{result}?labels=none", job["links"]["labels"], *palettes]


def test_a_client_keeps_what_is_made(client: httpx.Client, jobs: list[dict[str, Any]]) -> None:
    """A result, a label map as JSON and a palette may be kept as long as the job, and are not sent to who has them."""
    for href in [href for job in jobs for href in addresses(job)]:
        whole = client.get(href, headers=JSON)
        etag = whole.headers["etag"]
        assert etag.startswith('"'), href
        assert whole.headers["cache-control"].startswith("private, immutable, max-age=")
        assert 86_000 < int(whole.headers["cache-control"].partition("max-age=")[2]) <= 86_400
        for known in (etag, f"W/{etag}", f'"other",{etag}', "*"):
            for method in ("GET", "HEAD"):
                again = client.request(method, href, headers={**JSON, "If-None-Match": known})
                assert (again.status_code, again.content) == (304, b""), (href, known)
                for name in ("etag", "vary"):
                    assert again.headers[name] == whole.headers[name]
                assert "content-encoding" not in again.headers
        assert client.get(href, headers={**JSON, "If-None-Match": '"other"'}).content == whole.content
        problem(client.get(href, headers={**JSON, "If-Match": '"other"'}), 412, "precondition_failed")


def test_a_job_with_its_result_is_compressed(client: httpx.Client, jobs: list[dict[str, Any]]) -> None:
    """A finished job comes as gzip to who takes that, with a tag of its own; one encoding's tag is not the other's."""
    for job in jobs:
        href = job["links"]["self"]
        plain, packed = (client.get(href, headers={"Accept-Encoding": encoding}) for encoding in ("identity", "gzip"))
        assert ("content-encoding" in plain.headers, packed.headers["content-encoding"]) == (False, "gzip")
        assert packed.json() == plain.json()
        assert int(plain.headers["content-length"]) == len(plain.content)
        assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
        tags = [answer.headers["etag"] for answer in (plain, packed)]
        assert tags[0] != tags[1]
        for tag, status in zip(tags, (200, 304), strict=True):
            again = client.get(href, headers={"Accept-Encoding": "gzip", "If-None-Match": tag})
            assert again.status_code == status


def test_everything_has_a_tag_of_its_own(client: httpx.Client, jobs: list[dict[str, Any]]) -> None:
    """No two addresses, jobs, types or encodings share a tag."""
    tags = [
        client.get(href, headers={**JSON, "Accept-Encoding": encoding}).headers["etag"]
        for encoding in ("gzip", "identity")
        for job in jobs
        for href in addresses(job)
    ]
    tags += [client.get(job["links"]["labels"]).headers["etag"] for job in jobs]
    assert len(set(tags)) == len(tags) == 51


def test_json_is_sent_compressed(client: httpx.Client, jobs: list[dict[str, Any]]) -> None:
    """Who takes gzip gets it, with the same text in it; HEAD tells the same of either."""
    for href in [href for job in jobs for href in addresses(job)]:
        plain = client.get(href, headers={**JSON, "Accept-Encoding": "gzip;q=0, identity"})
        packed = client.get(href, headers={**JSON, "Accept-Encoding": "deflate, gzip;q=0.3"})
        assert "content-encoding" not in plain.headers, href
        assert packed.headers["content-encoding"] == "gzip", href
        assert packed.content == plain.content  # httpx has unpacked it
        assert packed.num_bytes_downloaded < len(plain.content) or len(plain.content) < 100
        for answer in (plain, packed):
            assert "Accept-Encoding" in answer.headers["vary"]
            encoding = answer.request.headers["accept-encoding"]
            head = client.head(href, headers={**JSON, "Accept-Encoding": encoding})
            assert (head.status_code, head.content) == (200, b"")
            for name in ("etag", "content-type", "content-encoding", "content-disposition", "vary"):
                assert head.headers.get(name) == answer.headers.get(name), (href, name)


def test_what_is_made_has_a_name(client: httpx.Client, service: Service) -> None:
    """A browser saves JSON, too, by the image's name."""
    files = {"image": ("photo.png", SMALL_PNG, "image/png")}
    links = client.post("/v1/jobs", files=files, headers={"Prefer": "wait=30"}).json()["links"]
    for href, name in ((links["result"], "photo-result.json"), (links["labels"], "photo-labels.json")):
        assert client.get(href, headers=JSON).headers["content-disposition"] == f'inline; filename="{name}"'


def test_what_is_lost_is_told(client: httpx.Client, service: Service) -> None:
    """Of a result that the storage has lost nothing can be made: 404 for GET and HEAD."""
    job = finished(client)
    (lost,) = [path for path in service.blob_files() if path.name == "result.json" and job["id"] in path.parts]
    lost.unlink()
    for href in addresses(job):
        problem(client.get(href, headers=JSON), 404, "not_found")
        assert client.head(href, headers=JSON).status_code == 404
