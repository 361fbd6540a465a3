"""Requests that are sent again with their Idempotency-Key, to the same gateway or another one: one job."""

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.jobs import cancel as ending
from api.jobs.accept import Acceptance
from api.jobs.room import Room
from shared.contract.errors import IdempotencyConflict, IdempotencyKeyReused, QueueFull
from shared.contract.params import KMeansParams
from shared.jobs.keys import RequestKey
from shared.jobs.model import Upload, new_job, new_job_id
from shared.jobs.reservations import Reservations
from tests.support.bench import Bench
from tests.support.calling import SECRETS
from tests.support.calls import problem
from tests.support.gateway import gateway
from tests.support.images import SMALL_PNG, encoded, two_colors
from tests.support.processes import Service, StoreServer
from tests.support.uploading import half_sent
from tests.support.waiting import until

OTHER_PNG = encoded(two_colors(5, 5))
Send = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def pair(server: StoreServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Service]]:
    """Two gateways on one store and one folder, and no worker: what is queued stays so."""
    folder = tmp_path_factory.mktemp("pair")
    settings = {"max_upload_bytes": 100_000, "callback_secret": SECRETS[0]}
    one = Service(server, folder / "one", **settings)
    other = Service(server, folder / "other", **settings, blob_url=one.blobs.as_uri())
    try:
        one.start_gateway()
        other.start_gateway()
        yield one, other
    finally:
        one.kill()
        other.kill()


@pytest.fixture
def clients(pair: tuple[Service, Service]) -> Iterator[list[httpx.Client]]:
    with pair[0].client() as one, pair[1].client() as other:
        yield [one, other]


def send(client: httpx.Client, key: str, image: bytes = SMALL_PNG, **query: Any) -> httpx.Response:
    headers = {"Content-Type": "image/png", "Idempotency-Key": key}
    return client.post("/v1/jobs", content=image, params=query, headers=headers)


def accepted(answer: httpx.Response, *, replayed: bool) -> dict[str, Any]:
    """The job of a request that was taken, now or before."""
    assert answer.status_code == 202, answer.text
    assert answer.headers.get("idempotent-replayed") == ("true" if replayed else None)
    job: dict[str, Any] = answer.json()
    assert answer.headers["location"] == job["links"]["self"]
    return job


def uploads_of(service: Service) -> list[str]:
    return sorted(path.name for path in service.blob_files() if "uploads" in path.parts)


def test_the_same_request_is_one_job(clients: list[httpx.Client], pair: tuple[Service, Service]) -> None:
    """Sent again, to whichever gateway, it is answered with its job, and what was uploaded again is gone."""
    key, before = uuid4().hex, uploads_of(pair[0])
    job = accepted(send(clients[0], key), replayed=False)
    for client in (*clients, *clients):
        assert accepted(send(client, key), replayed=True) == job
    assert set(uploads_of(pair[0])) - set(before) == {job["id"]}


def _form(client: httpx.Client, key: str, params: str) -> httpx.Response:
    files = {"image": ("photo.png", SMALL_PNG), "params": (None, params)}
    return client.post("/v1/jobs", files=files, headers={"Idempotency-Key": key})


def _json(client: httpx.Client, key: str, **members: Any) -> httpx.Response:
    return client.post("/v1/jobs", json=members, headers={"Idempotency-Key": key})


def _stored(client: httpx.Client, key: str) -> httpx.Response:
    sha256 = client.post("/v1/images", content=SMALL_PNG, headers={"Content-Type": "image/png"}).json()["sha256"]
    return _json(client, key, seed=7, n_clusters=3, image_sha256=sha256)


SAME: dict[str, Callable[[httpx.Client, str], httpx.Response]] = {
    "query": lambda client, key: send(client, key, seed=7, n_clusters=3),
    "form": lambda client, key: _form(client, key, '{"n_clusters": 3, "seed": 7}'),
    "form, other order": lambda client, key: _form(client, key, '{"seed":7,"n_clusters":3}'),
    "defaults spelled out": lambda client, key: _form(
        client, key, json.dumps({"algorithm": "kmeans", "engine": "exact", "seed": 7, "n_clusters": 3, "outputs": []})
    ),
    "base64": lambda client, key: _json(
        client, key, n_clusters=3, image_base64=base64.b64encode(SMALL_PNG).decode(), seed=7
    ),
    "stored image": _stored,
}


@pytest.mark.parametrize("way", SAME)
def test_how_a_request_is_written_does_not_count(clients: list[httpx.Client], way: str) -> None:
    """Neither the form, nor its boundary, nor the order of members, nor defaults that are given make it another one."""
    key = uuid4().hex
    job = accepted(send(clients[0], key, n_clusters=3, seed=7), replayed=False)
    assert accepted(SAME[way](clients[1], key), replayed=True)["id"] == job["id"]


