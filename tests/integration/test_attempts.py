"""Attempts that end before their jobs do, and jobs that are cancelled, in a real Valkey and a real Redis."""

from pathlib import Path

import pytest

from shared.jobs.codec import dump_attempts
from shared.jobs.keys import DUE
from shared.jobs.model import Job, JobStatus, Loss, Move, given_up
from shared.jobs.moves import hold_of
from shared.storage.sync_blobs import SyncBlobs
from tests.support.bench import Bench, events_of, worker_store
from tests.support.defects import run_with_a_defect
from tests.support.images import SMALL_PNG


def lost(bench: Bench, job: Job, loss: Loss) -> Job:
    """The job after its guard told the loss, and a sweep."""
    assert bench.guard.lose(hold_of(job), loss)
    bench.sweep()
    found = bench.get(job)
    assert found is not None
    return found


def test_attempts_are_kept_with_their_reasons(bench: Bench) -> None:
    """A job says of every attempt which worker it was, when, and why it ended; the last one gives the job's error."""
    job = bench.claimed()
    first = lost(bench, job, Loss.OUT_OF_MEMORY)
    assert (first.status, first.attempt) == (JobStatus.QUEUED, 1)
    again = bench.worker.claim(job.id)
    assert again is not None
    second = lost(bench, again, Loss.WORKER_LOST)
    assert (second.status, second.error and second.error.code) == (JobStatus.FAILED, "worker_lost")
    reasons = [(attempt.attempt, attempt.worker, attempt.reason) for attempt in second.attempts]
    assert reasons == [(1, "mill:1/2", "out_of_memory"), (2, "mill:1/2", "worker_lost")]
    assert all(attempt.ended_at and attempt.started_at <= attempt.ended_at for attempt in second.attempts)


def test_a_success_ends_its_attempt_without_a_reason(bench: Bench) -> None:
    """The attempt that succeeded has an end and no reason."""
    job = bench.claimed()
    bench.worker.succeed(job, "results/x/")
    found = bench.get(job)
    assert found is not None
    (attempt,) = found.attempts
    assert attempt.ended_at is not None
    assert attempt.reason is None


def test_an_attempt_of_a_stopped_worker_does_not_count(bench: Bench) -> None:
    """However often workers are stopped, the job goes back and keeps its attempts."""
    job = bench.claimed()
    for _ in range(bench.settings.max_attempts + 2):
        found = lost(bench, job, Loss.WORKER_STOPPED)
        assert (found.status, found.attempt) == (JobStatus.QUEUED, 0)
        again = bench.worker.claim(job.id)
        assert again is not None
        assert again.attempt == 1
        job = again


def test_a_job_that_timed_out_is_not_tried_again(bench: Bench) -> None:
    """It would take as long the next time: it fails at its first attempt."""
    found = lost(bench, bench.claimed(), Loss.TIMEOUT)
    assert (found.status, found.error and found.error.code) == (JobStatus.FAILED, "timeout")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (5.0, "5 s, the `timeout` that it was posted with. Give it more, send a smaller image"),
        (None, "120 s, which is its limit. Send a smaller image"),
        (120.0, "120 s, which is its limit. Send a smaller image"),
        (500.0, "120 s, which is its limit. Send a smaller image"),
    ],
)
def test_more_time_is_advised_where_more_can_be_had(asked: float | None, words: str) -> None:
    """A client's `timeout` was the reason only where it was below the service's limit."""
    assert words in given_up(Loss.TIMEOUT, 1, 120.0, asked).message


def test_a_lost_attempt_leaves_no_files(bench: Bench) -> None:
    """What a lost attempt has written of its result is taken away; the upload stays for the next one."""
    job = bench.claimed()
    SyncBlobs(bench.settings.blob_url).write(f"results/{job.id}/1/result.json", b"{}")
    lost(bench, job, Loss.WORKER_LOST)
    files = [path for path in Path(bench.settings.blob_url.removeprefix("file://")).rglob("*") if path.is_file()]
    assert [path.parent.name for path in files] == ["uploads"]


