"""Which pixels count, said over HTTP."""

import io
from base64 import b64encode
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.conftest import ONE_STORE
from tests.support.calls import finished, post, post_form, problem
from tests.support.images import SMALL_PNG, encoded, noise, two_colors

pytestmark = ONE_STORE

CLEAR = np.dstack([two_colors(), np.full((6, 8), 51, np.uint8)])
CLEAR[:, 6:, 3] = 255
CLEAR[0, :, 3] = 0

# Parameters, pixels left out, and the shares of red (in the first six columns) and blue (in the last two).
SELECTIONS: list[tuple[bytes, dict[str, Any], int, list[float]]] = [
    (encoded(CLEAR), {"alpha": "ignore"}, 8, [0.75, 0.25]),
    (encoded(CLEAR), {"alpha": "opaque"}, 38, [1.0]),
    (encoded(CLEAR), {"alpha": "weight"}, 8, [0.625, 0.375]),
    (SMALL_PNG, {"alpha": "blend:#ffffff"}, 0, [0.75, 0.25]),
    (SMALL_PNG, {"region": {"box": [4, 0, 8, 3]}}, 36, [0.5, 0.5]),
    (SMALL_PNG, {"region": {"box": [0.5, 0, 1, 0.5], "unit": "fraction"}}, 36, [0.5, 0.5]),
    (SMALL_PNG, {"region": {"polygon": [[5, 0], [8, 0], [8, 6], [5, 6]]}}, 30, [2 / 3, 1 / 3]),
    (SMALL_PNG, {"exclude": [{"color": "#fe0101", "tolerance": 1}]}, 36, [1.0]),
    (SMALL_PNG, {"max_pixels": 12}, 0, [0.75, 0.25]),
]


@pytest.mark.parametrize("send", [post, post_form])
def test_every_selection_can_be_asked_for(client: httpx.Client, send: Any) -> None:
    """alpha, region, exclude and max_pixels work in the query string and in the part params alike."""
    for image, params, excluded, shares in SELECTIONS:
        job = send(client, image, n_clusters=2, **params).json()
        assert job["status"] == "succeeded", job
        result = job["result"]
        assert result["image"]["excluded_pixels"] == excluded, params
        assert result["proportions"] == pytest.approx(shares), params
        assert result["params"]["alpha"] == params.get("alpha", "ignore")
    assert result["image"]["scaled_from"] == [8, 6]


