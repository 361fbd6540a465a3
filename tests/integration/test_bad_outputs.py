"""What is wrong with the parameters of a result is told by place, with what is allowed, before the upload is read."""

import base64
import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.conftest import ONE_STORE
from tests.support.calls import finished, post, post_form, problem
from tests.support.images import SMALL_PNG
from tests.support.processes import Service
from tests.support.raw import Answer, answer, connect

pytestmark = ONE_STORE

HEXES = [f"#{number:06x}" for number in range(257)]
ASSIGN: dict[str, Any] = {"algorithm": "assign"}
# Parameters, the JSON pointer to what is wrong, and words of what is allowed.
WRONG: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"outputs": ["card", "poster"]}, "/outputs/1", ["recolored", "sweep"]),
    ({"outputs": "poster"}, "/outputs/0", ["recolored", "sweep"]),
    ({"outputs": {"card": True}}, "/outputs", ["recolored"]),
    ({"n_clusters": "auto", "criterion": "best"}, "/criterion", ["silhouette", "elbow"]),
    ({"n_clusters": 4, "criterion": "elbow"}, "/criterion", ["auto", "range"]),
    ({"names": "pantone"}, "/names", ["css", "xkcd"]),
    ({"n_clusters": {"min": 9, "max": 3}}, "/n_clusters", ["lower end first", "2 to 64"]),
    ({"n_clusters": {"min": 2, "max": 65}}, "/n_clusters", ["2 to 64"]),
    ({"n_clusters": {"min": 1, "max": 5}}, "/n_clusters", ["2 to 64"]),
    ({"algorithm": "agglomerative", "n_clusters": {"min": 9, "max": 3}}, "/n_clusters", ["2 to 64"]),
    ({"n_clusters": {"min": 2}}, "/n_clusters", ['"max"']),
    ({"n_clusters": "many"}, "/n_clusters", ["'auto'", "1 to 256"]),
    ({"outputs": ["sweep"]}, "/outputs", ["'auto'", "range"]),
    ({"algorithm": "hdbscan", "outputs": ["sweep"]}, "/outputs", ["hdbscan makes none, so leave it out"]),
    ({"outputs": ["masks"], "n_clusters": 65}, "/outputs", ["at most 64", "65"]),
    ({**ASSIGN, "outputs": ["masks"], "palette": HEXES[:65]}, "/outputs", ["at most 64", "65"]),
    ({"n_clusters": 2, "init": [[0, 0, 0]]}, "/init", ["has 1 colour, but n_clusters is 2"]),
    ({"n_clusters": 2, "fixed": HEXES[:3]}, "/fixed", ["3 colours", "n_clusters is 2"]),
    ({"n_clusters": "auto", "fixed": HEXES[:3]}, "/fixed", ["3 colours", "least is 2"]),
    ({"fixed": ["#ff0000", "red"]}, "/fixed/1", ["#rrggbb"]),
    ({"fixed": [[0, 0, 256]]}, "/fixed/0", ["0 to 255"]),
    (ASSIGN, "/palette", ["1 to 256 entries"]),
    ({**ASSIGN, "palette": []}, "/palette", ["1 to 256 entries"]),
    ({**ASSIGN, "palette": HEXES}, "/palette", ["1 to 256 entries"]),
    ({**ASSIGN, "palette": ["#12345"]}, "/palette/0", ["#rrggbb"]),
    ({**ASSIGN, "palette": ["#000000"], "metric": "cie76"}, "/metric", ["ciede2000", "euclidean"]),
    ({**ASSIGN, "palette": ["#000000"], "engine": "reference"}, "/engine", ["exact"]),
    ({"recolor": {"format": "bmp"}}, "/recolor/format", ["png", "webp", "avif"]),
    ({"recolor": {"noise": "red"}}, "/recolor/noise", ["keep", "grey", "nearest"]),
    ({"recolor": {"dither": "yes"}}, "/recolor/dither", ["true or false"]),
    ({"exclude": [{"color": "#ffffff"}, {"color": "white"}]}, "/exclude/1/color", ["#ffffff"]),
]


def post_json(client: httpx.Client, **params: Any) -> httpx.Response:
    return client.post("/v1/jobs", json={"image_base64": base64.b64encode(SMALL_PNG).decode(), **params})


