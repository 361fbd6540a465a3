"""What is wrong with what is posted is told as a problem document: what, where, and what is allowed."""

import base64
import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.conftest import ONE_STORE
from tests.support.bombs import png_of
from tests.support.calls import finished, post, post_form, problem
from tests.support.images import SMALL_PNG, encoded, noise, photograph, two_colors
from tests.support.processes import Service
from tests.support.waiting import until

pytestmark = ONE_STORE

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(%stderr) (w) file (owned) writestring\nshowpage\n%%EOF\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8" fill="red"/></svg>'
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
FORM = "multipart/form-data; boundary=b"


def part(name: str, data: bytes, filename: str | None = None) -> bytes:
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"'
    return (head + (f'; filename="{filename}"' if filename else "") + "\r\n\r\n").encode() + data + b"\r\n"


def send(client: httpx.Client, body: bytes, content_type: str | None, **params: str) -> httpx.Response:
    headers = {} if content_type is None else {"Content-Type": content_type}
    return client.post("/v1/jobs", content=body, headers=headers, params=params)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(service: Service) -> Any:
    """No refused upload leaves a blob, whole or begun."""
    yield
    until(lambda: not service.orphans(), "no upload is left", 10)


@pytest.mark.parametrize(
    "body",
    [b"hello", EPS, SVG, PDF, b"\x00" * 1000, b"\xff\xd8", b"GIF", b"BM", b"II*\x00", b"RIFF\x00\x00\x00\x00WEBP"],
)
@pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream", FORM])
def test_what_is_no_image_is_refused(client: httpx.Client, body: bytes, content_type: str) -> None:
    """Text, EPS, SVG, PDF and bare signatures are refused, whatever they call themselves."""
    whole = part("image", body, "a.png") + b"--b--\r\n" if content_type == FORM else body
    answer = send(client, whole, content_type)
    assert answer.status_code in (415, 422)
    problem(answer, answer.status_code, {415: "unsupported_image", 422: "broken_image"}[answer.status_code])


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_image_is_refused(client: httpx.Client, image_format: str, share: float) -> None:
    """An image that was cut off is never half a picture: it is refused at once, or its job fails and says so."""
    whole = encoded(noise(60, 60), image_format)
    answer = post(client, whole[: int(len(whole) * share)])
    if answer.status_code == 200:
        job = answer.json()
        assert (job["status"], job["error"]["code"]) == ("failed", "broken_image")
        problem(client.get(job["links"]["result"]), 422, "job_failed")
    else:
        assert answer.status_code in (415, 422)
        problem(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_a_cut_off_upload_is_told_at_once(client: httpx.Client, image_format: str) -> None:
    """The end of a JPEG or PNG is looked for before a job is made of it."""
    whole = encoded(noise(60, 60), image_format)
    problem(post(client, whole[:-40]), 422, "broken_image")


@pytest.mark.parametrize("mode", ["F", "I", "LAB"])
def test_a_mode_that_is_not_read(client: httpx.Client, mode: str) -> None:
    """Samples that are no whole numbers from 0, and colours of other kinds, are refused by the header."""
    file = io.BytesIO()
    Image.new(mode, (4, 4)).save(file, "TIFF")
    assert "TIFF" in problem(post(client, file.getvalue()), 415, "unsupported_image")["detail"]


def test_a_photograph_cut_in_half(client: httpx.Client) -> None:
    """Half of china.jpg is no photograph."""
    data = photograph("china.jpg").read_bytes()
    problem(post(client, data[: len(data) // 2]), 422, "broken_image")


def test_damage_in_the_middle_fails_the_job(client: httpx.Client) -> None:
    """Pixel data that cannot be unpacked fail the job, with the file's fault as the reason."""
    data = bytearray(encoded(noise(60, 60)))
    data[200:260] = bytes(60)
    answer = post(client, bytes(data))
    assert answer.status_code in (200, 422)
    if answer.status_code == 200:
        assert answer.json()["error"]["code"] == "broken_image"


@pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream"])
def test_zero_bytes(client: httpx.Client, content_type: str) -> None:
    """An empty body is said to be empty."""
    assert "0 bytes" in problem(send(client, b"", content_type), 400, "invalid_request")["detail"]


def test_an_empty_part(client: httpx.Client) -> None:
    """An empty file in the form is said to be empty."""
    answer = send(client, part("image", b"", "a.png") + b"--b--\r\n", FORM)
    assert "0 bytes" in problem(answer, 400, "invalid_request")["detail"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (part("file", SMALL_PNG, "a.png") + b"--b--\r\n", "'file'"),
        (part("params", b"{}") + b"--b--\r\n", "image"),
        (part("image", SMALL_PNG) + part("image", SMALL_PNG) + b"--b--\r\n", "twice"),
        (part("image", SMALL_PNG) + part("params", b"{}") + part("params", b"{}") + b"--b--\r\n", "twice"),
        (part("image", SMALL_PNG) + part("algorithm", b"kmeans") + b"--b--\r\n", "'algorithm'"),
        (part("image", SMALL_PNG), "closing"),
        (b"--b--\r\n", "image"),
        (b"", ""),
        (b"no form at all", ""),
        (b"--c\r\n\r\n--c--\r\n", ""),
        (part("image", SMALL_PNG) + part("params", b"{") + b"--b--\r\n", "JSON"),
        (part("image", SMALL_PNG) + part("params", b"[1]") + b"--b--\r\n", "object"),
        (part("image", SMALL_PNG) + part("params", b'"kmeans"') + b"--b--\r\n", "object"),
        (part("image", SMALL_PNG) + part("params", b"null") + b"--b--\r\n", "object"),
        (part("image", SMALL_PNG) + part("params", b"\xff\xfe") + b"--b--\r\n", "JSON"),
        (part("image", SMALL_PNG) + part("params", b" " * 70_000) + b"--b--\r\n", "larger"),
        (b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n", ""),
        (b"--b\r\nX: " + b"y" * 100_000 + b"\r\n\r\nx\r\n--b--\r\n", ""),
        (b"".join(b"--b\r\nX-%d: y\r\n" % n for n in range(2000)), ""),
    ],
)
def test_a_wrong_form(client: httpx.Client, body: bytes, word: str) -> None:
    """A form with wrong, missing, repeated or damaged parts says which."""
    assert word in problem(send(client, body, FORM), 400, "invalid_request")["detail"]


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary="])
def test_a_form_without_a_boundary(client: httpx.Client, content_type: str) -> None:
    """A form needs a boundary."""
    problem(send(client, part("image", SMALL_PNG) + b"--b--\r\n", content_type), 400, "invalid_request")


def test_both_forms_at_once(client: httpx.Client) -> None:
    """Parameters in the part `params` and in the query are refused: which of the two would count?"""
    body = part("image", SMALL_PNG) + part("params", b'{"n_clusters": 2}') + b"--b--\r\n"
    problem(send(client, body, FORM, n_clusters="3"), 400, "invalid_request")


@pytest.mark.parametrize(
    ("content_type", "status", "code"),
    [
        (None, 400, "invalid_request"),
        ("text/plain", 415, "unsupported_media_type"),
        ("application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        ("nonsense", 415, "unsupported_media_type"),
    ],
)
def test_no_form(client: httpx.Client, content_type: str | None, status: int, code: str) -> None:
    """A body of another type is refused, and the answer names the three forms."""
    document = problem(send(client, SMALL_PNG, content_type), status, code)
    assert "multipart/form-data" in document["detail"]
    assert "application/octet-stream" in document["detail"]
    assert "application/json" in document["detail"]


WRONG = [
    ({"n_clusters": 0}, "n_clusters", "1"),
    ({"n_clusters": 257}, "n_clusters", "256"),
    ({"n_clusters": -5}, "n_clusters", "1"),
    ({"n_clusters": 10**12}, "n_clusters", "256"),
    ({"n_clusters": 2.5}, "n_clusters", "integer"),
    ({"n_clusters": "five"}, "n_clusters", "integer"),
    ({"n_clusters": True}, "n_clusters", "integer"),
    ({"n_clusters": None}, "n_clusters", "integer"),
    ({"n_clusters": [3]}, "n_clusters", "integer"),
    ({"n_clusters": {"a": 1}}, "n_clusters", "integer"),
    ({"algorithm": "dbscan"}, "algorithm", "kmeans"),
    ({"algorithm": ["kmeans"]}, "algorithm", "kmeans"),
    ({"algorithm": 3}, "algorithm", "kmeans"),
    ({"color_space": "hsv"}, "color_space", "oklab"),
    ({"engine": "fast"}, "engine", "reference"),
    ({"standardize": "yes"}, "standardize", "true or false"),
    ({"seed": -1}, "seed", "0"),
    ({"seed": 2**32}, "seed", "4294967295"),
    ({"tol": -0.1}, "tol", "0"),
    ({"n_init": 101}, "n_init", "100"),
    ({"init": "random"}, "init", "k-means++"),
    ({"init": [[1, 2]]}, "init", ""),
    ({"init": [[1, 2, 300]]}, "init", "255"),
    ({"clusters": 3}, "clusters", "n_clusters"),
    ({"nclusters": 3}, "nclusters", "n_clusters"),
    ({"linkage": "ward"}, "linkage", "agglomerative"),
    ({"min_samples": 3}, "min_samples", "optics"),
    ({"algorithm": "hdbscan", "n_clusters": 3}, "n_clusters", "kmeans"),
    ({"algorithm": "hdbscan", "min_cluster_size": 0}, "min_cluster_size", "1"),
    ({"algorithm": "hdbscan", "min_cluster_size": 1.5}, "min_cluster_size", "1"),
    ({"algorithm": "optics", "xi": 1}, "xi", "1"),
    ({"algorithm": "agglomerative", "linkage": "median"}, "linkage", "average"),
]


@pytest.mark.parametrize(("params", "field", "word"), WRONG)
@pytest.mark.parametrize("form", ["query", "form"])
def test_a_wrong_parameter(client: httpx.Client, form: str, params: dict[str, Any], field: str, word: str) -> None:
    """A wrong parameter is named with its value and with what is allowed, in both body forms."""
    answer = post(client, **params) if form == "query" else post_form(client, **params)
    document = problem(answer, 422, "invalid_params")
    (entry,) = document["errors"]
    assert entry["field"] == field
    assert entry["value"] == params[field]
    assert word in entry["message"]
    assert field in document["detail"]


def test_several_wrong_parameters(client: httpx.Client) -> None:
    """All that is wrong is told at once."""
    document = problem(post(client, n_clusters=0, seed=-1, colour="red"), 422, "invalid_params")
    assert {entry["field"] for entry in document["errors"]} == {"n_clusters", "seed", "colour"}


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "nan", "1e999", "-1e999"])
def test_no_number_is_no_parameter(client: httpx.Client, value: str) -> None:
    """Not-a-number and infinities are refused, however they are written."""
    document = problem(send(client, SMALL_PNG, "image/png", tol=value), 422, "invalid_params")
    assert document["errors"][0]["field"] == "tol"
    body = part("image", SMALL_PNG) + part("params", f'{{"tol": {value}}}'.encode()) + b"--b--\r\n"
    answer = send(client, body, FORM)
    assert answer.status_code in (400, 422)
    problem(answer, answer.status_code, {400: "invalid_request", 422: "invalid_params"}[answer.status_code])


def test_a_parameter_given_twice(client: httpx.Client) -> None:
    """A query that names a parameter twice is refused."""
    answer = client.post("/v1/jobs?n_clusters=2&n_clusters=3", content=SMALL_PNG, headers={"Content-Type": "image/png"})
    document = problem(answer, 422, "invalid_params")
    assert document["errors"][0]["field"] == "n_clusters"


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ('"n_clusters": 2, "n_clusters": 3', "n_clusters"),
        ('"algorithm": "kmeans", "algorithm": "kmeans"', "algorithm"),
        ('"region": {"box": [0, 0, 1, 1], "box": [0, 0, 2, 2]}', "region.box"),
        ('"exclude": [{"color": "#000000", "tolerance": 1, "tolerance": 2}]', "exclude[0].tolerance"),
    ],
)
def test_a_parameter_given_twice_in_json(client: httpx.Client, params: str, field: str) -> None:
    """So is JSON that names one twice, also inside of one, in the part `params`, a JSON body, and a query's value."""
    form = part("image", SMALL_PNG) + part("params", f"{{{params}}}".encode()) + b"--b--\r\n"
    body = f'{{"image_base64": "{base64.b64encode(SMALL_PNG).decode()}", {params}}}'.encode()
    answers = [send(client, form, FORM), send(client, body, "application/json")]
    if field not in ("n_clusters", "algorithm"):
        name, value = params.split(": ", 1)
        answers.append(send(client, SMALL_PNG, "image/png", **{name.strip('"'): value}))
    for answer in answers:
        (error,) = problem(answer, 422, "invalid_params")["errors"]
        assert (error["field"], error["message"]) == (field, "is given twice")


def test_the_place_in_a_json_body(client: httpx.Client) -> None:
    """Where a JSON body is broken is counted without its base64, which has gone by: the answer says so."""
    body = f'{{"image_base64": "{base64.b64encode(SMALL_PNG).decode()}", n: 1}}'.encode()
    told = problem(send(client, body, "application/json"), 400, "invalid_request")["detail"]
    assert told.startswith("The body, its base64 not counted, is not JSON")
    assert "base64" not in problem(send(client, b"{n: 1}", "application/json"), 400, "invalid_request")["detail"]


@pytest.mark.parametrize("name", ["params", "a.b", "a[0]", "exclude[0].color", "]", "", "/~", "~1", ".", "n_clusters "])
def test_a_pointer_leads_to_the_name_that_was_given(client: httpx.Client, name: str) -> None:
    """An unknown parameter's pointer is its name, whatever it is made of; also where it is given twice."""
    escaped = "/" + name.replace("~", "~0").replace("/", "~1")
    given = json.dumps(name)
    image = f'"image_base64": "{base64.b64encode(SMALL_PNG).decode()}"'
    for members, pairs in ((f"{given}: 1", [(name, 1)]), (f"{given}: 1, {given}: 2", [(name, 1), (name, 2)])):
        answers = [
            client.post("/v1/jobs", content=SMALL_PNG, params=pairs, headers={"Content-Type": "image/png"}),
            send(client, part("image", SMALL_PNG) + part("params", f"{{{members}}}".encode()) + b"--b--\r\n", FORM),
            send(client, f"{{{image}, {members}}}".encode(), "application/json"),
        ]
        for answer in answers:
            (entry,) = problem(answer, 422, "invalid_params")["errors"]
            assert (entry["pointer"], entry["field"]) == (escaped, name)


def test_a_huge_parameter_is_not_sent_back(client: httpx.Client) -> None:
    """The answer to 60 kB of nonsense is short."""
    answer = post_form(client, init="x" * 60_000)
    problem(answer, 422, "invalid_params")
    assert len(answer.content) < 2000


def test_a_huge_number_of_parameters(client: httpx.Client) -> None:
    """A thousand unknown parameters are refused without a book in return."""
    answer = post_form(client, **{f"p{number}": 1 for number in range(1000)})
    problem(answer, 422, "invalid_params")
    assert len(answer.content) < 100_000


def test_deeply_nested_parameters(client: httpx.Client) -> None:
    """JSON that nests deep is refused and brings nothing down."""
    body = part("image", SMALL_PNG) + part("params", b'{"init": ' + b"[" * 20_000 + b"]" * 20_000 + b"}") + b"--b--\r\n"
    answer = send(client, body, FORM)
    assert answer.status_code in (400, 422)
    problem(answer, answer.status_code, answer.json()["code"])
    answer = send(client, SMALL_PNG, "image/png", init="[" * 2000)
    problem(answer, 422, "invalid_params")


@pytest.mark.parametrize("name", ["init", "algorithm"])
def test_parameters_nested_deeper_than_can_be_sent_back(client: httpx.Client, name: str) -> None:
    """JSON that can be read, but not be written again, is refused like any other that is not flat."""
    nested = "[" * 300 + "]" * 300
    body = part("image", SMALL_PNG) + part("params", f'{{"{name}": {nested}}}'.encode()) + b"--b--\r\n"
    problem(send(client, body, FORM), 422, "invalid_params")
    problem(send(client, SMALL_PNG, "image/png", **{name: nested}), 422, "invalid_params")


@pytest.mark.parametrize("boundary", ["", '""', "x" * 5000])
def test_a_wrong_boundary(client: httpx.Client, boundary: str) -> None:
    """A form whose boundary is none, or longer than boundaries may be, is refused."""
    answer = send(client, part("image", SMALL_PNG), f"multipart/form-data; boundary={boundary}")
    assert "boundary" in problem(answer, 400, "invalid_request")["detail"]


@pytest.mark.parametrize("value", ["soon", "-1", "1.5", ""])
def test_a_wrong_wait(client: httpx.Client, value: str) -> None:
    """`Prefer: wait` takes whole seconds; what is no preference that is understood is passed over (RFC 7240)."""
    answer = client.post(
        "/v1/jobs", content=SMALL_PNG, headers={"Content-Type": "image/png", "Prefer": f"wait={value}"}
    )
    assert answer.status_code == 202, answer.text
    assert "preference-applied" not in answer.headers


@pytest.mark.parametrize("size", [(20_000, 20_000), (2**31 - 1, 2**31 - 1)])
def test_a_pixel_bomb(client: httpx.Client, size: tuple[int, int]) -> None:
    """An image of more pixels than the limit is refused by its header alone."""
    document = problem(post(client, png_of(*size)), 413, "image_too_large")
    assert "100,000,000" in document["detail"]


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (0, 0)])
def test_an_image_without_pixels(client: httpx.Client, size: tuple[int, int]) -> None:
    """An image of no width or height is none."""
    answer = post(client, png_of(*size))
    assert answer.status_code in (415, 422)
    problem(answer, answer.status_code, {415: "unsupported_image", 422: "broken_image"}[answer.status_code])


def test_the_gateway_still_works(client: httpx.Client) -> None:
    """After all of that, a good image is clustered."""
    assert finished(client, encoded(two_colors()), n_clusters=2)["result"]["proportions"] == [0.75, 0.25]
