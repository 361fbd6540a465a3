"""Where a job's image comes from, beside a plain upload: with a mask, in JSON, from what is stored."""

import base64
import json
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from shared.runtime.settings import Settings
from tests.support.calls import finished, problem
from tests.support.gateway import gateway
from tests.support.images import SMALL_PNG, encoded, photograph
from tests.support.processes import Service
from tests.support.waiting import until
from tests.support.web import Web

MASK = encoded(np.full((6, 8, 3), 255, np.uint8))
FINISHED = {"Prefer": "wait=30"}
BASE64 = base64.b64encode(SMALL_PNG).decode()


def stored_of(service: Service) -> list[Path]:
    return [path for path in service.blob_files() if "images" in path.parts]


@pytest.fixture(autouse=True)
def nothing_is_left_behind(service: Service) -> Any:
    """No refused upload leaves a blob, whole or begun."""
    yield
    until(lambda: not service.orphans(), "no upload is left", 10)


def send(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post("/v1/jobs", json=body, headers=FINISHED)


def test_a_mask_is_the_second_file_of_a_form(client: httpx.Client) -> None:
    """A form may bring a mask in any order with the image; the job shows it, and keeps it no longer than the image."""
    for names in (("image", "mask"), ("mask", "image")):
        data = {"image": SMALL_PNG, "mask": MASK}
        files = [(name, (f"{name}.png", data[name], "image/png")) for name in names]
        answer = client.post("/v1/jobs", files=files, headers=FINISHED)
        assert answer.status_code == 200, answer.text
        job = answer.json()
        assert job["status"] == "succeeded"
        assert (job["image"]["filename"], job["image"]["bytes"]) == ("image.png", len(SMALL_PNG))
        assert (job["mask"]["filename"], job["mask"]["bytes"]) == ("mask.png", len(MASK))


@pytest.mark.parametrize(("mask", "code"), [(b"no image", "unsupported_image"), (MASK[:-20], "broken_image")])
def test_a_mask_is_checked_like_an_image(client: httpx.Client, mask: bytes, code: str) -> None:
    """A mask that cannot be read refuses the request, and leaves neither itself nor the image."""
    answer = client.post("/v1/jobs", files={"image": SMALL_PNG, "mask": mask})
    document = problem(answer, {"unsupported_image": 415, "broken_image": 422}[code], code)
    assert document["detail"].startswith("The mask cannot be read. The ")


def test_a_mask_alone_is_no_job(client: httpx.Client) -> None:
    """A mask does not stand for the image."""
    assert "`image`" in problem(client.post("/v1/jobs", files={"mask": MASK}), 400, "invalid_request")["detail"]
    assert "image_url" in problem(send(client, mask_base64=BASE64), 400, "invalid_request")["detail"]


@pytest.mark.parametrize(
    "text",
    [BASE64, f"data:image/png;base64,{BASE64}", base64.encodebytes(SMALL_PNG).decode(), f" {BASE64}\n"],
)
def test_an_image_as_base64(client: httpx.Client, text: str) -> None:
    """An image in JSON, as base64 or as a data: URL, wrapped or not, gives the very result of an upload."""
    job = send(client, image_base64=text, n_clusters=2).json()
    assert job["status"] == "succeeded", job
    assert job["params"]["n_clusters"] == 2
    assert job["result"]["digest"] == finished(client, n_clusters=2)["result"]["digest"]
    assert job["image"]["bytes"] == len(SMALL_PNG)


def test_a_photograph_and_a_mask_as_base64(client: httpx.Client) -> None:
    """Image and mask may both be base64, in an order of their own, with the parameters in the query."""
    data, mask = (photograph(name).read_bytes() for name in ("china.jpg", "flower.jpg"))
    body = {"mask_base64": base64.b64encode(mask).decode(), "image_base64": base64.b64encode(data).decode()}
    answer = client.post("/v1/jobs", params={"n_clusters": 3}, json=body)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert (job["image"]["bytes"], job["mask"]["bytes"]) == (len(data), len(mask))
    assert job["params"]["n_clusters"] == 3
    until(lambda: client.get(job["links"]["self"]).json()["status"] == "succeeded", "it ends", 30)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, ["image_base64", "image_url", "image_sha256"]),
        ({"image_base64": BASE64, "image_url": "http://a.example/"}, 400, ["image_base64 and image_url"]),
        ({"image_base64": BASE64, "image_sha256": "0" * 64}, 400, ["image_base64 and image_sha256"]),
        ({"image_base64": BASE64, "mask_url": "x", "mask_sha256": "y"}, 400, ["mask_url and mask_sha256"]),
        ({"image_base64": ""}, 400, ["0 bytes"]),
        ({"image_base64": 5}, 422, ["image_base64", "string"]),
        ({"image_base64": None}, 422, ["image_base64", "string"]),
        ({"image_url": ["http://a.example/"]}, 422, ["image_url", "string"]),
        ({"image_sha256": "abc"}, 422, ["image_sha256", "64"]),
        ({"image_base64": BASE64[:40] + "?" + BASE64[40:]}, 422, ["image_base64", "character 41", "'?'"]),
        ({"image_base64": BASE64[:-1]}, 422, ["image_base64", "cut off"]),
        ({"image_base64": f"data:image/png,{BASE64}"}, 422, ["image_base64", "data:"]),
        ({"image_base64": BASE64, "n_clusters": 0}, 422, ["n_clusters"]),
        ({"image_base64": BASE64, "image": "x"}, 422, ["image"]),
        ({"image_base64": BASE64, "init": "x" * 70_000}, 400, ["larger"]),
    ],
)
def test_a_wrong_json_body(client: httpx.Client, body: dict[str, Any], status: int, words: list[str]) -> None:
    """A body with no image, two of them, or a wrong value says which member is wrong, and how."""
    detail = problem(send(client, **body), status, {400: "invalid_request", 422: "invalid_params"}[status])["detail"]
    assert all(word in detail for word in words), detail


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[1]",
        b'"image_base64"',
        b'{"image_base64": "' + BASE64.encode(),
        b'{"image_base64": "' + BASE64.encode() + b'"',
        b'{"image_base64": "' + BASE64.encode() + b'",}',
        b'{"image_base64": "' + BASE64.encode() + b'", "image_base64": "' + BASE64.encode() + b'"}',
        b'{"image_base64": "\\x41"}',
        b"\xff\xfe{\x00}\x00",
        b"[" * 60_000,
    ],
)
def test_what_is_no_json_object(client: httpx.Client, body: bytes) -> None:
    """Damaged JSON, or JSON that is no object, is refused."""
    answer = client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    problem(answer, 400, "invalid_request")


