"""What a key may use, over two gateways of one store: requests, pixels, and jobs that wait."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest

from shared.access.limits import Rate
from shared.access.model import Made
from shared.jobs.keys import job_key, used_key
from tests.conftest import ONE_STORE
from tests.support.calls import post, problem
from tests.support.images import encoded, noise
from tests.support.keys import Operator, client_of
from tests.support.processes import Service, StoreServer
from tests.support.waiting import until

pytestmark = ONE_STORE

HUNDRED = encoded(noise(10, 10))  # pixels
TYPE = "https://iana.org/assignments/http-problem-types#quota-exceeded"


@pytest.fixture(scope="module")
def two(store_server: StoreServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Service]]:
    """Two gateways without a worker: what is posted waits."""
    store = StoreServer(store_server.kind, tmp_path_factory.mktemp("store"))
    folder = tmp_path_factory.mktemp("two")
    made = [Service(store, folder / name, auth="keys") for name in ("one", "other")]
    for service in made:
        service.environment["HUEMILL_BLOB_URL"] = (folder / "blobs").as_uri()
    try:
        yield made[0].start_gateway(), made[1].start_gateway()
    finally:
        for service in made:
            service.kill()
        store.kill()


@pytest.fixture(scope="module")
def operator(two: tuple[Service, Service]) -> Operator:
    return Operator(two[0].store)


Clients = Callable[[Made], tuple[httpx.Client, httpx.Client]]


@pytest.fixture
def clients(two: tuple[Service, Service]) -> Iterator[Clients]:
    """Makes a key's clients, one at each gateway."""
    with ExitStack() as opened:

        def make(made: Made) -> tuple[httpx.Client, httpx.Client]:
            return opened.enter_context(client_of(two[0], made)), opened.enter_context(client_of(two[1], made))

        yield make


def items(field: str) -> dict[str, dict[str, str]]:
    """A list of structured fields: the parameters of each item, as text."""
    found = {}
    for item in re.findall(r'("[^"]*"(?:;[a-z]+=(?:"[^"]*"|-?[0-9]+))*)(?:, |$)', field):
        name, *parameters = item.split(";")
        found[name.strip('"')] = dict(parameter.split("=", 1) for parameter in parameters)
    return found


def exceeded(answer: httpx.Response, policy: str) -> int:
    """The answer is as the draft has it; the seconds after which it is worth trying again."""
    document = problem(answer, 429, "quota_exceeded")
    assert document["type"] == TYPE
    assert document["violated-policies"] == [policy]
    seconds = int(answer.headers["retry-after"])
    standing = items(answer.headers["ratelimit"])[policy]
    assert int(standing.get("t", 0)) <= seconds
    assert seconds >= 1
    return seconds


def test_a_rate_holds_for_all_gateways_together(clients: Clients, operator: Operator) -> None:
    """However many ask at the same time, of two gateways, so many are let in as the key may, and one more for each
    second that the rest took.
    """
    one, other = clients(operator.make("rated", requests=Rate(count=30, seconds=30)))

    def ask(number: int) -> int:
        return (one, other)[number % 2].get("/v1/jobs").status_code

    begin = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(ask, range(80)))
    took = time.monotonic() - begin
    assert set(statuses) == {200, 429}
    assert 30 <= statuses.count(200) <= 31 + int(took)
    seconds = exceeded(one.get("/v1/jobs"), "requests")
    assert seconds == 1
    time.sleep(seconds + 0.1)
    assert other.get("/v1/jobs").status_code == 200


def test_what_is_left_is_told(two: tuple[Service, Service], clients: Clients, operator: Operator) -> None:
    """Each answer tells the policies of the key, and what is left of those that it was about; a key without any is told
    nothing, and so is who is refused.
    """
    limits = {"requests": Rate(count=60, seconds=60), "max_queued": 5, "pixels_per_hour": 1000}
    one, other = clients(operator.make("told", **limits))
    answer = one.get("/v1/jobs")
    assert items(answer.headers["ratelimit-policy"]) == {
        "requests": {"q": "60", "w": "60"},
        "pixels": {"q": "1000", "qu": '"pixels"', "w": "3600"},
        "queued": {"q": "5", "qu": '"concurrent-requests"'},
    }
    assert items(answer.headers["ratelimit"]) == {"requests": {"r": "59", "t": "1"}}
    posted = post(other, HUNDRED, wait=None)
    assert posted.status_code == 202
    left = items(posted.headers["ratelimit"])
    assert (left["requests"]["r"], left["pixels"]["r"], left["queued"]["r"]) == ("58", "900", "4")
    missing = other.get("/v1/jobs/" + "0" * 32)
    assert missing.status_code == 404
    assert items(missing.headers["ratelimit"])["requests"]["r"] == "57"
    free, _ = clients(operator.make("free"))
    assert not {"ratelimit", "ratelimit-policy"} & set(free.get("/v1/jobs").headers)
    assert "ratelimit" not in one.get("/v1/jobs", headers={"Authorization": ""}).headers


