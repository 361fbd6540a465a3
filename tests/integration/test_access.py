"""A service that asks for keys: who is let in, and what he sees of others."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from api.access.keyring import CACHE_SECONDS
from api.http.access import is_open
from shared.access.model import Made, Scope
from shared.access.text import new_key
from shared.jobs.model import now
from tests.conftest import ONE_STORE
from tests.support.calling import RECEIVER, may_call, verified
from tests.support.calls import finished, post, problem, server_sent_events
from tests.support.images import SMALL_PNG, encoded, noise
from tests.support.keys import Operator, all_routes, bearer, client_of, filled
from tests.support.processes import Service, StoreServer, running
from tests.support.waiting import until
from tests.support.web import Web, gives

pytestmark = ONE_STORE

UNKNOWN_JOB, UNKNOWN_IMAGE = "0" * 32, "0" * 64
ROUTES = all_routes()
ASKED = [(method, path) for method, path in ROUTES if method != "WEBSOCKET" and not is_open(path)]
# What is about one job or image, which somebody else may try to name.
NAMED = [(method, path) for method, path in ASKED if "{job_id}" in path or "{sha256}" in path]
# A key that is revoked.
STOPS_WITHIN = 5.0
# As long as a client waits for an answer of a stream, which may not come to its end.
BRIEF = httpx.Timeout(10)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with closing(Web(RECEIVER)) as made:
        yield made


@pytest.fixture(scope="module")
def guarded(store_server: StoreServer, web: Web, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that asks for keys, and may call one address of this machine."""
    with running(tmp_path_factory.mktemp("guarded"), store_server.kind, auth="keys", **may_call(web)) as made:
        yield made


@pytest.fixture(scope="module")
def operator(guarded: Service) -> Operator:
    return Operator(guarded.store)


@pytest.fixture(scope="module")
def alice(operator: Operator) -> Made:
    return operator.make("alice")


@pytest.fixture(scope="module")
def bob(operator: Operator) -> Made:
    return operator.make("bob")


@pytest.fixture(scope="module")
def hers(guarded: Service, alice: Made) -> Iterator[httpx.Client]:
    with client_of(guarded, alice) as client:
        yield client


@pytest.fixture(scope="module")
def his(guarded: Service, bob: Made) -> Iterator[httpx.Client]:
    with client_of(guarded, bob) as client:
        yield client


@pytest.fixture
def anybody(guarded: Service) -> Iterator[httpx.Client]:
    with guarded.client() as client:
        yield client


def names(job_id: str, sha256: str) -> dict[str, str]:
    """For the parameters of any route."""
    return {"job_id": job_id, "sha256": sha256, "name": "labels.png", "ending": "json", "code": "not_found"}


def closed_with(guarded: Service, path: str, **fields: str) -> tuple[int, list[str]]:
    """The code with which a WebSocket is closed, and what was told before."""
    told: list[str] = []
    with connect(f"ws://127.0.0.1:{guarded.port}{path}", proxy=None, additional_headers=fields) as socket:
        with suppress(ConnectionClosed):
            while True:
                told.append(str(socket.recv(timeout=20)))
        assert socket.close_code is not None
        return socket.close_code, told


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


@pytest.mark.parametrize(("method", "path"), NAMED)
def test_what_is_anothers_is_not_there(
    guarded: Service, hers: httpx.Client, his: httpx.Client, method: str, path: str
) -> None:
    """On every route that names a job or an image, somebody else's is 404 as one that there is not, word for word but
    for the id; and it is untouched.
    """
    job = finished(hers, encoded(noise(5, 5)))
    sha256 = hers.post("/v1/images", files={"image": SMALL_PNG}).json()["sha256"]
    if path.endswith("/ws"):
        assert his.get(job["links"]["ws"]).status_code == 426  # for any id, there or not
        return
    foreign = his.request(method, filled(path, **names(job["id"], sha256)), timeout=BRIEF)
    unknown = his.request(method, filled(path, **names(UNKNOWN_JOB, UNKNOWN_IMAGE)), timeout=BRIEF)
    assert foreign.status_code == unknown.status_code == 404
    told = foreign.text.replace(job["id"], UNKNOWN_JOB).replace(sha256, UNKNOWN_IMAGE)
    assert told == unknown.text
    fields = [sorted(set(answer.headers) - {"date"}) for answer in (foreign, unknown)]
    assert fields[0] == fields[1]
    assert hers.get(job["links"]["self"]).json() == hers.get(job["links"]["self"]).json()
    assert hers.get(job["links"]["self"]).json()["status"] == "succeeded"
    assert hers.get(f"/v1/images/{sha256}").status_code == 200
    problem(his.post("/v1/jobs", json={"image_sha256": sha256}), 422, "unknown_image")


