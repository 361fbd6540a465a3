"""What is wrong with what is asked for is told as a problem document: addresses, methods, forms of an answer."""

import httpx
import pytest

from tests.conftest import ONE_STORE
from tests.support.calls import finished, problem
from tests.support.images import SMALL_PNG

pytestmark = ONE_STORE


@pytest.mark.parametrize("job_id", ["unknown", "0" * 32, "..%2F..%2Fetc%2Fpasswd", "%00", "x" * 3000, "ü"])
@pytest.mark.parametrize("route", ["", "/result", "/labels", "/events"])
def test_an_unknown_id(client: httpx.Client, job_id: str, route: str) -> None:
    """A job that is not there is 404 on every route of it."""
    problem(client.get(f"/v1/jobs/{job_id}{route}"), 404, "not_found")


def test_a_key_of_the_store_is_no_id(client: httpx.Client) -> None:
    """What else the store keeps of a job is no job."""
    problem(client.get(f"/v1/jobs/{finished(client)['id']}:events"), 404, "not_found")


def test_an_address_that_is_nothing(client: httpx.Client) -> None:
    """Unknown addresses and methods are problems like all others."""
    problem(client.get("/v2/jobs"), 404, "not_found")
    answer = client.put("/v1/jobs")
    problem(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("callback_url=https://example.com/caf%E9", "callback_url"),
        ("n_clusters=4&outputs=card,%C3", "outputs"),
        ("n_clusters=%FF", "n_clusters"),
        ("caf%E9=1", "caf\ufffd"),
    ],
)
def test_a_query_that_is_not_utf8(client: httpx.Client, query: str, field: str) -> None:
    """No parameter is taken for another text than was given: a callback would go to an address that nobody named."""
    answer = client.post(f"/v1/jobs?{query}", content=SMALL_PNG, headers={"Content-Type": "image/png"})
    (entry,) = problem(answer, 422, "invalid_params")["errors"]
    assert entry["field"] == field
    assert "UTF-8" in entry["message"]


def test_a_wrong_accept(client: httpx.Client) -> None:
    """A label map in a form that does not exist is 406, and the answer names those that do."""
    href = finished(client)["links"]["labels"]
    for accept in ("text/html", "image/jpeg", "image/png;q=0", "application/*;q=0, image/jpeg"):
        document = problem(client.get(href, headers={"Accept": accept}), 406, "not_acceptable")
        assert "application/x-npy" in document["detail"]


def test_a_wrong_labels_wish(client: httpx.Client) -> None:
    """`?labels=` takes inline and none."""
    href = finished(client)["links"]["result"]
    document = problem(client.get(href, params={"labels": "all"}), 422, "invalid_params")
    assert document["errors"][0]["field"] == "labels"
    assert "inline" in document["detail"]


def test_a_wrong_last_event_id(client: httpx.Client) -> None:
    """An id that no event can have is refused before the stream begins."""
    href = finished(client)["links"]["events"]
    for wrong in ("abc", "1", "-", "1-2-3", "99999999999999999999-0"):
        answer = client.get(href, headers={"Last-Event-ID": wrong})
        problem(answer, 400, "invalid_request")
    assert "event: queued" in client.get(href, headers={"Last-Event-ID": ""}).text
