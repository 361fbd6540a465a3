"""Records of earlier and later versions: read as far as they are needed, in the way of nobody."""

from datetime import timedelta

import orjson
import pytest

from shared.contract.errors import UnknownParameters
from shared.contract.params import KMeansParams
from shared.jobs.codec import decode, encode
from shared.jobs.keys import DUE, events_key, job_key, queued_key
from shared.jobs.model import JobError, JobStatus, UnknownParams, now
from shared.jobs.routing import FAST
from shared.storage.sync_blobs import SyncBlobs
from tests.support.bench import Bench, followed
from tests.support.placed import come_due, due_in, files, found, placed
from tests.support.records import (
    ARCHIVED,
    ID,
    NEARLY_KNOWN,
    PAUSED,
    RESULT,
    UPLOAD,
    VERSIONS,
)

every_version = pytest.mark.parametrize("version", VERSIONS)
every_state = pytest.mark.parametrize("state", ["queued", "running", "succeeded"])


def test_what_this_version_writes() -> None:
    """A new record has all members that it had when its bytes were written down here, and says what was given."""
    placed_here = VERSIONS["this"]["queued"]
    job = decode(placed_here)
    assert job is not None
    written = encode(job)
    fixed, frozen = orjson.loads(written["record"]), orjson.loads(placed_here[b"record"])
    assert frozen.pop("params").items() <= fixed.pop("params").items()
    assert frozen.items() <= fixed.items()
    beside = {name.encode(): str(value).encode() for name, value in written.items() if name != "record"}
    assert {name: value for name, value in placed_here.items() if name != b"record"}.items() <= beside.items()


@every_version
def test_a_queued_job_is_sent_again(bench: Bench, version: str) -> None:
    """Its message was lost: whatever its parameters are, the sweep sends it once more."""
    placed(bench, VERSIONS[version]["queued"])
    bench.sweep()
    bench.sweep()
    assert bench.messages() == 1
    assert found(bench).resends == 1


@every_version
def test_a_job_of_an_empty_queue_is_sent_again(bench: Bench, version: str) -> None:
    """So it is where its time has not come, but no message is there."""
    placed(bench, VERSIONS[version]["queued"])
    with bench.server.client() as client:
        client.zadd(DUE, {ID: client.time()[0] + 20})
    bench.sweep()
    assert bench.messages() == 1


def test_a_job_that_waited_for_months_is_sent_again(bench: Bench) -> None:
    """However often its message was sent, the next one is at most an hour away; and it hides no other."""
    placed(bench, {**VERSIONS["this"]["queued"], b"resends": b"5000"})
    job = bench.create()
    bench.let_time_come(job)
    bench.sweep()
    assert bench.messages() == 2
    assert 3600 < due_in(bench) <= 64 * 60 + 1


@every_version
def test_a_running_job_is_rescued(bench: Bench, version: str) -> None:
    """Its worker is lost: it goes back to the queue, and what was told of its attempts stays, whoever knows it."""
    placed(bench, VERSIONS[version]["running"])
    bench.sweep()
    job = found(bench)
    assert (job.status, job.attempt, [attempt.reason for attempt in job.attempts]) == ("queued", 1, ["worker_lost"])
    assert bench.messages() == 1
    with bench.server.client() as client:
        (attempt,) = orjson.loads(client.hget(job_key(ID), "attempts"))
        fields = client.hgetall(job_key(ID))
    assert attempt.get("host") == ({"gpus": 2} if version == "later" else None)
    assert fields[b"record"] == VERSIONS[version]["running"][b"record"]
    assert fields.get(b"sketch") == VERSIONS[version]["running"].get(b"sketch")


@every_version
@pytest.mark.parametrize("loss", ["timeout", "evicted"])
def test_a_running_job_is_given_up(bench: Bench, version: str, loss: str) -> None:
    """Attempts that end for reasons known and unknown: at the last one the job fails, for that reason."""
    last = {**VERSIONS[version]["running"], b"attempt": b"2", b"loss": loss.encode()}
    placed(bench, last)
    bench.sweep()
    job = found(bench)
    assert (job.status, job.error and job.error.code, job.attempts[-1].reason) == ("failed", loss, loss)
    assert job.error is not None
    assert loss in ("timeout", "evicted")
    assert "its limit" in job.error.message if loss == "timeout" else loss in job.error.message