def test_urls_are_not_fetched_unless_turned_on(client: httpx.Client) -> None:
    """Without the operator's leave a URL is refused, and nothing is dialled."""
    with closing(Web()) as web:
        document = problem(send(client, image_url=web.url("/a.png")), 403, "fetch_disabled")
        assert web.connections == 0
    assert "/v1/images" in document["detail"]


def store(client: httpx.Client, data: bytes = SMALL_PNG) -> httpx.Response:
    return client.post("/v1/images", content=data, headers={"Content-Type": "image/png"})


def test_ten_jobs_on_one_stored_image(client: httpx.Client, service: Service) -> None:
    """An image is stored once and named by many jobs, each of which gives the result of an upload."""
    answer = store(client)
    assert answer.status_code == 201, answer.text
    image = answer.json()
    assert answer.headers["location"] == image["links"]["self"] == f"/v1/images/{image['sha256']}"
    assert {name: image[name] for name in ("bytes", "media_type", "width", "height")} == {
        "bytes": len(SMALL_PNG), "media_type": "image/png", "width": 8, "height": 6
    }  # fmt: skip
    again = store(client)
    assert (again.status_code, again.json()["sha256"]) == (200, image["sha256"])
    assert again.json()["expires_at"] > image["expires_at"]
    digest = finished(client)["result"]["digest"]
    for _ in range(10):
        job = send(client, image_sha256=image["sha256"].upper(), mask_sha256=image["sha256"]).json()
        assert job["image"]["sha256"] == job["mask"]["sha256"] == image["sha256"]
    assert send(client, image_sha256=image["sha256"]).json()["result"]["digest"] == digest
    assert len(stored_of(service)) == 1
    described = client.get(f"/v1/images/{image['sha256'].upper()}").json()
    assert described["expires_at"] > again.json()["expires_at"]
    assert client.get(image["links"]["self"]).json() == described
    assert client.delete(image["links"]["self"]).status_code == 204
    assert stored_of(service) == []
    problem(client.delete(image["links"]["self"]), 404, "not_found")
    problem(client.get(image["links"]["self"]), 404, "not_found")
    assert "POST /v1/images" in problem(send(client, image_sha256=image["sha256"]), 422, "unknown_image")["detail"]