def test_a_defect_ends_a_job_as_internal(bench: Bench) -> None:
    """What a decoder of ours raises is no fault of the image: the job says `internal`, and the log has the trace."""
    job = bench.create()
    SyncBlobs(bench.settings.blob_url).write(job.upload.key, SMALL_PNG)
    log = run_with_a_defect(bench.settings, job.id)
    found = bench.get(job)
    assert found is not None
    assert (found.status, found.error and found.error.code) == (JobStatus.FAILED, "internal")
    assert "slip" not in str(found.error)
    assert "TypeError: a slip of ours" in log


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_cancelled_job_is_over_at_once(bench: Bench, state: str) -> None:
    """Cancelled, a job never runs again, its worker is refused, and its last event says so."""
    job = bench.create() if state == "queued" else bench.claimed()
    found = bench.ask(lambda store: store.cancel(job))
    assert found is not None
    assert found.status is JobStatus.CANCELLED
    assert found.expires_at is not None
    assert bench.worker.claim(job.id) is None
    assert not bench.guard.renew(hold_of(job))
    if state == "running":
        assert not bench.worker.succeed(job, "results/x/")
        assert [attempt.reason for attempt in found.attempts] == ["cancelled"]
    assert events_of(bench, job)[-1].name == "cancelled"


def test_a_cancel_does_not_lose_a_race(bench: Bench) -> None:
    """A job that was claimed since it was read is cancelled all the same; one that ended stays as it is."""
    job = bench.create()
    claimed = bench.worker.claim(job.id)
    assert claimed is not None
    found = bench.ask(lambda store: store.cancel(job))
    assert found is not None
    assert found.status is JobStatus.CANCELLED
    done = bench.claimed()
    bench.worker.succeed(done, "results/x/")
    found = bench.ask(lambda store: store.cancel(done))
    assert found is not None
    assert found.status is JobStatus.SUCCEEDED


def test_a_move_whose_answer_was_lost_counts_as_done(bench: Bench) -> None:
    """A move that is sent again because its answer was lost is refused then, and yet was the worker's own."""
    job = bench.claimed()
    ended = job.model_copy(update={"attempts": job.attempts_ended(None)})
    moved = bench.worker._move(job, Move.SUCCEED, 9, {"attempts": dump_attempts(ended.attempts)}, {})
    again = bench.worker._move(job, Move.SUCCEED, 9, {"attempts": dump_attempts(ended.attempts)}, {})
    assert (moved, again) == (True, True)
    assert [event.name for event in events_of(bench, job)].count("succeeded") == 1


def test_queued_jobs_are_counted(bench: Bench) -> None:
    """A job counts from when it is accepted to when it is claimed, and again when it comes back."""

    def queued() -> int:
        return bench.ask(lambda store: store.queued())

    jobs = [bench.create() for _ in range(3)]
    assert queued() == 3
    claimed = bench.worker.claim(jobs[0].id)
    assert claimed is not None
    assert queued() == 2
    lost(bench, claimed, Loss.WORKER_LOST)
    assert queued() == 3
    bench.ask(lambda store: store.cancel(jobs[1]))
    bench.ask(lambda store: store.forget(jobs[2].id))
    assert queued() == 1


def test_a_long_queue_is_not_filled_with_messages(bench: Bench) -> None:
    """The longer a job waits, the rarer are its messages; after an attempt it begins anew."""
    job = bench.create()
    waits = []
    for _ in range(4):
        bench.let_time_come(job)
        bench.sweep()
        with bench.server.client() as client:
            seconds, _ = client.time()
            waits.append(round((client.zscore(DUE, job.id) - seconds) / bench.settings.resend_seconds))
    assert waits == [2, 4, 8, 16]
    assert bench.messages() == 4


def test_what_a_worker_read_before_a_return_is_not_written(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that comes while its job is given back does not overwrite how the attempt before it ended."""
    job = bench.claimed()
    late = worker_store(bench.settings, "mill:3/4")
    read = late._redis.hgetall

    def read_slowly(key: str) -> object:
        fields = read(key)
        lost(bench, job, Loss.WORKER_STOPPED)
        return fields

    monkeypatch.setattr(late._redis, "hgetall", read_slowly)
    assert late.claim(job.id) is None
    found = bench.get(job)
    assert found is not None
    assert (found.status, found.attempt) == (JobStatus.QUEUED, 0)
    assert [attempt.reason for attempt in found.attempts] == ["worker_stopped"]


def test_what_a_cancel_read_before_a_return_is_not_written(bench: Bench) -> None:
    """A job that is given back while it is cancelled keeps the reason for which its attempt ended."""
    job = bench.claimed()
    lost(bench, job, Loss.WORKER_STOPPED)
    found = bench.ask(lambda store: store.cancel(job))
    assert found is not None
    assert (found.status, found.attempt) == (JobStatus.CANCELLED, 0)
    assert [attempt.reason for attempt in found.attempts] == ["worker_stopped"]
