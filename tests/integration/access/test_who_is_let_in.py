"""A service that asks for keys: who is let in, and for how long."""

import base64
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.access.keyring import CACHE_SECONDS
from api.http.access import is_open
from shared.access.model import Made, Scope
from shared.access.text import new_key
from shared.jobs.model import now
from tests.conftest import ONE_STORE
from tests.support.calling import verified
from tests.support.calls import finished, post, problem
from tests.support.images import SMALL_PNG
from tests.support.keys import (
    UNKNOWN_IMAGE,
    UNKNOWN_JOB,
    Operator,
    all_routes,
    bearer,
    client_of,
    closed_with,
    filled,
    names,
)
from tests.support.processes import Service
from tests.support.waiting import until
from tests.support.web import Web, gives

pytestmark = ONE_STORE

ROUTES = all_routes()
# A key that is revoked.
STOPS_WITHIN = 5.0


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[0] != "WEBSOCKET"])
def test_every_route_is_closed_unless_it_is_listed(anybody: httpx.Client, method: str, path: str) -> None:
    """Without a key each route is 401, those that are for everybody alone answer; so is what is no route."""
    answer = anybody.request(method, filled(path, **names(UNKNOWN_JOB, UNKNOWN_IMAGE)))
    if is_open(path):
        assert answer.status_code in (200, 307, 404)
    else:
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="huemill"'
    problem(anybody.get(f"/nowhere{path}"), 401, "unauthorized")


def test_a_socket_without_a_key(guarded: Service, his: httpx.Client, bob: Made) -> None:
    """It is opened, and closed with 4401, for a job that there is as for one that there is not; with a key it tells."""
    path = finished(his)["links"]["ws"]
    for address in (path, f"/v1/jobs/{UNKNOWN_JOB}/ws"):
        assert closed_with(guarded, address) == (4401, [])
        assert closed_with(guarded, address, Authorization=f"Bearer {new_key()}") == (4401, [])
    code, told = closed_with(guarded, path, **bearer(bob))
    assert code == 1000
    assert json.loads(told[-1])["event"] == "succeeded"


def wrong_keys(operator: Operator) -> dict[str, str]:
    """Keys that let nobody in, by what the log says of them."""
    revoked, expired = operator.make("revoked"), operator.make("expired", lasts=timedelta(milliseconds=1))
    replaced = operator.make("replaced")
    operator.rotate(replaced, timedelta(0))
    operator.revoke(revoked)
    until(lambda: expired.key.wrong_at(now()) is not None, "it has expired")
    mistyped = str(operator.make("mistyped").text)
    last = "0" if mistyped[-1] != "0" else "1"
    return {
        "malformed": "let-me-in",
        "checksum": mistyped[:-1] + last,
        "unknown": str(new_key()),
        "revoked": str(revoked.text),
        "expired": str(expired.text),
        "replaced": str(replaced.text),
    }