@every_version
def test_an_unknown_loss_is_tried_again(bench: Bench, version: str) -> None:
    """A reason that is not known here is one like the worker's death: the job gets its next attempt."""
    placed(bench, {**VERSIONS[version]["running"], b"loss": b"evicted"})
    bench.sweep()
    job = found(bench)
    assert (job.status, job.attempts[-1].reason, job.loss) == ("queued", "evicted", None)


@every_version
@every_state
def test_it_is_cancelled(bench: Bench, version: str, state: str) -> None:
    """What has not ended ends by a cancel; what has stays as it is."""
    placed(bench, VERSIONS[version][state])
    job = bench.ask(lambda store: store.cancel(found(bench)))
    assert job is not None
    assert job.status == ("succeeded" if state == "succeeded" else "cancelled")
    assert all(attempt.ended_at for attempt in job.attempts)
    with bench.server.client() as client:
        assert client.zcard(queued_key(FAST)) == 0


@every_version
@every_state
def test_it_settles_and_expires(bench: Bench, version: str, state: str) -> None:
    """An ended job loses its upload, then its result, and stays a while as a bare record."""
    placed(bench, VERSIONS[version][state])
    bench.ask(lambda store: store.cancel(found(bench)))
    assert files(bench) == ({UPLOAD, RESULT} if state == "succeeded" else {UPLOAD})
    come_due(bench)
    bench.sweep()
    assert files(bench) == ({RESULT} if state == "succeeded" else set())
    come_due(bench)
    bench.sweep()
    assert files(bench) == set()
    with bench.server.client() as client:
        assert client.zscore(DUE, ID) is None
        assert client.exists(events_key(ID)) == 0
        assert client.ttl(job_key(ID)) > 0


@every_version
@every_state
def test_its_files_are_no_orphans(bench: Bench, version: str, state: str) -> None:
    """The collector leaves what a record may still need, and files of a kind that is not known here."""
    placed(bench, VERSIONS[version][state])
    strange = f"results/{ID}/palette/card.png"
    SyncBlobs(bench.settings.blob_url).write(strange, b"x")
    before = files(bench)
    bench.collect()
    assert files(bench) == before


@pytest.mark.parametrize("version", ["earlier", "this"])
def test_a_worker_claims_it(bench: Bench, version: str) -> None:
    """A job that waited while its service was brought to this version is done."""
    placed(bench, VERSIONS[version]["queued"])
    job = bench.worker.claim(ID)
    assert job is not None
    assert job.known_params == KMeansParams(n_clusters=3)


def test_what_is_not_known_and_not_given_changes_nothing(bench: Bench) -> None:
    """A parameter of a later version that has its default is passed over: a deploy does not stop older workers."""
    placed(bench, NEARLY_KNOWN)
    job = bench.worker.claim(ID)
    assert job is not None
    assert job.known_params == KMeansParams(n_clusters=3)


def test_what_is_not_known_and_given_is_not_guessed(bench: Bench) -> None:
    """A parameter of a later version that somebody asked for is not passed over, nor is a value that is not known."""
    asked = NEARLY_KNOWN[b"record"].replace(b'"given":[', b'"given":["frames",')
    for record in (asked, NEARLY_KNOWN[b"record"].replace(b'"exact"', b'"gpu"')):
        placed(bench, {**NEARLY_KNOWN, b"record": record})
        with pytest.raises(UnknownParameters):
            bench.worker.claim(ID)


def test_a_worker_leaves_what_it_does_not_know(bench: Bench) -> None:
    """A job of a later version stays queued, is sent again soon, and then ever more rarely."""
    placed(bench, VERSIONS["later"]["queued"])
    with pytest.raises(UnknownParameters, match="spectral"):
        bench.worker.claim(ID)
    job = found(bench)
    assert isinstance(job.params, UnknownParams)
    assert (job.status, job.attempt, job.claim, job.attempts) == ("queued", 0, 0, ())
    assert 3 < due_in(bench) <= 6
    bench.sweep()
    assert bench.messages() == 0, "it has a pace of its own, although its queue is empty"
    come_due(bench)
    bench.sweep()
    assert bench.messages() == 1
    with bench.server.client() as client:
        client.hset(job_key(ID), "refused_at", (now() - timedelta(seconds=30)).isoformat())
    with pytest.raises(UnknownParameters):
        bench.worker.claim(ID)
    assert 28 < due_in(bench) <= 32