def test_pixels_of_an_hour(clients: Clients, operator: Operator) -> None:
    """Two gateways take no more pixels than the key may have; what is told of the time until there are enough is true
    of the rate at which they flow in.
    """
    one, other = clients(operator.make("pixels", pixels_per_hour=500))

    def send(number: int) -> httpx.Response:
        return post((one, other)[number % 2], encoded(noise(10, 10, seed=number)), wait=None)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(12)))
    assert sorted(answer.status_code for answer in answers) == [202] * 5 + [429] * 7
    seconds = [exceeded(answer, "pixels") for answer in answers if answer.status_code == 429]
    # Who is refused before his image was read is told when there is a pixel; who after that, when there are enough.
    assert all(1 <= each <= 3600 * 100 / 500 for each in seconds)
    assert len(one.get("/v1/jobs").json()["jobs"]) == 5


def test_an_image_that_never_fits(clients: Clients, operator: Operator) -> None:
    """It is said that waiting does not help, and no time is named after which a client would send it again for nothing;
    one that fits is told its time as before.
    """
    one, _ = clients(operator.make("small", pixels_per_hour=99))
    answer = post(one, HUNDRED, wait=None)
    document = problem(answer, 429, "quota_exceeded")
    assert document["violated-policies"] == ["pixels"]
    assert "never" in document["detail"]
    assert "retry-after" not in answer.headers
    assert items(answer.headers["ratelimit"]) == {"pixels": {"r": "99"}}
    assert post(one, encoded(noise(9, 11)), wait=None).status_code == 202
    assert exceeded(post(one, encoded(noise(9, 9)), wait=None), "pixels") <= 3600


def test_what_costs_no_pixels(clients: Clients, operator: Operator) -> None:
    """A request that is refused for another reason, one that is repeated, and a job that waits for another one's result
    cost nothing: nothing is computed for them.
    """
    one, other = clients(operator.make("thrifty", pixels_per_hour=250))
    for client in (one, other):
        assert post(client, b"no image", wait=None).status_code == 415
        assert post(client, HUNDRED, wait=None, n_clusters=0).status_code == 422
        assert post(client, HUNDRED[:-9], wait=None).status_code == 422
    keyed = {"Idempotency-Key": "k", "Content-Type": "image/png", "Cache-Control": ""}
    first = one.post("/v1/jobs", content=HUNDRED, headers=keyed)
    assert items(first.headers["ratelimit"])["pixels"]["r"] == "150"
    for _ in range(3):
        again = other.post("/v1/jobs", content=HUNDRED, headers=keyed)
        assert again.headers["idempotent-replayed"] == "true"
    joined = [other.post("/v1/jobs", content=HUNDRED, headers={**keyed, "Idempotency-Key": f"j{n}"}) for n in range(3)]
    assert [answer.status_code for answer in joined] == [202] * 3
    left = post(one, HUNDRED, wait=None, seed=1)
    assert items(left.headers["ratelimit"])["pixels"]["r"] in ("50", "51")  # some flow in meanwhile
    full = post(one, HUNDRED, wait=None, seed=2)
    exceeded(full, "pixels")
    replayed = other.post("/v1/jobs", content=HUNDRED, headers=keyed)
    assert replayed.headers["idempotent-replayed"] == "true", "what was taken before is answered, whatever is left"


def test_a_job_that_is_computed_all_the_same(
    two: tuple[Service, Service], clients: Clients, operator: Operator
) -> None:
    """Whoever waited for a job that is cancelled is computed instead, and its pixels are taken then, even those that
    are not there: nothing more is taken until they have flowed in, and what is told of the time until then is true.
    """
    made = operator.make("heirs", pixels_per_hour=250)
    one, other = clients(made)
    fields = {"Content-Type": "image/png", "Cache-Control": ""}
    jobs = [client.post("/v1/jobs", content=HUNDRED, headers=fields) for client in (one, other, one, other)]
    assert [answer.status_code for answer in jobs] == [202] * 4
    links = [answer.json()["links"]["cancel"] for answer in jobs]

    def left(answer: httpx.Response) -> int:
        return round(int(items(answer.headers["ratelimit"])["pixels"]["r"]), -1)  # some flow in meanwhile

    assert other.post(links[0]).status_code == 200
    assert left(post(one, encoded(noise(2, 5)), wait=None)) == 40
    for link in links[1:3]:  # the third takes the place, then the fourth
        assert other.post(link).status_code == 200
    seconds = exceeded(post(one, encoded(noise(2, 5, seed=2)), wait=None), "pixels")
    assert 0.9 <= seconds / ((160 + 1) * 3600 / 250) <= 1.01
    with two[0].store.client() as redis:
        owed = used_key(made.key.id, "owed")
        assert 155 <= int(redis.get(owed) or 0) <= 160
        assert 6 * 86_400 < redis.ttl(owed) <= 7 * 86_400
        redis.delete(used_key(made.key.id, "pixels"))  # as after an hour
        assert left(post(other, encoded(noise(2, 5, seed=3)), wait=None)) == 80
        assert not redis.exists(owed)
    assert left(post(other, encoded(noise(2, 5, seed=4)), wait=None)) == 70