@pytest.mark.parametrize(
    "other",
    [
        {"image": OTHER_PNG},
        {"seed": 1},
        {"algorithm": "optics"},
        {"timeout": 9},
        {"outputs": "card"},
        {"names": "xkcd"},
        {"client_reference": "another"},
        {"tags": "sea"},
        {"priority": "batch"},
        {"callback_url": "https://example.com/told"},
    ],
    ids=str,
)
def test_another_request_with_the_key_is_refused(clients: list[httpx.Client], pair: Any, other: dict[str, Any]) -> None:
    """Another image or other parameters: 422, whatever the gateway; the first job stays, and nothing else is left."""
    key = uuid4().hex
    job = accepted(send(clients[0], key), replayed=False)
    before = uploads_of(pair[0])
    for client in clients:
        document = problem(send(client, key, **other), 422, "idempotency_key_reused")
        assert "a key of its own" in document["detail"]
    assert uploads_of(pair[0]) == before
    assert accepted(send(clients[1], key), replayed=True) == job


def test_a_mask_makes_another_request(clients: list[httpx.Client]) -> None:
    """The mask's bytes count as the image's do, and which is which."""
    key, mask = uuid4().hex, encoded(two_colors())

    def masked(client: httpx.Client, image: bytes, mask: bytes) -> httpx.Response:
        files = {"image": ("a.png", image), "mask": ("m.png", mask)}
        return client.post("/v1/jobs", files=files, headers={"Idempotency-Key": key})

    image = encoded(255 - two_colors())
    accepted(masked(clients[0], image, mask), replayed=False)
    accepted(masked(clients[1], image, mask), replayed=True)
    problem(masked(clients[1], mask, image), 422, "idempotency_key_reused")
    problem(send(clients[1], key, image), 422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([b""], "is empty"),
        ([b"a" * 256], "has 256 characters"),
        ([b"two words"], "has a space"),
        ([b"caf\xc3\xa9"], "not visible ASCII"),
        ([b"a\tb"], "not visible ASCII"),
        ([b"one", b"two"], "more than once"),
    ],
)
def test_what_is_no_key(clients: list[httpx.Client], lines: list[bytes], what: str) -> None:
    """A key that is empty, too long, or has other characters is a problem that says where, what and what to do."""
    headers = [(b"Content-Type", b"image/png"), *((b"Idempotency-Key", line) for line in lines)]
    answer = clients[0].post("/v1/jobs", content=SMALL_PNG, headers=headers)
    (error,) = problem(answer, 400, "invalid_idempotency_key")["errors"]
    assert error["field"] == "Idempotency-Key"
    assert what in error["message"]
    assert "1 to 255 visible ASCII characters" in error["message"]


def test_the_longest_key_and_the_strangest(clients: list[httpx.Client]) -> None:
    """255 characters are a key, and so is each visible one; keys that differ in one character are two."""
    for key in (uuid4().hex.ljust(255, "x"), '"' + uuid4().hex + '"', "".join(map(chr, range(0x21, 0x7F)))):
        job = accepted(send(clients[0], key, seed=1), replayed=False)
        assert accepted(send(clients[1], key, seed=1), replayed=True)["id"] == job["id"]
        assert accepted(send(clients[1], key[:-1] + "y", seed=1), replayed=False)["id"] != job["id"]


@pytest.mark.parametrize(
    ("image", "query", "status"),
    [
        (SMALL_PNG, {"n_clusters": 0}, 422),
        (b"no image", {}, 415),
        (SMALL_PNG[:-20], {}, 422),
        (bytes(100_001), {}, 413),
    ],
    ids=["parameters", "no image", "cut off", "too large"],
)
def test_a_refused_request_does_not_use_its_key_up(
    clients: list[httpx.Client], image: bytes, query: dict[str, Any], status: int
) -> None:
    """What was refused was no request: with its key the right one is taken, at once."""
    key = uuid4().hex
    assert send(clients[0], key, image, **query).status_code == status
    accepted(send(clients[1], key), replayed=False)


def test_the_first_is_still_being_received(clients: list[httpx.Client], pair: tuple[Service, Service]) -> None:
    """Meanwhile the key is taken, at every gateway: 409, and when to come again; afterwards its job is the answer."""
    key = uuid4().hex
    with half_sent(pair[0].url, **{"Idempotency-Key": key}) as first:
        for client in clients:
            answer = send(client, key)
            problem(answer, 409, "idempotency_conflict")
            assert int(answer.headers["Retry-After"]) >= 1
        first.go_on()
        job = accepted(first.answer.result(), replayed=False)
    assert accepted(send(clients[1], key), replayed=True)["id"] == job["id"]


def test_an_upload_that_is_broken_off_frees_its_key(clients: list[httpx.Client], pair: tuple[Service, Service]) -> None:
    """The client goes away in mid-upload, and comes back."""
    key = uuid4().hex

    def cut() -> Iterator[bytes]:
        yield SMALL_PNG[:50]
        raise ConnectionResetError("the client is gone")

    headers = {"Content-Type": "image/png", "Idempotency-Key": key}
    with pair[0].client() as leaving, pytest.raises(ConnectionResetError):
        leaving.post("/v1/jobs", content=cut(), headers=headers)
    until(lambda: send(clients[1], key).status_code == 202, "the key is free", 5)