def test_a_job_that_no_worker_knows_fails(bench: Bench) -> None:
    """After a quarter of an hour of refusals the job ends, with its reason, as a job that was never begun."""
    placed(bench, VERSIONS["later"]["queued"])
    with pytest.raises(UnknownParameters):
        bench.worker.claim(ID)
    with bench.server.client() as client:
        client.hset(job_key(ID), "refused_at", (now() - timedelta(seconds=901)).isoformat())
    come_due(bench)
    bench.sweep()
    job = found(bench)
    assert (job.status, job.attempt, job.attempts) == (JobStatus.FAILED, 0, ())
    assert job.error is not None
    assert (job.error.code, job.error.retryable) == ("unknown_parameters", True)
    assert bench.messages() == 0
    with bench.server.client() as client:
        assert client.zcard(queued_key(FAST)) == 0
        assert client.xrevrange(events_key(ID), count=1)[0][1][b"name"] == b"failed"


def test_a_late_sweep_rejects_nothing(bench: Bench) -> None:
    """A sweep that read the job before another one sent it leaves it alone: it may be on its way to who knows it."""
    placed(bench, VERSIONS["later"]["queued"])
    read = found(bench)
    bench.sweep()
    error = JobError(code="unknown_parameters", message="nobody knows them")
    assert not bench.ask_sweep(lambda store: store.reject(read, error))
    assert found(bench).status is JobStatus.QUEUED


def test_a_refusal_is_forgotten_when_somebody_knows(bench: Bench) -> None:
    """A job that was refused, then run by a later worker and lost, is refused anew before it is given up."""
    placed(bench, VERSIONS["this"]["queued"])
    with bench.server.client() as client:
        client.hset(job_key(ID), "refused_at", (now() - timedelta(seconds=901)).isoformat())
    assert bench.worker.claim(ID) is not None
    assert found(bench).refused_at is None


def test_a_state_that_is_no_end_is_left_alone(bench: Bench) -> None:
    """A sweep does nothing to a job in a state that it does not know, but its client may end it."""
    placed(bench, PAUSED)
    with bench.server.client() as client:
        before = client.hgetall(job_key(ID))
        bench.sweep()
        assert client.hgetall(job_key(ID)) == before
    assert due_in(bench) > 30
    bench.collect()
    assert files(bench) == {UPLOAD}
    assert bench.worker.claim(ID) is None
    job = bench.ask(lambda store: store.cancel(found(bench)))
    assert job is not None
    assert job.status is JobStatus.CANCELLED


def test_an_end_that_is_not_known_is_an_end(bench: Bench) -> None:
    """It is not cancelled, not claimed; its events end; it settles and expires."""
    placed(bench, ARCHIVED)
    job = bench.ask(lambda store: store.cancel(found(bench)))
    assert job is not None
    assert (job.status, job.ended) == ("archived", True)
    assert bench.worker.claim(ID) is None
    bench.collect()
    assert files(bench) == {UPLOAD, RESULT}

    assert followed(bench, ID) == ["queued"]
    bench.sweep()
    assert files(bench) == {RESULT}, "it settles: its upload goes, and nothing else"
    come_due(bench)
    bench.sweep()
    assert files(bench) == set()


def test_a_later_worker_is_heard_in_an_earlier_gateway(bench: Bench) -> None:
    """Names of workers, and of jobs that are due, that are no text stop nobody."""
    with bench.server.client() as client:
        client.zadd("huemill:workers", {b"\xff\xfe": client.time()[0]})
        client.zadd(DUE, {b"\xff\xfe": 0})
        client.zadd(queued_key(FAST), {b"\xff\xfe": 0})
        assert len(bench.ask(lambda store: store.workers())) == 1
        bench.sweep()
        assert (client.zcard(DUE), client.zcard(queued_key(FAST))) == (0, 0)