def test_wrong_keys_are_alike(guarded: Service, operator: Operator, anybody: httpx.Client) -> None:
    """Whatever is wrong with a key, the answer is the same; the log tells them apart, and repeats none."""
    answers = set()
    for reason, text in wrong_keys(operator).items():
        answer = anybody.get("/v1/jobs", headers={"Authorization": f"Bearer {text}"})
        problem(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"] == 'Bearer realm="huemill", error="invalid_token"'
        answers.add(answer.content)
        assert guarded.gateway is not None
        gateway = guarded.gateway
        until(lambda gateway=gateway, reason=reason: gateway.said(f"a key is refused: {reason}"), reason, 5)
        assert text not in gateway.text()
    assert len(answers) == 1
    wrong_secret = new_key(read_id(operator.make("right id")))
    problem(anybody.get("/v1/jobs", headers={"X-API-Key": str(wrong_secret)}), 401, "unauthorized")


def read_id(made: Made) -> str:
    return made.key.id


def test_the_ways_to_send_a_key(anybody: httpx.Client, alice: Made, bob: Made) -> None:
    """Either field, the scheme in any letters; twice the same is one, two that differ are none."""
    text = str(alice.text)
    for right in (
        {"Authorization": f"Bearer {text}"},
        {"authorization": f"bEaReR   {text}"},
        {"X-API-Key": text},
        {"X-API-Key": text, "Authorization": f"Bearer {text}"},
        {"X-API-Key": text, "Authorization": "Basic dXNlcjpwYXNz"},
    ):
        assert anybody.get("/v1/jobs", headers=right).status_code == 200, right
    for wrong in (
        {"Authorization": text},
        {"Authorization": f"Basic {text}"},
        {"Authorization": "Bearer"},
        {"Cookie": f"key={text}"},
        {"X-API-Key": text, "Authorization": f"Bearer {bob.text}"},
    ):
        problem(anybody.get("/v1/jobs", headers=wrong), 401, "unauthorized")
    problem(anybody.get("/v1/jobs", params={"key": text, "access_token": text}), 401, "unauthorized")


@pytest.mark.parametrize("scope", Scope)
def test_scopes(guarded: Service, operator: Operator, scope: Scope) -> None:
    """A key does what it is for, and for all else is told which scope that wants."""
    with client_of(guarded, operator.make("scoped", scope)) as client:
        wanted = {
            Scope.READ: client.get("/v1/jobs"),
            Scope.WRITE: post(client, wait=None),
            Scope.METRICS: client.get("/metrics"),
        }
        for other, answer in wanted.items():
            if scope in (other, Scope.ADMIN):
                assert answer.is_success
                continue
            assert str(other) in problem(answer, 403, "insufficient_scope")["detail"]
            assert f'scope="{other}"' in answer.headers["www-authenticate"]
        path = f"/v1/jobs/{UNKNOWN_JOB}/ws"
        expected = 4404 if scope in (Scope.READ, Scope.ADMIN) else 4403
        assert closed_with(guarded, path, Authorization=client.headers["Authorization"])[0] == expected


def test_a_key_is_changed(guarded: Service, operator: Operator) -> None:
    """Both keys are one owner as long as both are valid; then the older one lets nobody in."""
    old = operator.make("changing")
    with client_of(guarded, old) as client:
        job = finished(client)
    new = operator.rotate(old, timedelta(seconds=4))
    with client_of(guarded, old) as before, client_of(guarded, new) as after:
        until(lambda: after.get(job["links"]["self"]).status_code == 200, "the new one is known", 3)
        assert before.get(job["links"]["self"]).status_code == 200
        until(lambda: before.get(job["links"]["self"]).status_code == 401, "the old one is over", 8)
        assert after.get(job["links"]["self"]).status_code == 200


def test_callbacks_are_signed_by_the_keys_own_secret(guarded: Service, operator: Operator, web: Web) -> None:
    """No secret of the service is needed: each key has its own, two while it is changed, and none is another's."""
    web.reset()
    web.answers["/hook"] = gives(b"")
    one, other = operator.make("called"), operator.make("other")
    with client_of(guarded, one) as client:
        finished(client, callback_url=web.url("/hook"))
        until(lambda: len(web.posts) == 1, "the callback came", 20)
        assert verified(web.posts[0], one.callback_secret)["type"] == "job.succeeded"
        with pytest.raises(Exception, match="signature"):
            verified(web.posts[0], other.callback_secret)
        changed = operator.rotate(one, timedelta(hours=1))
        time.sleep(CACHE_SECONDS)  # until then a gateway may know the key as it was
        finished(client, callback_url=web.url("/hook"), seed=1)
        until(lambda: len(web.posts) == 2, "the callback came", 20)
        for secret in (one.callback_secret, changed.callback_secret):
            assert verified(web.posts[1], secret)["type"] == "job.succeeded"


def test_an_upload_that_takes_longer_than_its_key_lasts(guarded: Service, operator: Operator) -> None:
    """A key that is revoked while an image is on its way makes no job of it."""
    made = operator.make("slow")

    def pieces() -> Iterator[bytes]:
        yield SMALL_PNG[:20]
        operator.revoke(made)
        time.sleep(STOPS_WITHIN)
        yield SMALL_PNG[20:]

    with client_of(guarded, made) as client:
        answer = client.post("/v1/jobs", content=pieces(), headers={"Content-Type": "image/png"})
        problem(answer, 401, "unauthorized")


def test_a_callback_that_is_sent_later_than_its_key_lasts(guarded: Service, operator: Operator, web: Web) -> None:
    """A key that was revoked lets nobody in; what was promised of its jobs is told all the same."""
    web.reset()
    web.answers["/hook"] = gives(b"", 503)
    made = operator.make("gone soon")
    with client_of(guarded, made) as client:
        finished(client, callback_url=web.url("/hook"))
        until(lambda: len(web.posts) == 1, "the first attempt", 20)
    operator.revoke(made)
    web.answers["/hook"] = gives(b"")
    until(lambda: len(web.posts) == 2, "the second attempt", 20)
    assert verified(web.posts[1], made.callback_secret)["type"] == "job.succeeded"


def test_what_the_document_says(anybody: httpx.Client) -> None:
    """Each operation that wants a key says which scope, in which fields, and what it may be refused with."""
    document = anybody.get("/openapi.json").json()
    schemes = document["components"]["securitySchemes"]
    assert schemes["Bearer"]["scheme"] == "bearer"
    assert (schemes["X-API-Key"]["in"], schemes["X-API-Key"]["name"]) == ("header", "X-API-Key")
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if is_open(path):
                assert operation["security"] == []
                continue
            assert [list(way) for way in operation["security"]] == [["Bearer"], ["X-API-Key"]]
            assert {"401", "403", "429", "503"} <= set(operation["responses"])
            assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]
            assert {"Retry-After", "RateLimit"} <= set(operation["responses"]["429"]["headers"])


def test_a_preflight_wants_no_key(own_service: Any, guarded: Service) -> None:
    """A browser sends none with it; what it may then send and read are a key and how much is left."""
    service = own_service(guarded.store, auth="keys", cors_origins="https://shop.example").start_gateway()
    with service.client() as client:
        asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
        answer = client.options("/v1/jobs", headers=asked)
        assert answer.status_code == 204
        for name in ("Authorization", "X-API-Key"):
            assert name in answer.headers["access-control-allow-headers"]
        refused = client.get("/v1/jobs", headers={"Origin": "https://shop.example"})
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == "https://shop.example"
        assert "RateLimit" in refused.headers["access-control-expose-headers"]


def test_a_record_that_is_broken(guarded: Service, operator: Operator, anybody: httpx.Client) -> None:
    """It lets nobody in, as if it were not there, and the log names it."""
    made = operator.make("broken")
    with guarded.store.client() as redis:
        redis.set(f"huemill:key:{made.key.id}", base64.b64encode(b"nothing"))
    problem(anybody.get("/v1/jobs", headers=bearer(made)), 401, "unauthorized")
    assert guarded.gateway is not None
    gateway = guarded.gateway
    until(lambda: gateway.said(f"key {made.key.id}"), "the log names it", 5)
