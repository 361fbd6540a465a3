"""Jobs as a list: which are in it, in which order, and what can be asked of it."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from shared.contract.description import Description
from shared.contract.params import HdbscanParams, KMeansParams
from shared.jobs.codec import encode
from shared.jobs.keys import job_key, jobs_key
from shared.jobs.listing import LOOKED_AT, MOST_MOVES, Cursor, Wanted, place_in_list, read_cursor
from shared.jobs.model import Job, Upload, new_job, new_job_id, now
from tests.support.bench import Bench
from tests.support.calls import finished, post, problem
from tests.support.gateway import Gateway, gateway
from tests.support.images import SMALL_PNG
from tests.support.processes import Service, StoreServer


@pytest.fixture
def parts(bench: Bench) -> Iterator[Gateway]:
    with gateway(bench.settings) as made:
        yield made


def job(tags: tuple[str, ...] = (), params: Any = None, seconds: float = 0.0) -> Job:
    """A job that was created so many seconds ago."""
    job_id = new_job_id()
    upload = Upload(key=f"uploads/{job_id}", size=3, sha256="0" * 64)
    made = new_job(job_id, params or KMeansParams(), upload, description=Description(tags=tags))
    return made.model_copy(update={"created_at": now() - timedelta(seconds=seconds)})


def many(bench: Bench, jobs: list[Job]) -> None:
    """Let there be these jobs, faster than by creating each."""
    with bench.server.client() as client:
        pipe = client.pipeline(transaction=False)
        for each in jobs:
            pipe.hset(job_key(each.id), mapping=encode(each))  # type: ignore[arg-type]
            pipe.zadd(jobs_key(), {each.id: place_in_list(each)})
        pipe.execute()


def walked(parts: Gateway, wanted: Wanted, limit: int, between: Callable[[], None] = lambda: None) -> list[str]:
    """The ids on all pages."""
    found: list[str] = []
    cursor: Cursor | None = None
    while True:
        page = parts.run(parts.lists.page(wanted, limit, cursor))
        assert len(page.jobs) <= limit
        found += [each.id for each in page.jobs]
        if page.next is None:
            return found
        cursor = read_cursor(str(page.next))
        between()


def test_pages_are_a_list(bench: Bench, parts: Gateway) -> None:
    """Page by page, of whatever size, every job comes once, the newest first; those of the same moment too."""
    jobs = [job(seconds=number // 7) for number in range(240)]
    same = jobs[0].created_at
    jobs = [
        each.model_copy(update={"created_at": same - timedelta(seconds=number // 7)})
        for number, each in enumerate(jobs)
    ]
    many(bench, jobs)
    order = [each.id for each in sorted(jobs, key=lambda each: (each.created_at, each.id), reverse=True)]
    for limit in (1, 7, 100, 239, 240, 241):
        assert walked(parts, Wanted(), limit) == order


def test_pages_while_jobs_come_and_go(bench: Bench, parts: Gateway) -> None:
    """A job that is there from the first page to the last is shown once, whatever comes and goes meanwhile."""
    jobs = [job(seconds=1 + number) for number in range(100)]
    many(bench, jobs)
    going = iter(jobs[1::2])
    passed: list[Job] = []

    def come_and_go() -> None:
        many(bench, [job()])
        for _ in range(3):
            gone = next(going, None)
            if gone is not None:
                parts.run(parts.store.forget(gone.id))
                passed.append(gone)

    found = walked(parts, Wanted(), 10, come_and_go)
    assert len(found) == len(set(found))
    assert [each for each in found if each in {kept.id for kept in jobs[0::2]}] == [each.id for each in jobs[0::2]]
    assert passed


def test_few_among_many(bench: Bench, parts: Gateway) -> None:
    """What is looked for is found among thousands; who looks for more than a page's work goes on from an empty page."""
    jobs = [job(seconds=number) for number in range(LOOKED_AT * MOST_MOVES + 500)]
    for place in (5, 3000, len(jobs) - 1):
        rare_one = job(("rare", "tag"), HdbscanParams())
        jobs[place] = rare_one.model_copy(update={"created_at": jobs[place].created_at})
    many(bench, jobs)
    rare = [jobs[place].id for place in (5, 3000, len(jobs) - 1)]
    assert walked(parts, Wanted(tags=("rare",)), 10) == rare
    assert walked(parts, Wanted(algorithm="hdbscan", status="queued", tags=("tag", "rare")), 2) == rare
    page = parts.run(parts.lists.page(Wanted(tags=("rare",)), 10))
    assert (len(page.jobs), page.next is None) == (2, False), "the third is too far away for one question"
    for nothing in (Wanted(tags=("rar",)), Wanted(tags=("are",)), Wanted(status="running"), Wanted(algorithm="optics")):
        assert walked(parts, nothing, 10) == []
    since = Wanted(created_after=jobs[3000].created_at)
    assert len(walked(parts, since, 1000)) == 3000