@pytest.mark.parametrize("form", ["multipart", "base64"])
def test_all_forms_store_images(client: httpx.Client, service: Service, form: str) -> None:
    """An image to be stored comes in the forms of a job's image; parameters and masks do not belong to it."""
    if form == "multipart":
        answer = client.post("/v1/images", files={"image": SMALL_PNG})
        wrong = client.post("/v1/images", files={"image": SMALL_PNG, "mask": MASK})
    else:
        answer = client.post("/v1/images", json={"image_base64": BASE64})
        wrong = client.post("/v1/images", json={"image_base64": BASE64, "n_clusters": 3})
    assert answer.status_code == 201, answer.text
    assert "by itself" in problem(wrong, 400, "invalid_request")["detail"]
    assert client.delete(answer.json()["links"]["self"]).status_code == 204
    assert stored_of(service) == []


def test_what_is_no_image_is_not_stored(client: httpx.Client, service: Service) -> None:
    """An image to be stored is checked like a job's, and leaves nothing when it is refused."""
    problem(store(client, b"hello"), 415, "unsupported_image")
    problem(store(client, SMALL_PNG[:-20]), 422, "broken_image")
    problem(client.get("/v1/images/abc"), 404, "not_found")
    assert stored_of(service) == []


def test_one_image_stored_by_many_at_once(client: httpx.Client, service: Service) -> None:
    """Clients that store the same image at the same time find one image stored."""
    answers: list[httpx.Response] = []

    def one() -> None:
        with service.client() as own:
            answers.append(store(own))

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len(stored_of(service)) == 1
    assert client.delete(answers[0].json()["links"]["self"]).status_code == 204


def test_a_stored_image_whose_bytes_are_lost(client: httpx.Client, service: Service) -> None:
    """When the storage has lost an image, the next job says so, and storing it again mends it."""
    sha256 = store(client).json()["sha256"]
    for path in stored_of(service):
        path.unlink()
    problem(send(client, image_sha256=sha256), 422, "unknown_image")
    assert store(client).status_code == 201
    assert send(client, image_sha256=sha256).json()["status"] == "succeeded"
    assert client.delete(f"/v1/images/{sha256}").status_code == 204


def test_images_without_a_record_are_collected(client: httpx.Client, service: Service) -> None:
    """A stored image that no record names is an orphan; one that is named is not."""
    sha256 = store(client).json()["sha256"]
    kept = stored_of(service)
    (kept[0].parent / f"{sha256}.00").write_bytes(b"x")
    (kept[0].parent / f"{'0' * 64}.00").write_bytes(b"x")
    settings = {name.removeprefix("HUEMILL_").lower(): value for name, value in service.environment.items()}

    with gateway(Settings(**{**settings, "orphan_seconds": 1e-6})) as parts:
        # More where the sweep takes away uploads of other tests' jobs at the same time.
        assert parts.run(parts.collector.collect()) >= 2
    assert stored_of(service) == kept
    assert client.delete(f"/v1/images/{sha256}").status_code == 204


def test_the_console_shows_all_forms(client: httpx.Client) -> None:
    """The OpenAPI description has each form of both routes, with examples of the JSON one that can be sent."""
    paths = client.get("/openapi.json").json()["paths"]
    for path in ("/v1/jobs", "/v1/images"):
        content = paths[path]["post"]["requestBody"]["content"]
        assert set(content) == {"multipart/form-data", "application/json", "application/octet-stream", "image/*"}
        examples = content["application/json"]["examples"]
        assert set(examples) == {"base64", "url", "sha256"}
    example = paths["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["examples"]["base64"]["value"]
    assert json.dumps(example)
    assert send(client, **example).json()["status"] == "succeeded"