def test_many_at_once_are_one_job(clients: list[httpx.Client], pair: tuple[Service, Service]) -> None:
    """However the same requests race, at two gateways, one job comes of them; who is too early is told so."""
    for _ in range(5):
        key = uuid4().hex
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda turn, key=key: send(clients[turn % 2], key), range(12)))
        taken = [answer for answer in answers if answer.status_code == 202]
        assert [a for a in answers if a.status_code not in (202, 409)] == []
        assert len([a for a in taken if "idempotent-replayed" not in a.headers]) == 1
        assert len({answer.json()["id"] for answer in taken}) == 1


def test_a_deleted_job_is_not_made_again(clients: list[httpx.Client]) -> None:
    """Its key is used: the answer says so, and what to do."""
    key = uuid4().hex
    job = accepted(send(clients[0], key), replayed=False)
    assert clients[0].delete(job["links"]["self"]).status_code == 204
    document = problem(send(clients[1], key), 404, "not_found")
    assert job["id"] in document["detail"]
    assert "another Idempotency-Key" in document["detail"]


def test_a_repeated_request_finds_its_finished_job(client: httpx.Client) -> None:
    """When the job has ended meanwhile it is the answer, with its result; who waits for it waits for its end."""
    key = uuid4().hex
    headers = {"Content-Type": "image/png", "Idempotency-Key": key, "Prefer": "wait=30"}
    first = client.post("/v1/jobs", content=SMALL_PNG, headers=headers)
    assert (first.status_code, first.json()["status"]) == (200, "succeeded")
    again = client.post("/v1/jobs", content=SMALL_PNG, headers=headers)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert again.json() == first.json()
    assert send(client, key).json() == first.json()


def test_a_repeated_request_needs_no_room(bench: Bench) -> None:
    """Where no more jobs are taken, who asks again what has become of his is told; and a refused one frees its key."""
    key, other = RequestKey("first"), RequestKey("second")
    with gateway(bench.settings) as parts:
        acceptance = Acceptance(parts.store, Reservations(parts.redis), parts.blobs, parts.quotas, Room(parts.store, 1))

        async def ask(key: RequestKey, sha256: str = "0" * 64) -> Any:
            job_id = new_job_id()
            async with acceptance.place(job_id, key):
                upload = Upload(key=f"uploads/{job_id}", size=3, sha256=sha256)
                return await acceptance.accept(new_job(job_id, KMeansParams(), upload), key)

        job = parts.run(ask(key)).job
        assert parts.run(ask(key)).job.id == job.id
        with pytest.raises(IdempotencyKeyReused):
            parts.run(ask(key, "1" * 64))
        for _ in range(2):
            with pytest.raises(QueueFull):
                parts.run(ask(other))
        parts.run(ending.cancel(job, parts.store, parts.blobs))
        assert parts.run(ask(other)).replayed is False


def test_a_reservation_ends_with_its_lease(bench: Bench) -> None:
    """Of a gateway that is gone nothing is left; one that was only slow finds out when it creates its job."""
    key, slow, quick = RequestKey("one"), new_job_id(), new_job_id()
    with gateway(bench.settings) as parts, bench.server.client() as redis:
        reservations = Reservations(parts.redis)
        assert parts.run(reservations.reserve(key, slow)) == "ours"
        assert parts.run(reservations.reserve(key, quick)) == "taken"
        (name,) = redis.keys("huemill:idempotency:*")
        assert 0 < redis.pttl(name) <= 10_000
        redis.delete(name)  # as its lease does
        assert parts.run(reservations.reserve(key, quick)) == "ours"

        def create(job_id: str) -> Any:
            upload = Upload(key=f"uploads/{job_id}", size=3, sha256="0" * 64)
            return parts.run(parts.store.create(new_job(job_id, KMeansParams(), upload), key))

        with pytest.raises(IdempotencyConflict):
            create(slow)
        assert create(quick).job_id == quick
        assert create(slow).job_id == quick
        assert parts.run(reservations.reserve(key, slow)) == "used"
        assert 86_000 < redis.ttl(name) <= 86_400


def test_keys_of_two_owners_are_two(bench: Bench) -> None:
    """The same text means something else of somebody else."""
    mine, theirs = RequestKey("one", "a"), RequestKey("one", "b")
    with gateway(bench.settings) as parts:

        def create(key: RequestKey) -> Any:
            job_id = new_job_id()
            upload = Upload(key=f"uploads/{job_id}", size=3, sha256="0" * 64)
            return parts.run(parts.store.create(new_job(job_id, KMeansParams(), upload), key))

        first, second = create(mine), create(theirs)
        assert first.job_id != second.job_id
        assert (create(mine).job_id, create(theirs).job_id) == (first.job_id, second.job_id)