def test_what_is_no_job_is_listed_no_more(bench: Bench, parts: Gateway) -> None:
    """What the list names and is not there, or is something else, is passed over and leaves the list."""
    kept = job()
    many(bench, [kept])
    with bench.server.client() as client:
        client.zadd(jobs_key(), {new_job_id(): 10**15, "other": 10**15})
        client.set(job_key("other"), "text")
        assert walked(parts, Wanted(), 10) == [kept.id]
        assert client.zcard(jobs_key()) == 1


def test_from_creation_to_expiry(bench: Bench, parts: Gateway) -> None:
    """A job is listed as soon as it is there, in each of its states, until it expires or is withdrawn."""
    one, other = bench.create(), bench.create()
    assert set(walked(parts, Wanted(status="queued"), 10)) == {one.id, other.id}
    claimed = bench.worker.claim(one.id)
    assert claimed is not None
    assert walked(parts, Wanted(status="running"), 10) == [one.id]
    assert bench.worker.succeed(claimed, f"results/{one.id}/1/")
    assert walked(parts, Wanted(status="succeeded"), 10) == [one.id]
    bench.sweep()
    for _ in range(2):  # it settles, then it expires
        bench.let_time_come(one)
        bench.sweep()
    assert parts.run(parts.store.withdraw(other))
    assert walked(parts, Wanted(), 10) == []
    with bench.server.client() as client:
        assert not client.exists(jobs_key())


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "x",
        "%%%",
        "MTc2NDM2Mjc1ODAwMDEyMw",
        str(Cursor("1", "0" * 31)),
        str(Cursor("x", "0" * 32)),
        f"{Cursor('1', '0' * 32)}=",
    ],
)
def test_cursors_that_are_not_ours(client: httpx.Client, wrong: str) -> None:
    """A cursor that was not given here is refused, with its place."""
    document = problem(client.get("/v1/jobs", params={"cursor": wrong}), 422, "invalid_params")
    assert document["errors"][0]["pointer"] == "/cursor"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("status=done", "/status"),
        ("algorithm=magic", "/algorithm"),
        ("tag=a%0Ab", "/tag/0"),
        ("tag=a&tag=", "/tag/1"),
        ("tags=a", "/tags"),
        ("priority=urgent", "/priority"),
        ("limit=0", "/limit"),
        ("limit=101", "/limit"),
        ("created_after=yesterday", "/created_after"),
        ("created_after=2026-11-21T10:00:00", "/created_after"),
        ("created_after=1764362758", "/created_after"),
        ("&".join(f"tag={number}" for number in range(11)), "/tag"),
        ("status=failed&status=succeeded", "/status"),
        ("algorithm=kmeans&algorithm=kmeans", "/algorithm"),
        ("priority=batch&tag=a&priority=interactive", "/priority"),
        ("created_after=2026-11-21T10:00:00Z&created_after=2026-11-22T10:00:00Z", "/created_after"),
        ("limit=1&limit=2", "/limit"),
        ("cursor=&cursor=", "/cursor"),
        ("client_reference=%FF", "/client_reference"),
        ("client_reference=", "/client_reference"),
        ("client_reference=a%0Atag%20b", "/client_reference"),
        ("client_reference=a&client_reference=b", "/client_reference"),
        ("tag=%FF", "/tag"),
        ("tag=a&tag=%C3%28", "/tag"),
        ("a.b=1", "/a.b"),
        ("params=1", "/params"),
        ("%FF=1", "/\ufffd"),
    ],
)
def test_questions_that_make_no_sense(client: httpx.Client, query: str, pointer: str) -> None:
    """What cannot be asked is refused, with its place, and never passed over."""
    assert problem(client.get(f"/v1/jobs?{query}"), 422, "invalid_params")["errors"][0]["pointer"] == pointer


