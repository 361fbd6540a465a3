"""A result's files over HTTP: each under a name of its own, kept by clients, read in parts."""

import io
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.conftest import ONE_STORE
from tests.support.calls import finished, problem
from tests.support.images import SMALL_PNG, encoded, noise
from tests.support.processes import Service

pytestmark = ONE_STORE

PHOTO = encoded(noise(200, 300))


@pytest.fixture(scope="module")
def job(service: Service) -> dict[str, Any]:
    """A finished job of an image that has a name."""
    with service.client() as client:
        files = {"image": ("../été.png", PHOTO, "image/png")}
        answer = client.post("/v1/jobs", files=files, headers={"Prefer": "wait=30"})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="module")
def npy(job: dict[str, Any]) -> str:
    """The address of its label map as a NumPy file: 200 x 300 labels, twice as many bytes, and a header."""
    return next(artifact["href"] for artifact in job["result"]["artifacts"] if artifact["name"] == "labels.npy")


def test_each_artifact_has_a_link_of_its_own(client: httpx.Client, job: dict[str, Any]) -> None:
    """Every file is where its link leads, with the type and the size that the result tells; the labels have theirs."""
    artifacts = job["result"]["artifacts"]
    assert {artifact["name"] for artifact in artifacts} == {"labels.png", "labels.npy"}
    for artifact in artifacts:
        assert artifact["href"] == f"{job['links']['self']}/files/{artifact['name']}"
        answer = client.get(artifact["href"])
        assert answer.status_code == 200
        assert answer.headers["content-type"] == artifact["media_type"]
        assert len(answer.content) == artifact["bytes"] == int(answer.headers["content-length"])
    result = client.get(job["links"]["result"]).json()
    assert result["artifacts"] == artifacts
    assert result["labels"]["href"] == job["links"]["labels"]


def test_a_file_is_the_label_map(client: httpx.Client, job: dict[str, Any], npy: str) -> None:
    """The files are those that `/labels` gives by `Accept`, byte for byte and with the same tags."""
    for name, media_type in (("labels.png", "image/png"), ("labels.npy", "application/x-npy")):
        file = client.get(f"{job['links']['self']}/files/{name}")
        labels = client.get(job["links"]["labels"], headers={"Accept": media_type})
        assert file.content == labels.content
        assert file.headers["etag"] == labels.headers["etag"]
        assert labels.headers["vary"] == "Accept"
        assert "vary" not in file.headers
    array = np.load(io.BytesIO(client.get(npy).content), allow_pickle=False)
    assert array.shape == (200, 300)


