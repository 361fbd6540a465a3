"""Callbacks as clients ask for them: what is taken, what is refused, and what they are told of them."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.conftest import ONE_STORE
from tests.support.calling import RECEIVER, SECRETS, may_call, verified
from tests.support.calls import post, post_form, problem
from tests.support.images import SMALL_PNG, encoded, noise
from tests.support.jobs import LONGER, ended, posted
from tests.support.processes import Service, StoreServer, running
from tests.support.waiting import until
from tests.support.web import Web, gives, in_turn

pytestmark = ONE_STORE

HOOK = "/hook?token=hush"


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with closing(Web(RECEIVER)) as made:
        yield made


@pytest.fixture(scope="module")
def called(store_server: StoreServer, web: Web, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of its own, whose gateway may call one address of this machine."""
    settings = {"callback_secret": ",".join(SECRETS), **may_call(web)}
    with running(tmp_path_factory.mktemp("called"), store_server.kind, **settings) as made:
        yield made


@pytest.fixture
def http(called: Service, web: Web) -> Iterator[httpx.Client]:
    web.reset()
    web.answers[HOOK] = gives(b"")
    with called.client() as client:
        yield client


def told(web: Web, count: int = 1) -> list[dict[str, Any]]:
    """What the receiver was told, each verified."""
    until(lambda: len(web.posts) >= count, "the callbacks came", 20)
    return [verified(each) for each in web.posts]


def callbacks_of(http: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    answer = http.get(job["links"]["callbacks"])
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def as_query(client: httpx.Client, given: dict[str, Any]) -> httpx.Response:
    return post(client, wait=None, n_clusters=2, **given)


def as_params(client: httpx.Client, given: dict[str, Any]) -> httpx.Response:
    return post_form(client, wait=None, n_clusters=2, **given)


def as_fields(client: httpx.Client, given: dict[str, Any]) -> httpx.Response:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}
    files = {"image": ("a.png", SMALL_PNG, "image/png"), "params": (None, b'{"n_clusters": 2}', "application/json")}
    return client.post("/v1/jobs", files=files, data=texts)


def as_json(client: httpx.Client, given: dict[str, Any]) -> httpx.Response:
    image = base64.b64encode(SMALL_PNG).decode()
    return client.post("/v1/jobs", json={"image_base64": image, "n_clusters": 2, **given})


FORMS = [as_query, as_params, as_fields, as_json]


@pytest.mark.parametrize("send", FORMS)
def test_each_form_can_ask(http: httpx.Client, web: Web, send: Any) -> None:
    """In a query, among a form's parameters, as fields of a form and in JSON: the job's end is told, with its result,
    as GET tells it.
    """
    answer = send(http, {"callback_url": web.url(HOOK), "callback_events": ["succeeded", "running"]})
    assert answer.status_code == 202, answer.text
    running, succeeded = sorted(told(web, 2), key=lambda body: body["type"])
    assert (running["type"], succeeded["type"]) == ("job.running", "job.succeeded")
    assert succeeded["data"] == http.get(answer.json()["links"]["self"]).json()
    assert succeeded["data"]["params"]["n_clusters"] == 2
    assert "callback_url" not in json.dumps(succeeded)
    assert len(succeeded["data"]["result"]["palette"]) == 2


def test_work_that_was_done_before_is_told_too(http: httpx.Client, web: Web) -> None:
    """A job that has its result at once tells of its end as any other does."""
    image = encoded(noise(9, 7))
    del http.headers["Cache-Control"]  # by which tests have their work done anew
    jobs = [post(http, image, wait=30, n_clusters=2, callback_url=web.url(HOOK)).json() for _ in range(2)]
    assert [job["cached"] for job in jobs] == [False, True]
    assert {body["data"]["id"] for body in told(web, 2)} == {job["id"] for job in jobs}


def test_a_long_result_is_left_out(http: httpx.Client, web: Web) -> None:
    """A message stays below 20 kB: a palette that has no room is at the job's `links.result`."""
    job = post(http, encoded(noise(80, 80)), wait=30, n_clusters=64, callback_url=web.url(HOOK)).json()
    (body,) = told(web)
    assert len(web.posts[0].body) < 20_000
    assert body["data"] == {**http.get(job["links"]["self"]).json(), "result": None}