def test_a_list_over_http(own_store: Callable[..., StoreServer], own_service: Callable[..., Service]) -> None:
    """A list is walked by its `next` addresses, which carry what was asked for, and work under a prefix."""
    service = own_service(own_store(), root_path="/colors").start_gateway()
    with service.client() as client:
        assert client.get("/v1/jobs").json() == {"jobs": [], "next": None}
        even, odd = {"tags": "even", "priority": "batch", "client_reference": "order 4711 / é"}, {"tags": "odd"}
        jobs = [post(client, wait=None, **(odd if number % 2 else even)).json() for number in range(7)]
        wanted = "tag=even&priority=batch&limit=3&status=queued&created_after=2020-01-01T00:00:00%2B02:00"
        wanted += "&client_reference=order+4711%20/%20%C3%A9"
        address, found = f"/v1/jobs?{wanted}", []
        while address:
            page = client.get(address).json()
            found += page["jobs"]
            address = page["next"]
            if address:
                assert address.startswith("/colors/v1/jobs?")
                query = parse_qs(urlsplit(address).query)
                assert (query["tag"], query["priority"]) == (["even"], ["batch"])
                assert query["client_reference"] == ["order 4711 / é"]
        assert [each["id"] for each in found] == [each["id"] for each in reversed(jobs[::2])]
        assert found[0] == client.get(jobs[6]["links"]["self"]).json()
        for other in ("order 4711", "even", "order 4711 / é "[1:-1]):
            assert client.get("/v1/jobs", params={"client_reference": other}).json()["jobs"] == []
        assert client.delete(jobs[6]["links"]["self"]).is_success
        assert [each["id"] for each in client.get("/v1/jobs?priority=interactive").json()["jobs"]] == [
            each["id"] for each in reversed(jobs[1::2])
        ]
        assert [each["id"] for each in client.get("/v1/jobs").json()["jobs"]] == [
            each["id"] for each in reversed(jobs[:6])
        ]


DESCRIBED = {"client_reference": "order 4711 / é", "tags": ["summer", "two words"], "priority": "batch"}


def test_a_description_in_three_ways(client: httpx.Client) -> None:
    """A reference, tags and a priority go with the parameters, wherever those stand, and come back with the job."""
    query = {"client_reference": "4711", "tags": "summer,two words", "priority": "batch", "n_clusters": "2"}
    raw = client.post("/v1/jobs", content=SMALL_PNG, params=query, headers={"Content-Type": "image/png"})
    assert (raw.json()["client_reference"], raw.json()["tags"]) == ("4711", ["summer", "two words"])
    assert raw.json()["priority"] == "batch"
    given = {**DESCRIBED, "n_clusters": 2}
    form = {"image": ("a.png", SMALL_PNG), "params": (None, json.dumps(given), "application/json")}
    for answer in (
        client.post("/v1/jobs", files=form),
        client.post("/v1/jobs", json={"image_base64": _base64(SMALL_PNG), **given}),
        client.post(
            "/v1/jobs", files={"image": SMALL_PNG}, params={**query, "client_reference": DESCRIBED["client_reference"]}
        ),
        client.post("/v1/jobs", files=form | {"params": (None, json.dumps(DESCRIBED))}, params={"n_clusters": 2}),
    ):
        assert answer.status_code == 202, answer.text
        job = client.get(answer.json()["links"]["self"]).json()
        assert {name: job[name] for name in DESCRIBED} == DESCRIBED
        assert job["params"]["n_clusters"] == 2
    several = client.post(
        "/v1/jobs?tags=a&tags=b,a&tags=%5B%22c%22%5D", content=SMALL_PNG, headers={"Content-Type": "image/png"}
    )
    assert several.json()["tags"] == ["a", "b", "c"]
    plain = finished(client)
    assert (plain["client_reference"], plain["tags"], plain["priority"]) == (None, [], "interactive")


