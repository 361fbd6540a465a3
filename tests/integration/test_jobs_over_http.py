"""The way of an image over HTTP, with a real gateway, store and worker."""

import io
import re
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from shared.contract.params import MODELS
from shared.jobs.keys import DUE
from tests.support.calls import finished, post, post_form, problem
from tests.support.images import SMALL_PNG, encoded, noise, photograph, two_colors
from tests.support.processes import Service
from tests.support.waiting import until


def test_an_image_as_the_body(client: httpx.Client) -> None:
    """The image itself as the body, with parameters in the query, is accepted with 202, Location and Retry-After."""
    answer = post(client, wait=None, algorithm="kmeans", n_clusters=2)
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}" == job["links"]["self"]
    assert int(answer.headers["retry-after"]) >= 1
    assert job["params"]["n_clusters"] == 2
    assert job["image"]["bytes"] == len(SMALL_PNG)


def test_an_image_as_a_form(client: httpx.Client) -> None:
    """multipart/form-data with the parts image and params is accepted, and the file's name is kept."""
    answer = post_form(client, wait=None, n_clusters=2)
    assert answer.status_code == 202
    assert answer.json()["params"]["n_clusters"] == 2
    assert answer.json()["image"]["filename"] == "small.png"


@pytest.mark.parametrize("names", [("image", "params"), ("params", "image")])
def test_the_order_of_the_parts_is_free(client: httpx.Client, names: tuple[str, str]) -> None:
    """Parameters may come before the image or after it."""
    parts: dict[str, Any] = {"image": ("a.png", SMALL_PNG), "params": (None, b'{"n_clusters": 2}')}
    answer = client.post("/v1/jobs", files=[(name, parts[name]) for name in names])
    assert answer.status_code == 202
    assert answer.json()["params"]["n_clusters"] == 2


def test_both_forms_give_the_same_result(client: httpx.Client) -> None:
    """How an image came in does not show in its result."""
    one = finished(client, n_clusters=2, seed=3)["result"]
    other = post_form(client, n_clusters=2, seed=3).json()["result"]
    del one["timings_ms"], other["timings_ms"], one["labels"], other["labels"], one["artifacts"], other["artifacts"]
    assert one == other


def test_waiting_for_the_end(client: httpx.Client) -> None:
    """With `Prefer: wait` the answer is 200 and the finished job, with its result."""
    answer = post(client, n_clusters=2)
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait=30"
    job = answer.json()
    assert (job["status"], job["attempt"], job["error"]) == ("succeeded", 1, None)
    assert job["progress"] == {"stage": "done", "fraction": 1.0}
    assert job["created_at"] <= job["started_at"] <= job["finished_at"] < job["expires_at"]
    assert job["result"]["proportions"] == [0.75, 0.25]
    assert job["result"]["labels"]["data"] is None


def test_an_other_preference_is_ignored(client: httpx.Client) -> None:
    """A preference that is not ours changes nothing (RFC 7240)."""
    answer = client.post(
        "/v1/jobs", content=SMALL_PNG, headers={"Content-Type": "image/png", "Prefer": "respond-async, handling=strict"}
    )
    assert answer.status_code == 202


def test_polling_to_the_end(client: httpx.Client) -> None:
    """A job can be polled until it has succeeded; then it has a result and no Retry-After."""
    path = post(client, wait=None).headers["location"]
    until(lambda: client.get(path).json()["status"] == "succeeded", "the job succeeded")
    answer = client.get(path)
    assert "retry-after" not in answer.headers
    assert answer.json()["result"]["algorithm"] == "kmeans"


def test_the_result_of_a_small_image(client: httpx.Client) -> None:
    """Every number of a result can be recounted by hand: two colours, 36 and 12 pixels."""
    job = finished(client, n_clusters=2)
    result = client.get(job["links"]["result"]).json()
    assert result["centroids"] == [[255, 0, 0], [0, 0, 255]]
    assert result["proportions"] == [0.75, 0.25]
    assert [entry["pixels"] for entry in result["palette"]] == [36, 12]
    assert [entry["hex"] for entry in result["palette"]] == ["#ff0000", "#0000ff"]
    assert result["noise"] == {"pixels": 0, "proportion": 0.0}
    assert result["quality"]["inertia"] == 0
    image = result["image"]
    assert (image["width"], image["height"], image["format"]) == (8, 6, "PNG")
    assert (image["pixels"], image["clustered_pixels"], image["excluded_pixels"]) == (48, 48, 0)
    assert image["unique_colors"] == 2
    assert result["labels"]["shape"] == [6, 8]
    assert result["labels"]["data"] == np.where(two_colors()[..., 2] > 0, 1, 0).reshape(-1).tolist()
    assert result["labels"]["href"] == job["links"]["labels"]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", result["digest"])
    assert set(result["timings_ms"]) == {"decode", "count", "cluster", "measure", "render"}
    assert "huemill" in result["software"]