def test_what_is_left_when_nothing_is_computed(clients: Clients, operator: Operator) -> None:
    """The answer to a job that costs no pixels, or is refused, tells what is left without what it might have cost."""
    one, other = clients(operator.make("given back", pixels_per_hour=1000, max_queued=5))

    def left(answer: httpx.Response) -> tuple[int, int]:
        found = items(answer.headers["ratelimit"])
        return round(int(found["pixels"]["r"]), -2), int(found["queued"]["r"])  # some pixels flow in meanwhile

    keyed = {"Idempotency-Key": "given", "Content-Type": "image/png", "Cache-Control": ""}
    assert left(one.post("/v1/jobs", content=HUNDRED, headers=keyed)) == (900, 4)
    joined = other.post("/v1/jobs", content=HUNDRED, headers={**keyed, "Idempotency-Key": "joined"})
    assert (joined.status_code, left(joined)) == (202, (900, 3)), "it waits, and nothing is computed for it"
    reused = other.post("/v1/jobs?n_clusters=2", content=HUNDRED, headers=keyed)
    problem(reused, 422, "idempotency_key_reused")
    assert left(post(one, HUNDRED, wait=None, seed=1)) == (800, 2)


def test_jobs_that_wait(clients: Clients, operator: Operator) -> None:
    """Together no more than the key may have wait; when some do no more, as many are taken again."""
    made = operator.make("queued", max_queued=6)
    one, other = clients(made)

    def send(number: int) -> httpx.Response:
        return post((one, other)[number % 2], encoded(noise(4, 4, seed=number)), wait=None)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(16)))
    taken = [answer.json() for answer in answers if answer.status_code == 202]
    assert len(taken) == 6
    for answer in answers:
        if answer.status_code != 202:
            exceeded(answer, "queued")
    for job in taken[:2]:
        assert one.post(job["links"]["cancel"]).status_code == 200
    assert one.delete(taken[2]["links"]["self"]).status_code == 204
    statuses = [send(100 + number).status_code for number in range(5)]
    assert statuses == [202, 202, 202, 429, 429]


def test_a_job_that_is_removed_waits_no_more(clients: Clients, operator: Operator) -> None:
    """Its place is free at once: who removes each job before the next one is never told that he has one waiting."""
    one, other = clients(operator.make("tidy", max_queued=1))
    for number in range(3):
        posted = post(one, HUNDRED, wait=None, seed=number)
        assert posted.status_code == 202
        assert other.delete(posted.headers["location"]).status_code == 204


def test_many_jobs_that_wait(two: tuple[Service, Service], clients: Clients, operator: Operator) -> None:
    """Among a thousand jobs of a key those that wait no more are found some at a time, and none that waits is lost."""
    made = operator.make("many", max_queued=1000)
    one, _ = clients(made)
    ids = [f"{number:032x}" for number in range(1000)]
    with two[0].store.client() as redis:
        for number, job_id in enumerate(ids):
            redis.hset(job_key(job_id), "status", "succeeded" if number >= 700 else "queued")
            redis.zadd(used_key(made.key.id, "queued"), {job_id: number})
        statuses = [post(one, HUNDRED, wait=None, seed=number).status_code for number in range(4)]
        assert statuses[-1] == 202
        kept = redis.zrange(used_key(made.key.id, "queued"), 0, -1)
        redis.delete(*map(job_key, ids))
    assert {job_id.encode() for job_id in ids[:700]} <= set(kept)


def test_what_is_kept_goes_by_itself(two: tuple[Service, Service], clients: Clients, operator: Operator) -> None:
    """A bucket that is full again leaves nothing in Redis."""
    made = operator.make("brief", requests=Rate(count=5, seconds=1))
    one, _ = clients(made)
    assert one.get("/v1/jobs").status_code == 200
    with two[0].store.client() as redis:
        assert 0 < redis.pttl(used_key(made.key.id, "requests")) <= 1000
        until(lambda: not redis.exists(used_key(made.key.id, "requests")), "nothing is kept", 1)


def test_a_clock_that_is_set_back(two: tuple[Service, Service], clients: Clients, operator: Operator) -> None:
    """What was kept by a clock that was ahead keeps nobody waiting: the bucket begins anew, and is used up as ever."""
    made = operator.make("ahead", requests=Rate(count=2, seconds=60))
    one, _ = clients(made)
    with two[0].store.client() as redis:
        redis.set(used_key(made.key.id, "requests"), f"{redis.time()[0] + 86_400}.000000")
    assert [one.get("/v1/jobs").status_code for _ in range(3)] == [200, 200, 429]
