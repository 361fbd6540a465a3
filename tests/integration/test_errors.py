"""What can go wrong, told: to programs at /v1/errors, to people in docs/errors.md, and in the type of each problem."""

import inspect
from pathlib import Path

import httpx
import pytest

from api.http import error_entries
from api.http.error_entries import ENTRIES
from api.http.problems import STATUS
from shared.contract import errors
from shared.contract.errors import HuemillError
from shared.jobs.model import Loss
from tests.support.calls import PROJECT, problem


def test_no_code_is_missing() -> None:
    """Every class of error has a status, an entry of its own with a meaning and a remedy; so has every loss."""
    classes = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, HuemillError)}
    classes -= {HuemillError}
    assert set(STATUS) == classes
    for kind in classes:
        entry = ENTRIES[kind.code]
        assert (entry.status, entry.retryable) == (STATUS[kind], kind.retryable), kind
        assert entry.meaning.endswith("."), kind
        assert entry.remedy.endswith("."), kind
    assert set(ENTRIES) >= {str(loss) for loss in Loss}
    codes = [kind.code for kind in classes if "code" in vars(kind)]
    assert len(codes) == len(set(codes)), "one code, one class"


def test_the_page_is_what_the_classes_say() -> None:
    """docs/errors.md is made from them: `python -m api.http.error_entries > docs/errors.md`."""
    assert (Path(PROJECT) / "docs" / "errors.md").read_text() == error_entries.markdown()


def test_the_list_and_its_entries(client: httpx.Client) -> None:
    """Each entry is at its own address, as it stands in the list; an unknown code is unknown."""
    listed = client.get("/v1/errors").json()["errors"]
    assert [entry["code"] for entry in listed] == sorted(ENTRIES)
    for entry in listed:
        assert client.get(f"/v1/errors/{entry['code']}").json() == entry
    problem(client.get("/v1/errors/whatever"), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/jobs/x", 404, "not_found"),
        ("GET", "/nowhere", 404, "not_found"),
        ("PUT", "/v1/jobs", 405, "method_not_allowed"),
        ("POST", "/v1/jobs", 400, "invalid_request"),
        ("GET", "/v1/jobs?limit=0", 422, "invalid_params"),
        ("GET", "/v1/jobs/x/ws", 426, "upgrade_required"),
        ("GET", f"/{'x' * 20_000}", 414, "address_too_long"),
    ],
)
def test_the_type_of_a_problem_leads_to_its_entry(
    client: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    """Whoever follows the type of a problem reads what it means and what to do, with the same status."""
    document = problem(client.request(method, path), status, code)
    entry = client.get(document["type"])
    assert entry.is_success
    assert (entry.json()["code"], entry.json()["status"]) == (code, status)


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("limit=0", "limit", "should be greater than or equal to 1"),
        ("limit=1.5", "limit", "should be a valid integer"),
        ("status=done", "status", "should be 'queued', 'running', 'succeeded', 'failed' or 'cancelled'"),
        ("&".join(f"tag={number}" for number in range(11)), "tag", "should have at most 10 items"),
        ("created_after=2026-11-21T10:00:00", "created_after", "should be a time with its zone, such as "),
        ("created_after=2026-11-21T10:00:00+02:00", "created_after", "should be a time with its zone, such as "),
        ("created_after=2026-02-30T10:00:00Z", "created_after", "should be a time with its zone, such as "),
    ],
)
def test_what_is_wrong_with_an_address(client: httpx.Client, query: str, field: str, message: str) -> None:
    """A parameter of an address is told as a job's is: what came and what is allowed, in no library's words."""
    document = problem(client.get(f"/v1/jobs?{query}"), 422, "invalid_params")
    (entry,) = document["errors"]
    assert (entry["field"], entry["pointer"]) == (field, f"/{field}")
    assert entry["message"].startswith(message)
    assert document["detail"].startswith(f"{field} {message}")
    for word in ("Input", "Value error", "pars", "validation"):
        assert word not in document["detail"]