@pytest.mark.parametrize("send", [post, post_form, post_json])
@pytest.mark.parametrize(("params", "pointer", "words"), WRONG, ids=str)
def test_it_is_named_with_what_is_allowed(
    client: httpx.Client, params: dict[str, Any], pointer: str, words: list[str], send: Any
) -> None:
    """In the query string, in a form and in JSON alike: 422, one place, and what may stand there."""
    document = problem(send(client, **params), 422, "invalid_params")
    (entry,) = document["errors"]
    assert entry["pointer"] == pointer
    for word in words:
        assert word in entry["message"]
        assert word in document["detail"]


@pytest.mark.parametrize(("params", "pointer", "words"), WRONG[::5], ids=str)
def test_a_query_is_refused_before_the_upload_is_read(
    service: Service, params: dict[str, Any], pointer: str, words: list[str]
) -> None:
    """The head alone is enough: not a byte of the image has been sent."""
    query = httpx.QueryParams({k: v if isinstance(v, str) else json.dumps(v) for k, v in params.items()})
    head = f"POST /v1/jobs?{query} HTTP/1.1\r\nHost: h\r\nContent-Type: image/png\r\nContent-Length: 900000\r\n\r\n"
    check(early(service, head.encode()), pointer, words)


@pytest.mark.parametrize(("params", "pointer", "words"), WRONG[::5], ids=str)
def test_a_form_is_refused_before_its_image_is_read(
    service: Service, params: dict[str, Any], pointer: str, words: list[str]
) -> None:
    """Where the part `params` stands before the image, which has only begun."""
    part = f'--b\r\nContent-Disposition: form-data; name="params"\r\n\r\n{json.dumps(params)}\r\n'
    image = '--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    head = "POST /v1/jobs HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    sent = f"{head}Content-Length: 900000\r\n\r\n{part}{image}".encode()
    check(early(service, sent), pointer, words)


def early(service: Service, sent: bytes) -> Answer:
    """The answer to the beginning of a request, the rest of which is never sent."""
    with connect(service.port) as connection:
        connection.sendall(sent)
        return answer(connection)


def check(found: Answer, pointer: str, words: list[str]) -> None:
    assert found.status == 422
    (entry,) = json.loads(found.body)["errors"]
    assert entry["pointer"] == pointer
    assert all(word in entry["message"] for word in words)


def test_outputs_in_a_query_are_separated_by_commas_or_repeated(client: httpx.Client) -> None:
    """Both ways, and both at once; each is drawn once."""
    for query in (
        "outputs=recolored,points",
        "outputs=recolored&outputs=points",
        "outputs=points,recolored&outputs=points",
    ):
        answered = client.post(
            f"/v1/jobs?{query}&n_clusters=2",
            content=SMALL_PNG,
            headers={"Content-Type": "image/png", "Prefer": "wait=30"},
        )
        assert answered.status_code == 200, answered.text
        names = [artifact["name"] for artifact in answered.json()["result"]["artifacts"]]
        assert sorted(names) == ["labels.npy", "labels.png", "points.json", "recolored.png"]


def test_every_artifact_is_where_its_address_leads(client: httpx.Client) -> None:
    """All outputs at once: each file has the media type and the size that are told, and a name of its own."""
    outputs = ["recolored", "side_by_side", "card", "masks", "points", "scatter", "plot", "sweep"]
    job = finished(client, n_clusters="auto", outputs=outputs)
    artifacts = job["result"]["artifacts"]
    names = {artifact["name"] for artifact in artifacts}
    assert len(names) == len(artifacts)
    assert names == {
        "labels.png", "labels.npy", "recolored.png", "side_by_side.png", "card.png", "mask-0.png", "mask-1.png",
        "points.json", "scatter.png", "curve.png", "curve.json", "sweep.gif",
    }  # fmt: skip
    for artifact in artifacts:
        found = client.get(artifact["href"])
        assert (found.status_code, found.headers["content-type"]) == (200, artifact["media_type"])
        assert len(found.content) == artifact["bytes"]
        assert artifact["description"].endswith(".")
        assert kind_of(found.content) == artifact["media_type"]


def kind_of(data: bytes) -> str | None:
    """The media type of a file by its bytes."""
    if data.startswith(b"\x93NUMPY"):
        return "application/x-npy"
    if data.startswith(b"{"):
        return "application/json" if json.loads(data) else None
    return Image.open(io.BytesIO(data)).get_format_mimetype()