def test_pixels_left_out_are_told_from_noise(client: httpx.Client) -> None:
    """In JSON and npy a pixel that is left out is -2 and noise -1; in the PNG it is clear, noise half so."""
    region = {"box": [0, 0, 40, 30]}
    job = finished(client, encoded(noise(40, 40) // 4), algorithm="hdbscan", min_samples=20, region=region)
    assert job["result"]["labels"]["excluded_label"] == -2
    href = job["links"]["labels"]
    answers = {
        kind: client.get(href, headers={"Accept": kind})
        for kind in ("application/json", "application/x-npy", "image/png")
    }
    labels = np.load(io.BytesIO(answers["application/x-npy"].content))
    assert (labels[30:] == -2).all()
    assert (labels[:30] >= -1).all()
    assert (labels[:30] == -1).any()
    assert answers["application/json"].json()["data"] == labels.ravel().tolist()
    seen = np.asarray(Image.open(io.BytesIO(answers["image/png"].content)).convert("RGBA"))
    assert (seen[labels == -2][:, 3] == 0).all()
    assert (seen[labels == -1] == (128, 128, 128, 128)).all()


def test_a_mask_over_http(client: httpx.Client) -> None:
    """Where the mask is black, a pixel is left out."""
    mask = np.zeros((6, 8), np.uint8)
    mask[:, 4:] = 255
    files = {"image": SMALL_PNG, "mask": encoded(mask), "params": b'{"n_clusters": 2}'}
    job = client.post("/v1/jobs", files=files, headers={"Prefer": "wait=30"}).json()
    assert job["result"]["proportions"] == [0.5, 0.5]
    assert job["result"]["image"]["excluded_pixels"] == 24


def _turned(orientation: int) -> bytes:
    """Stored as 8 x 6 pixels."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(two_colors(), "JPEG", exif=exif)


@pytest.mark.parametrize(
    ("image", "mask", "sizes"),
    [
        (SMALL_PNG, (8, 5), ["8 x 6", "8 x 5"]),
        (_turned(1), (6, 8), ["8 x 6", "6 x 8"]),
        (_turned(6), (8, 6), ["6 x 8", "8 x 6"]),
    ],
)
def test_a_mask_of_another_size_is_refused(
    client: httpx.Client, image: bytes, mask: tuple[int, int], sizes: list[str]
) -> None:
    """A mask that has not the image's size, upright, is refused when it is posted, in every form, with both sizes."""
    wrong = encoded(np.full(mask[::-1], 255, np.uint8))
    stored = client.post("/v1/images", files={"image": wrong}).json()
    answers = [
        client.post("/v1/jobs", files={"image": image, "mask": wrong}),
        client.post(
            "/v1/jobs",
            json={"image_base64": b64encode(image).decode(), "mask_sha256": stored["sha256"]},
        ),
    ]
    for answer in answers:
        document = problem(answer, 422, "invalid_params")
        assert document["errors"][0]["field"] == "mask"
        assert all(size in document["detail"] for size in sizes)
    assert client.delete(stored["links"]["self"]).status_code == 204


def test_a_mask_of_a_turned_image(client: httpx.Client) -> None:
    """A mask of the size in which a turned image is seen is taken."""
    seen = {"image": _turned(6), "mask": encoded(np.full((8, 6), 255, np.uint8))}
    assert client.post("/v1/jobs", files=seen, headers={"Prefer": "wait=30"}).json()["status"] == "succeeded"


@pytest.mark.parametrize("send", [post, post_form])
def test_a_wrong_selection_is_refused(client: httpx.Client, send: Any) -> None:
    """The refusal names the very entry; a region outside of the image is refused with the image's size."""
    for params, field, words in [
        ({"exclude": [{"color": "#ffffff"}, {"color": "white"}]}, "exclude[1].color", "#ffffff"),
        ({"region": {"box": [0, 0, 50, 10], "unit": "fraction"}}, "region.box", "from 0 to 1"),
        ({"region": {"box": [0, 0, 4, 4], "units": "pixels"}}, "region", "there is no member 'units'"),
        ({"alpha": "blend"}, "alpha", "blend:#ffffff"),
        ({"max_pixels": 0}, "max_pixels", "from 1"),
        ({"region": {"box": [8, 8, 20, 20]}}, "region", "8 x 6"),
    ]:
        document = problem(send(client, **params), 422, "invalid_params")
        assert document["errors"][0]["field"] == field
        assert words in document["detail"]


@pytest.mark.parametrize("orientation", [None, 6])
def test_a_region_is_of_the_upright_image(client: httpx.Client, orientation: int | None) -> None:
    """Whether a region is outside is decided on the image as it is seen: 8 x 6 turned upright is 6 x 8."""
    exif = Image.Exif()
    exif[0x0112] = orientation or 1
    photograph = encoded(two_colors(), "JPEG", **({} if orientation is None else {"exif": exif}))
    answer = post(client, photograph, region={"box": [0, 6, 6, 8]})
    if orientation is None:
        assert "8 x 6" in problem(answer, 422, "invalid_params")["detail"]
    else:
        assert answer.json()["result"]["image"]["clustered_pixels"] == 12


@pytest.mark.parametrize(
    ("image", "params"),
    [
        (encoded(np.zeros((4, 4, 4), np.uint8)), {}),
        (SMALL_PNG, {"exclude": [{"color": "#ff0000"}, {"color": "#0000ff"}]}),
        (SMALL_PNG, {"region": {"polygon": [[0, 0], [8, 6], [8, 6]]}}),
    ],
    ids=["all transparent", "all excluded", "empty region"],
)
def test_nothing_left_over_http(client: httpx.Client, image: bytes, params: dict[str, Any]) -> None:
    """Where no pixel counts the job fails with a code of its own."""
    job = post(client, image, **params).json()
    assert (job["status"], job["error"]["code"], job["error"]["retryable"]) == ("failed", "nothing_to_cluster", False)


def test_the_reference_engine_takes_what_is_left(client: httpx.Client) -> None:
    """The limit of the reference engine is held against the pixels that count, or are left after scaling."""
    large = encoded(noise(150, 150))
    params: dict[str, Any] = {"engine": "reference", "algorithm": "agglomerative"}
    problem(post(client, large, **params), 422, "too_many_pixels")
    assert finished(client, large, **params, max_pixels=400)["result"]["image"]["pixels"] == 400
    assert finished(client, large, **params, region={"box": [0, 0, 9, 9]})["result"]["image"]["clustered_pixels"] == 81