def test_a_socket_of_anothers_job(guarded: Service, hers: httpx.Client, bob: Made) -> None:
    """It is closed as that of a job that there is not."""
    job = finished(hers)
    foreign = closed_with(guarded, job["links"]["ws"], **bearer(bob))
    assert foreign == closed_with(guarded, f"/v1/jobs/{UNKNOWN_JOB}/ws", **bearer(bob)) == (4404, [])


def test_the_same_steps(guarded: Service, hers: httpx.Client, his: httpx.Client) -> None:
    """Redis is asked the same for somebody else's job as for none, and for somebody else's image: no time tells."""
    job = finished(hers)
    sha256 = hers.post("/v1/images", files={"image": SMALL_PNG}).json()["sha256"]
    his.get(f"/v1/jobs/{UNKNOWN_JOB}")  # his key is known for two seconds, and the script for ever

    def steps(path: str) -> list[str]:
        with guarded.store.client() as redis, redis.monitor() as monitor:
            assert his.get(path).status_code == 404
            with guarded.store.client() as other:
                other.echo("done")
            heard = []
            for command in monitor.listen():
                text = command["command"].replace(job["id"], UNKNOWN_JOB).replace(sha256, UNKNOWN_IMAGE)
                if text.startswith("ECHO"):
                    return heard
                if UNKNOWN_JOB in text or UNKNOWN_IMAGE in text:
                    heard.append(text)
        raise AssertionError("the monitor ended")

    for foreign, unknown, looks in (
        (f"/v1/jobs/{job['id']}/result", f"/v1/jobs/{UNKNOWN_JOB}/result", 1),
        (f"/v1/images/{sha256}", f"/v1/images/{UNKNOWN_IMAGE}", 2),
    ):
        none = steps(unknown)
        assert len(none) == 1 + looks, "a script and its looks: at a job, at an image's record and its expiry"
        # Now and then the sweep has to do with a job that there is.
        until(lambda foreign=foreign, none=none: steps(foreign) == none, "the steps are the same", 10)


def test_lists_keys_of_requests_and_work_are_each_ones_own(hers: httpx.Client, his: httpx.Client) -> None:
    """Nobody's list shows another's jobs, the same Idempotency-Key of two is two, and nobody gets a result that was
    computed for another, nor learns of a stored image that another has.
    """
    image = encoded(noise(9, 9))
    anew = {"Cache-Control": ""}
    first = hers.post("/v1/jobs", content=image, headers={"Content-Type": "image/png", "Idempotency-Key": "k", **anew})
    again = his.post("/v1/jobs", content=image, headers={"Content-Type": "image/png", "Idempotency-Key": "k", **anew})
    assert first.json()["id"] != again.json()["id"]
    assert "idempotent-replayed" not in again.headers
    assert not again.json()["cached"]
    for client, mine, other in ((hers, first, again), (his, again, first)):
        listed = {job["id"] for job in client.get("/v1/jobs?limit=100").json()["jobs"]}
        assert mine.json()["id"] in listed
        assert other.json()["id"] not in listed
    stored = [client.post("/v1/images", files={"image": image}) for client in (hers, hers, his)]
    assert [answer.status_code for answer in stored] == [201, 200, 201]
    sha256 = stored[0].json()["sha256"]
    assert his.delete(f"/v1/images/{sha256}").status_code == 204
    assert hers.get(f"/v1/images/{sha256}").status_code == 200
    assert finished_by_name(hers, sha256)["status"] == "succeeded"


def finished_by_name(client: httpx.Client, sha256: str) -> dict[str, Any]:
    answer = client.post("/v1/jobs", json={"image_sha256": sha256}, headers={"Prefer": "wait=30"})
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    return job


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


def test_events_are_told_to_their_owner(guarded: Service, hers: httpx.Client, his: httpx.Client) -> None:
    """A stream is the owner's, from its first event to its last."""
    job = finished(hers)
    with hers.stream("GET", job["links"]["events"]) as answer:
        assert [event["event"] for event in server_sent_events(answer.iter_lines())][-1] == "succeeded"
    problem(his.get(job["links"]["events"]), 404, "not_found")