def test_the_parameters_of_a_result_have_their_defaults(client: httpx.Client) -> None:
    """A result names every parameter, given or not."""
    result = finished(client, n_clusters=2)["result"]
    assert set(result["params"]) == set(MODELS["kmeans"].model_fields)
    assert result["params"]["n_clusters"] == 2
    assert result["params"]["seed"] == 0


def test_equal_posts_give_equal_results(client: httpx.Client) -> None:
    """The same image, parameters and seed give the same digest, centroids and labels."""
    image = encoded(noise(40, 40))
    results = [client.get(finished(client, image, seed=7)["links"]["result"]).json() for _ in range(2)]
    for name in ("digest", "centroids", "proportions", "palette", "quality"):
        assert results[0][name] == results[1][name]
    assert results[0]["labels"]["data"] == results[1]["labels"]["data"]


def test_labels_inline_or_not(client: httpx.Client) -> None:
    """Labels are inline up to 262,144 pixels, and else by request; `none` leaves them out."""
    small = finished(client, encoded(two_colors(512, 512)), n_clusters=2)["links"]["result"]
    large = finished(client, encoded(two_colors(512, 513)), n_clusters=2)["links"]["result"]
    assert len(client.get(small).json()["labels"]["data"]) == 512 * 512
    assert client.get(large).json()["labels"]["data"] is None
    assert client.get(large).json()["labels"]["href"]
    assert len(client.get(large, params={"labels": "inline"}).json()["labels"]["data"]) == 512 * 513
    assert "labels" not in client.get(small, params={"labels": "none"}).json()


def test_labels_in_every_form(client: httpx.Client) -> None:
    """PNG, npy and JSON hold the same label for every pixel."""
    job = finished(client, encoded(noise(33, 47)), n_clusters=7)
    inline = client.get(job["links"]["result"]).json()["labels"]
    data = np.array(inline["data"]).reshape(33, 47)
    npy = client.get(job["links"]["labels"], headers={"Accept": "application/x-npy"})
    array = np.load(io.BytesIO(npy.content), allow_pickle=False)
    assert array.dtype == np.int16 == np.dtype(inline["dtype"])
    assert np.array_equal(array, data)
    json = client.get(job["links"]["labels"], headers={"Accept": "application/json"})
    assert json.headers["content-type"] == "application/json"
    assert json.json() == inline
    png = client.get(job["links"]["labels"], headers={"Accept": "image/png"})
    assert png.headers["content-type"] == "image/png"
    assert png.headers["vary"] == "Accept"
    image = Image.open(io.BytesIO(png.content))
    assert np.array_equal(np.asarray(image), data)
    palette = np.array(image.getpalette()).reshape(-1, 3)[:7].tolist()
    assert palette == [entry["rgb"] for entry in job["result"]["palette"]]


def test_labels_are_a_png_for_who_does_not_care(client: httpx.Client) -> None:
    """Without a wish, a label map is a picture."""
    href = finished(client)["links"]["labels"]
    assert client.get(href).headers["content-type"] == "image/png"
    assert client.get(href, headers={"Accept": "image/*, */*;q=0.1"}).headers["content-type"] == "image/png"


def test_transparent_pixels_are_left_out(client: httpx.Client) -> None:
    """Pixels of alpha 0 are in no share, and have the label -2."""
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:2] = (10, 20, 30, 255)
    job = finished(client, encoded(pixels), n_clusters=1)
    result = client.get(job["links"]["result"]).json()
    assert (result["image"]["clustered_pixels"], result["image"]["excluded_pixels"]) == (8, 8)
    assert result["proportions"] == [1.0]
    assert result["labels"]["data"] == [0] * 8 + [-2] * 8


def test_more_clusters_than_colours(client: httpx.Client) -> None:
    """Asked for more clusters than there are colours, every colour is a cluster."""
    result = finished(client, n_clusters=50)["result"]
    assert result["centroids"] == [[255, 0, 0], [0, 0, 255]]
    assert result["proportions"] == [0.75, 0.25]


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
def test_every_format(client: httpx.Client, image_format: str) -> None:
    """Each format that is promised goes the whole way."""
    result = finished(client, encoded(two_colors(16, 24), image_format), n_clusters=2)["result"]
    assert result["image"]["format"] == image_format
    assert result["proportions"] == [pytest.approx(2 / 3, abs=0.1), pytest.approx(1 / 3, abs=0.1)]


@pytest.mark.parametrize("color_space", ["rgb", "lab", "oklab"])
def test_every_space_answers_in_srgb(client: httpx.Client, color_space: str) -> None:
    """Centroids are sRGB, 0..255, whatever the space of the clustering."""
    result = finished(client, n_clusters=2, color_space=color_space, standardize=True)["result"]
    assert result["centroids"][0] == pytest.approx([255, 0, 0], abs=0.01)
    assert result["centroids"][1] == pytest.approx([0, 0, 255], abs=0.01)