def _base64(data: bytes) -> str:

    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"tags": ["a", "b" * 65]}, "/tags/1"),
        ({"tags": [""]}, "/tags/0"),
        ({"tags": ["a", 5]}, "/tags/1"),
        ({"tags": "a"}, "/tags"),
        ({"tags": ["a,b"]}, "/tags/0"),
        ({"tags": ["line\nbreak"]}, "/tags/0"),
        ({"tags": [" a"]}, "/tags/0"),
        ({"tags": [str(number) for number in range(11)]}, "/tags"),
        ({"client_reference": ""}, "/client_reference"),
        ({"client_reference": "x" * 256}, "/client_reference"),
        ({"client_reference": 5}, "/client_reference"),
        ({"client_reference": "nul\0"}, "/client_reference"),
        ({"priority": "urgent"}, "/priority"),
        ({"priority": None}, "/priority"),
        ({"priority": ["batch"]}, "/priority"),
    ],
)
def test_descriptions_that_are_refused(client: httpx.Client, given: dict[str, Any], pointer: str) -> None:
    """What is too long, too much or cannot be seen is refused, with its place."""
    answer = client.post("/v1/jobs", json={"image_base64": _base64(SMALL_PNG), **given})
    assert problem(answer, 422, "invalid_params")["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("query", ["client_reference=caf%E9", "tags=a,caf%E9", "tags=%5B%22caf%E9%22%5D"])
def test_a_description_that_is_not_utf8(client: httpx.Client, query: str) -> None:
    """Bytes of an address that are not UTF-8 are refused, and not kept as other characters; UTF-8 is kept."""
    headers = {"Content-Type": "image/png"}
    refused = problem(client.post(f"/v1/jobs?{query}", content=SMALL_PNG, headers=headers), 422, "invalid_params")
    assert "UTF-8" in refused["errors"][0]["message"]
    taken = client.post(f"/v1/jobs?{query.replace('%E9', '%C3%A9')}", content=SMALL_PNG, headers=headers).json()
    assert "café" in (taken["client_reference"], *taken["tags"])


def test_a_description_of_the_character_that_stands_for_others(client: httpx.Client) -> None:
    """U+FFFD is a character: who gives it as UTF-8 is understood."""
    job = client.post("/v1/jobs", json={"image_base64": _base64(SMALL_PNG), "client_reference": "\ufffd"}).json()
    found = client.get("/v1/jobs?client_reference=%EF%BF%BD").json()["jobs"]
    assert job["id"] in [each["id"] for each in found]


def test_a_wrong_tag_is_told_what_it_may_be(client: httpx.Client) -> None:
    """What is said of one tag is about one tag, and not about the list of them."""
    given = {"image_base64": _base64(SMALL_PNG), "tags": ["a", "b" * 65]}
    (entry,) = problem(client.post("/v1/jobs", json=given), 422, "invalid_params")["errors"]
    assert (entry["field"], entry["message"]) == ("tags[1]", "should be text of 1 to 64 characters")


def test_a_description_in_two_places(client: httpx.Client) -> None:
    """Which was meant, nobody can know."""
    form = {"image": ("a.png", SMALL_PNG), "params": (None, json.dumps(DESCRIBED), "application/json")}
    problem(client.post("/v1/jobs", files=form, params={"tags": "a"}), 400, "invalid_request")
    for query in ("client_reference=a&client_reference=b", "priority=batch&priority=batch"):
        twice = client.post(f"/v1/jobs?{query}", content=SMALL_PNG, headers={"Content-Type": "image/png"})
        assert problem(twice, 422, "invalid_params")["errors"][0]["pointer"] == "/" + query.partition("=")[0]