def test_parameters_without_room_are_left_out(http: httpx.Client, web: Web) -> None:
    """So it is with parameters that are longer than a message may be."""
    palette = [[n + 1 / 3, n + 1 / 7, n + 1 / 9] for n in range(255)]
    polygon = [[n / 7, 70 * (n % 2) + 1 / 7] for n in range(500)]
    params = {"algorithm": "assign", "palette": palette, "region": {"polygon": polygon}}
    answer = post_form(http, encoded(noise(80, 80)), wait=30, callback_url=web.url(HOOK), **params)
    assert answer.is_success, answer.text
    assert len(json.dumps(answer.json()["params"])) > 20_000
    (body,) = told(web)
    assert len(web.posts[0].body) < 20_000
    assert body["data"]["status"] == "succeeded"
    assert body["data"]["params"] == {"algorithm": "assign"}


def test_what_became_of_it(http: httpx.Client, web: Web, called: Service) -> None:
    """Each attempt is told with its time, its status and why it did not count; a replay sends it once more, with the
    same id. Neither there nor in the log is the URL's query, or a secret.
    """
    web.answers[HOOK] = in_turn(gives(b"", 503, Retry_After="1"), gives(b""))
    job = post(http, wait=30, n_clusters=2, callback_url=web.url(HOOK)).json()
    until(lambda: web.posts, "the first attempt", 10)
    (waiting,) = until(
        lambda: [each for each in callbacks_of(http, job)["deliveries"] if each["state"] == "waiting"], "it waits"
    )
    assert waiting["next_attempt_at"] is not None
    assert [(attempt["status"], attempt["error"]) for attempt in waiting["attempts"]] == [(503, "status")]
    replayed = http.post(job["links"]["callbacks"] + "/replay")
    assert replayed.status_code == 202
    until(lambda: callbacks_of(http, job)["deliveries"][0]["state"] == "delivered", "it is delivered", 10)
    view = callbacks_of(http, job)
    assert view["url"] == web.url("/hook")
    assert view["events"] == ["succeeded", "failed", "cancelled"]
    (delivery,) = view["deliveries"]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [503, 200]
    assert all(attempt["at"] and attempt["seconds"] < 5 for attempt in delivery["attempts"])
    assert (delivery["id"], delivery["event"]) == (web.posts[0].headers["webhook-id"], "succeeded")
    assert http.post(job["links"]["callbacks"] + "/replay").status_code == 202
    assert len(told(web, 3)) == 3
    assert called.gateway is not None
    log = called.gateway.text()
    assert called.gateway.said("the callback to 127.0.0.2: status 503", job_id=job["id"])
    assert [word for word in ("hush", *SECRETS, *(s[6:] for s in SECRETS)) if word in log] == []


def test_figures(http: httpx.Client, web: Web) -> None:
    """Attempts, what was given up and what is late are figures for operators."""
    web.answers[HOOK] = gives(b"", 410)
    job = post(http, wait=30, callback_url=web.url(HOOK)).json()
    until(lambda: callbacks_of(http, job)["deliveries"][0]["state"] == "given_up", "it is given up", 10)
    text = http.get("/metrics").text
    assert 'huemill_callback_seconds_count{outcome="gone"} 1.0' in text
    assert "huemill_callbacks_given_up_total 1.0" in text
    assert "huemill_callbacks_kept 1.0" in text
    assert "huemill_callbacks_late_seconds 0.0" in text


def test_a_cancelled_job(http: httpx.Client, web: Web) -> None:
    """A cancel is told; what is deleted tells nothing more."""
    job = posted(http, callback_url=web.url(HOOK), **LONGER)
    assert http.post(job["links"]["cancel"]).is_success
    assert ended(http, job)["status"] == "cancelled"
    assert [body["type"] for body in told(web)] == ["job.cancelled"]
    assert http.delete(job["links"]["self"]).status_code == 204
    assert http.get(job["links"]["callbacks"]).status_code == 404


def test_a_job_without_callbacks(http: httpx.Client) -> None:
    """Its list is empty, and there is nothing to replay."""
    job = post(http).json()
    assert callbacks_of(http, job) == {"url": None, "events": [], "deliveries": []}
    problem(http.post(job["links"]["callbacks"] + "/replay"), 409, "nothing_to_replay")