def test_a_job_that_fails_says_why(client: httpx.Client) -> None:
    """An image whose damage shows only in decoding fails with a code and a sentence; its result is that problem."""
    pixels = np.zeros((4, 4, 4), np.uint8)
    answer = post(client, encoded(pixels))
    assert answer.status_code == 200
    job = answer.json()
    assert (job["status"], job["result"]) == ("failed", None)
    assert job["error"]["code"] == "nothing_to_cluster"
    assert job["error"]["retryable"] is False
    document = problem(client.get(job["links"]["result"]), 422, "job_failed")
    assert job["error"]["message"] in document["detail"]
    problem(client.get(job["links"]["labels"]), 422, "job_failed")


def test_a_time_limit_of_the_clients_own(client: httpx.Client) -> None:
    """Who posted a job with a `timeout` that it outlived is told so: a smaller image is not what it needs first."""
    job = post(client, timeout=1e-6).json()
    assert (job["status"], job["error"]["code"]) == ("failed", "timeout")
    assert "1e-06 s, the `timeout` that it was posted with. Give it more" in job["error"]["message"]


def test_an_upload_is_gone_when_its_job_has_ended(client: httpx.Client, service: Service) -> None:
    """Of a finished job the results stay; the image itself does not, once the job has settled."""
    job = finished(client)
    with service.store.client() as redis:
        redis.zadd(DUE, {job["id"]: 1})
    until(lambda: not [path for path in service.blob_files() if path.name == job["id"]], "the upload is gone", 5)
    assert [path for path in service.blob_files() if job["id"] in path.parts]


def test_a_photograph(client: httpx.Client) -> None:
    """A real photograph: 273,280 pixels are clustered, none is left over."""
    result = finished(client, photograph("china.jpg").read_bytes(), n_clusters=8)["result"]
    assert result["image"]["pixels"] == result["image"]["clustered_pixels"] == 640 * 427
    assert result["image"]["unique_colors"] == 96_615
    assert sum(entry["pixels"] for entry in result["palette"]) == 640 * 427
    assert result["proportions"] == sorted(result["proportions"], reverse=True)


def test_health(client: httpx.Client) -> None:
    """Health and readiness answer; readiness counts the workers."""
    assert client.get("/healthz").json() == {"status": "ok"}
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "workers": 1, "standing_still": []}


def test_the_algorithms_as_json_schema(client: httpx.Client) -> None:
    """Each algorithm's schema has a type, a default and a description for every parameter."""
    schemas = client.get("/v1/algorithms").json()
    assert set(schemas) == {"kmeans", "hdbscan", "optics", "agglomerative", "assign"}
    for name, schema in schemas.items():
        assert schema["additionalProperties"] is False
        for parameter, field in schema["properties"].items():
            assert "default" in field or parameter in schema.get("required", []), f"{name}.{parameter}"
            assert parameter == "algorithm" or field["description"], f"{name}.{parameter}"


def test_the_docs_need_no_internet(client: httpx.Client) -> None:
    """The console page and all that it loads come from the gateway itself."""
    page = client.get("/docs")
    assert page.status_code == 200
    sources = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page.text)
    assert len(sources) >= 2
    for source in sources:
        own = source.removeprefix(str(client.base_url))
        assert not own.startswith(("http:", "https:", "//")), source
        assert own.startswith("data:") or client.get(own).status_code == 200, source


def test_the_openapi_document(client: httpx.Client) -> None:
    """The OpenAPI document has every route, all body forms, and references that lead somewhere."""
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.")
    paths = document["paths"]
    assert {"/v1/jobs", "/v1/jobs/{job_id}", "/v1/jobs/{job_id}/result", "/v1/jobs/{job_id}/labels"} <= set(paths)
    assert {"/v1/jobs/{job_id}/events", "/v1/algorithms", "/healthz", "/readyz"} <= set(paths)
    submit = paths["/v1/jobs"]["post"]
    content = submit["requestBody"]["content"]
    assert set(content) == {"multipart/form-data", "application/json", "application/octet-stream", "image/*"}
    assert {"200", "202", "400", "413", "415", "422", "503"} <= set(submit["responses"])
    assert {parameter["name"] for parameter in submit["parameters"]} >= set(MODELS["kmeans"].model_fields)
    for reference in re.findall(r'"\$ref":"#/([^"]+)"', client.get("/openapi.json").text.replace(": ", ":")):
        place: Any = document
        for step in reference.split("/"):
            assert step in place, reference
            place = place[step]


def test_every_operation_of_the_openapi_document_is_unique(client: httpx.Client) -> None:
    """Operation ids are unique, and no operation names a parameter twice."""
    document = client.get("/openapi.json").json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    for operation in operations:
        names = [(parameter["in"], parameter["name"]) for parameter in operation.get("parameters", [])]
        assert len(names) == len(set(names)), operation["operationId"]
