"""Where a job's image comes from, beside a plain upload: a mask with it."""

import httpx
import numpy as np
import pytest

from tests.support.calls import problem
from tests.support.images import SMALL_PNG, encoded
from tests.support.processes import Service
from tests.support.waiting import until

MASK = encoded(np.full((6, 8, 3), 255, np.uint8))
FINISHED = {"Prefer": "wait=30"}


def test_a_mask_is_the_second_file_of_a_form(client: httpx.Client, service: Service) -> None:
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
    until(lambda: not [path for path in service.blob_files() if "uploads" in path.parts], "no upload is left", 10)


@pytest.mark.parametrize(("mask", "code"), [(b"no image", "unsupported_image"), (MASK[:-20], "broken_image")])
def test_a_mask_is_checked_like_an_image(client: httpx.Client, service: Service, mask: bytes, code: str) -> None:
    """A mask that cannot be read refuses the request, and leaves neither itself nor the image."""
    answer = client.post("/v1/jobs", files={"image": SMALL_PNG, "mask": mask})
    problem(answer, {"unsupported_image": 415, "broken_image": 422}[code], code)
    until(lambda: not [path for path in service.blob_files() if "uploads" in path.parts], "no upload is left", 10)


def test_a_mask_alone_is_no_job(client: httpx.Client) -> None:
    """A mask does not stand for the image."""
    assert "`image`" in problem(client.post("/v1/jobs", files={"mask": MASK}), 400, "invalid_request")["detail"]