WRONG = [
    ({"callback_url": "http://user:hush@hooks.example/"}, "callback_url", "password"),
    ({"callback_url": "ftp://hooks.example/"}, "callback_url", "begin with https"),
    ({"callback_url": "hooks.example"}, "callback_url", "begin with https"),
    ({"callback_url": 7}, "callback_url", "as a string"),
    ({"callback_url": None}, "callback_url", "as a string"),
    ({"callback_url": "https://hooks.example/", "callback_events": None}, "callback_events", "one or more"),
    ({"callback_url": ["https://hooks.example/"]}, "callback_url", "as a string"),
    ({"callback_url": "https://hooks.example:8443/"}, "callback_url", "port 8443"),
    ({"callback_url": "http://hooks.example/"}, "callback_url", "port 80"),
    ({"callback_url": "https:///hook"}, "callback_url", "malformed"),
    ({"callback_url": "https://hooks.example/a b"}, "callback_url", "white space"),
    ({"callback_url": "https://hooks.example/" + "a" * 2048}, "callback_url", "characters"),
    ({"callback_url": "https://127.0.0.1/"}, "callback_url", "public"),
    ({"callback_url": "https://10.1.2.3/"}, "callback_url", "public"),
    ({"callback_url": "https://169.254.169.254/"}, "callback_url", "public"),
    ({"callback_url": "https://2130706433/"}, "callback_url", "public"),
    ({"callback_url": "https://0x7f.1/"}, "callback_url", "public"),
    ({"callback_url": "https://017700000001/"}, "callback_url", "public"),
    ({"callback_url": "https://[::1]/"}, "callback_url", "public"),
    ({"callback_url": "https://[::ffff:127.0.0.1]/"}, "callback_url", "public"),
    ({"callback_url": "https://[fd00::1]/"}, "callback_url", "public"),
    ({"callback_events": ["failed"]}, "callback_events", "without callback_url"),
    ({"callback_url": "https://hooks.example/", "callback_events": []}, "callback_events", "one or more"),
    ({"callback_url": "https://hooks.example/", "callback_events": "ended"}, "callback_events", "one or more"),
    ({"callback_url": "https://hooks.example/", "callback_events": ["failed", 1]}, "callback_events", "one or more"),
    ({"callback_url": "https://hooks.example/", "callback_events": {"failed": True}}, "callback_events", "one or more"),
]


@pytest.mark.parametrize("send", FORMS)
@pytest.mark.parametrize(("given", "field", "word"), WRONG)
def test_what_is_refused(
    http: httpx.Client, called: Service, send: Any, given: dict[str, Any], field: str, word: str
) -> None:
    """What could never be called is refused when the job is posted, by name and pointer; and nothing is left of it."""
    document = problem(send(http, given), 422, "invalid_params")
    (error,) = document["errors"]
    assert (error["field"], error["pointer"]) == (field, f"/{field}")
    assert word in error["message"]
    assert "hush" not in json.dumps(document)
    assert called.orphans() == []


def test_events_with_commas(http: httpx.Client, web: Web) -> None:
    """In a query and in a form's field, events may have commas between them instead of brackets around them; in a query
    they may also be repeated.
    """
    given = {"callback_url": web.url(HOOK), "callback_events": "failed, succeeded,failed"}
    for send in (as_query, as_fields):
        answer = send(http, given)
        assert answer.status_code == 202, answer.text
        assert callbacks_of(http, answer.json())["events"] == ["failed", "succeeded"]
    repeated = [("callback_url", web.url(HOOK)), ("callback_events", "failed"), ("callback_events", "succeeded")]
    job = http.post("/v1/jobs", params=repeated, content=SMALL_PNG, headers={"Content-Type": "image/png"}).json()
    assert callbacks_of(http, job)["events"] == ["failed", "succeeded"]
    assert {body["type"] for body in told(web, 3)} == {"job.succeeded"}


def test_given_twice(http: httpx.Client, web: Web) -> None:
    """Where a callback is both in the query and in the form, nobody knows which was meant."""
    query = {"callback_url": web.url(HOOK)}
    files = {"image": SMALL_PNG, "callback_url": (None, "https://hooks.example/")}
    document = problem(http.post("/v1/jobs", params=query, files=files), 422, "invalid_params")
    assert document["errors"][0]["message"] == "is given twice"


def test_not_in_the_way_of_parameters(http: httpx.Client, web: Web) -> None:
    """The callback may stand in the query, and the parameters in the form."""
    files = {"image": SMALL_PNG, "params": (None, b'{"n_clusters": 3}', "application/json")}
    answer = http.post("/v1/jobs", params={"callback_url": web.url(HOOK)}, files=files)
    assert answer.status_code == 202, answer.text
    assert told(web)[0]["data"]["params"]["n_clusters"] == 3


@pytest.mark.parametrize("send", FORMS)
def test_off_without_a_secret(client: httpx.Client, send: Any) -> None:
    """Where the operator has set no secret nobody is called back, and who asks for it is told so at once."""
    problem(send(client, {"callback_url": "https://hooks.example/"}), 403, "callbacks_disabled")
    problem(send(client, {"callback_events": ["failed"]}), 403, "callbacks_disabled")
