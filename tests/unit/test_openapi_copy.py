"""The OpenAPI document is a promise: it changes only where somebody has looked at the change."""

import copy

from tests.openapi import changes, document, stored


def test_the_document_is_the_one_that_was_agreed_upon() -> None:
    """What the gateway says of itself is what docs/openapi.yaml has; each change is named, with how to accept it."""
    found = changes(stored(), document())
    if len(found) > 40:
        found[40:] = [f"... and {len(found) - 40} more"]
    assert found == [], (
        "The OpenAPI document has changed:\n"
        + "\n".join(found)
        + "\nClients rely on it: what is gone (-) or another (~) may break them. If it is meant, run\n"
        "    python -m tests.openapi\n"
        "and commit docs/openapi.yaml, with a line in CHANGELOG.md."
    )


def test_what_changes_is_named() -> None:
    """Where an operation's parameter has another bound, a field goes and another comes, each is a line of its own."""
    before = stored()
    now = copy.deepcopy(before)
    wait = next(one for one in now["paths"]["/v1/jobs/{job_id}"]["get"]["parameters"] if one["name"] == "wait")
    wait["schema"]["minimum"] = 1
    problem = now["components"]["schemas"]["Problem"]["properties"]
    problem["why"] = problem.pop("detail")
    assert changes(before, before) == []
    found = changes(before, now)
    assert "~ /paths/~1v1~1jobs~1{job_id}/get/parameters/wait/schema/minimum: 0 -> 1" in found
    assert {line[0] for line in found if "/Problem/properties/detail/" in line} == {"-"}
    assert {line[0] for line in found if "/Problem/properties/why/" in line} == {"+"}