def test_a_client_keeps_a_file(client: httpx.Client, npy: str) -> None:
    """A file may be kept until its job expires; who has it learns so without getting it again."""
    answer = client.get(npy)
    etag, control = answer.headers["etag"], answer.headers["cache-control"]
    assert etag.startswith('"')
    assert control.startswith("private, immutable, max-age=")
    assert 86_000 < int(control.partition("max-age=")[2]) <= 86_400
    again = client.get(npy, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    assert again.headers["cache-control"].startswith("private, immutable, max-age=")
    for header in ("content-type", "content-length", "content-disposition"):
        assert header not in again.headers
    assert client.get(npy, headers={"If-None-Match": '"other"'}).status_code == 200
    assert client.get(npy, headers={"If-Match": etag}).status_code == 200
    problem(client.get(npy, headers={"If-Match": '"other"'}), 412, "precondition_failed")


def test_every_representation_has_its_tag(client: httpx.Client, job: dict[str, Any]) -> None:
    """PNG and npy, and the files of another job on the same image, are told apart by their tags."""
    other = finished(client, PHOTO)
    hrefs = [artifact["href"] for each in (job, other) for artifact in each["result"]["artifacts"]]
    assert len({client.get(href).headers["etag"] for href in hrefs}) == 4


@pytest.mark.parametrize("range_", ["bytes=0-9", "bytes=100-", "bytes=-7", "bytes=120000-999999999"])
def test_a_part_of_a_file(client: httpx.Client, npy: str, range_: str) -> None:
    """A part is told by its place and size, and is the bytes that stand there."""
    whole = client.get(npy)
    answer = client.get(npy, headers={"Range": range_})
    assert answer.status_code == 206
    unit, _, place = answer.headers["content-range"].partition(" ")
    span, _, size = place.partition("/")
    first, last = map(int, span.split("-"))
    assert (unit, int(size)) == ("bytes", len(whole.content))
    assert answer.content == whole.content[first : last + 1]
    assert int(answer.headers["content-length"]) == len(answer.content) == last + 1 - first
    assert answer.headers["etag"] == whole.headers["etag"]
    assert answer.headers["accept-ranges"] == whole.headers["accept-ranges"] == "bytes"


def test_a_download_goes_on_where_it_broke_off(client: httpx.Client, npy: str) -> None:
    """With If-Range the rest comes if the file is still the same, and else the whole; a known file is 304 first."""
    whole = client.get(npy)
    etag = whole.headers["etag"]
    rest = client.get(npy, headers={"Range": "bytes=1000-", "If-Range": etag})
    assert (rest.status_code, rest.content) == (206, whole.content[1000:])
    anew = client.get(npy, headers={"Range": "bytes=1000-", "If-Range": '"other"'})
    assert (anew.status_code, anew.content) == (200, whole.content)
    assert client.get(npy, headers={"Range": "bytes=0-1", "If-None-Match": etag}).status_code == 304
    for several in ("bytes=0-1,5-6", "items=0-1"):
        assert client.get(npy, headers={"Range": several}).content == whole.content


def test_a_part_that_is_not_there(client: httpx.Client, npy: str) -> None:
    """A part beyond the end is 416, and the answer says how large the file is."""
    size = len(client.get(npy).content)
    answer = client.get(npy, headers={"Range": f"bytes={size}-"})
    problem(answer, 416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{size}"


def test_the_head_alone(client: httpx.Client, job: dict[str, Any], npy: str) -> None:
    """HEAD answers as GET does, without a body; ranges are GET's alone."""
    for href, headers in (
        (npy, {}),
        (npy, {"Range": "bytes=0-1"}),
        (job["links"]["labels"], {}),
        (job["links"]["labels"], {"Accept": "application/json"}),
    ):
        head = client.head(href, headers=headers)
        whole = client.get(href, headers={name: value for name, value in headers.items() if name != "Range"})
        assert (head.status_code, head.content) == (200, b"")
        names = ("content-type", "content-length", "etag", "content-disposition", "accept-ranges", "vary")
        if "application/json" in head.headers["content-type"]:
            assert "content-length" not in head.headers
            names = ("content-type", "etag", "content-disposition", "vary")
        assert {name: head.headers.get(name) for name in names} == {name: whole.headers.get(name) for name in names}
    etag = client.head(npy).headers["etag"]
    assert client.head(npy, headers={"If-None-Match": etag}).status_code == 304
    assert client.head(f"{job['links']['self']}/files/nothing.png").status_code == 404


def test_a_file_is_named_after_its_image(client: httpx.Client, job: dict[str, Any], npy: str) -> None:
    """A browser saves a file by the image's name, cleaned; with `?download` it does so at once."""
    assert job["image"]["filename"] == "été.png"
    name = "filename=\"_t_-labels.npy\"; filename*=UTF-8''%C3%A9t%C3%A9-labels.npy"
    assert client.get(npy).headers["content-disposition"] == f"inline; {name}"
    for query in ("?download", "?download=1"):
        assert client.get(npy + query).headers["content-disposition"] == f"attachment; {name}"
    nameless = finished(client)
    answer = client.get(nameless["links"]["labels"])
    assert answer.headers["content-disposition"] == 'inline; filename="labels.png"'


@pytest.mark.parametrize(
    "name",
    ["nothing.png", "result.json", "labels.png%00", "..%2Fresult.json", "%2e%2e/labels.png", "LABELS.PNG", "x" * 3000],
)
def test_a_file_that_is_not_listed(client: httpx.Client, job: dict[str, Any], name: str) -> None:
    """What the result does not list is 404, whatever else is stored; the answer lists what there is."""
    answer = client.get(f"{job['links']['self']}/files/{name}")
    detail = problem(answer, 404, "not_found")["detail"]
    if "/" not in name and "%2F" not in name:
        assert "labels.png, labels.npy" in detail
        assert len(detail) < 200


def test_files_of_other_jobs(client: httpx.Client, job: dict[str, Any]) -> None:
    """Files of an unknown job are 404; of one that failed, the problem is the job's."""
    problem(client.get(f"/v1/jobs/{'0' * 32}/files/labels.png"), 404, "not_found")
    transparent = client.post(
        "/v1/jobs",
        content=encoded(np.zeros((4, 4, 4), np.uint8)),
        headers={"Content-Type": "image/png", "Prefer": "wait=30"},
    ).json()
    problem(client.get(f"{transparent['links']['self']}/files/labels.png"), 422, "job_failed")
    client.delete(transparent["links"]["self"])


def test_a_profile_that_looks_like_a_place(client: httpx.Client) -> None:
    """An image whose profile is called @labels@ has a result like any other, with its labels in it."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    described = profile.replace(b"sRGB built-in", b"@labels@     ")
    described = described.replace("sRGB built-in".encode("utf-16-be"), "@labels@     ".encode("utf-16-be"))
    assert described != profile
    file = io.BytesIO()
    Image.fromarray(noise(6, 8)).save(file, "PNG", icc_profile=described)
    job = finished(client, file.getvalue(), n_clusters=2)
    result = client.get(job["links"]["result"]).json()
    assert result["image"]["profile"].startswith("@labels@")
    assert len(result["labels"]["data"]) == 48


TEXT = json.dumps({"colors": ["#ffffff"] * 20_000}).encode()


def test_text_is_sent_compressed(client: httpx.Client, service: Service) -> None:
    """A file of text is compressed for who takes that, as a representation with a tag of its own; parts are of it as it
    is, and a picture is never touched.
    """
    job = finished(client, SMALL_PNG)
    with_text(service, job["id"])
    href = f"{job['links']['self']}/files/points.json"
    plain = client.get(href, headers={"Accept-Encoding": "identity"})
    assert plain.content == TEXT
    assert int(plain.headers["content-length"]) == len(TEXT)
    packed = client.get(href, headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == TEXT  # httpx has unpacked it
    assert packed.num_bytes_downloaded < len(TEXT) / 50
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert plain.headers["etag"] != packed.headers["etag"]
    for encoding, known, status in (
        ("gzip", packed, 304),
        ("*", packed, 304),
        ("identity", plain, 304),
        ("gzip;q=0", plain, 304),
        ("gzip", plain, 200),
        ("gzip;q=0, *", packed, 200),
    ):
        headers = {"Accept-Encoding": encoding, "If-None-Match": known.headers["etag"]}
        assert client.get(href, headers=headers).status_code == status, encoding
    part = client.get(href, headers={"Accept-Encoding": "gzip", "Range": "bytes=2-7"})
    assert (part.status_code, part.content) == (206, b"colors")
    assert "content-encoding" not in part.headers
    head = client.head(href, headers={"Accept-Encoding": "gzip"})
    assert head.headers["content-encoding"] == "gzip"
    assert "content-length" not in head.headers
    picture = client.get(job["links"]["labels"], headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in picture.headers


def with_text(service: Service, job_id: str) -> None:
    """Give a finished job a file of text, as an output that is not there yet would."""
    (result,) = [path for path in service.blob_files() if path.name == "result.json" and job_id in path.parts]
    head, _, rest = result.read_text().partition("\n")
    document = json.loads(head + "}")
    document["artifacts"].append({"name": "points.json", "media_type": "application/json", "bytes": len(TEXT)})
    result.write_text(json.dumps(document)[:-1] + "\n" + rest)
    (Path(result).parent / "points.json").write_bytes(TEXT)


def test_a_file_whose_bytes_are_lost(client: httpx.Client, service: Service) -> None:
    """A file that the storage has lost is 404 before an answer has begun; its job says what it did before."""
    job = finished(client, SMALL_PNG)
    for path in service.blob_files():
        if path.name.startswith("labels.") and job["id"] in path.parts:
            path.unlink()
    for artifact in job["result"]["artifacts"]:
        problem(client.get(artifact["href"]), 404, "not_found")
        assert client.head(artifact["href"]).status_code == 404
    for href in (job["links"]["result"], job["links"]["labels"]):
        problem(client.get(href, headers={"Accept": "application/json"}), 404, "not_found")
        assert client.head(href, headers={"Accept": "application/json"}).status_code == 404
    assert client.get(job["links"]["self"]).json()["status"] == "succeeded"
