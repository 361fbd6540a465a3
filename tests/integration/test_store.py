"""Job records and their moves, in a real Valkey and a real Redis."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from api.upkeep import sweeper
from shared.contract.errors import NotFound
from shared.jobs import sweep as sweep_store
from shared.jobs.keys import DUE, job_key
from shared.jobs.model import JobError, JobStatus, Loss, Progress, now
from shared.jobs.moves import EVENTS_KEPT, hold_of
from shared.jobs.routing import FAST
from shared.storage.keys import attempt_prefix, result_prefix
from shared.storage.sync_blobs import SyncBlobs
from tests.support.bench import Bench, events_of
from tests.support.gateway import gateway


def test_a_stored_job_comes_back_as_it_was(bench: Bench) -> None:
    """A record survives its way through Redis with every field."""
    job = bench.create()
    assert bench.get(job) == job


def test_an_unknown_job_is_nothing(bench: Bench) -> None:
    """No record, no job; and a worker has nothing to claim."""
    assert bench.ask(lambda store: store.get("nobody")) is None
    assert bench.worker.claim("nobody") is None


def test_a_claim_makes_a_job_running(bench: Bench) -> None:
    """A claim sets status, attempt, fencing token and the time of the start."""
    job = bench.claimed()
    found = bench.get(job)
    assert found is not None
    assert (found.status, found.attempt, found.claim) == (JobStatus.RUNNING, 1, 1)
    assert found.started_at is not None
    assert found.created_at <= found.started_at <= now()


def test_of_many_claims_one_wins(bench: Bench) -> None:
    """A message that is delivered twenty times gives the job to one worker."""
    job = bench.create()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(bench.worker.claim, [job.id] * 20))
    assert sum(answer is not None for answer in answers) == 1


def test_progress_is_stored_and_told(bench: Bench) -> None:
    """A report is both the job's progress and an event."""
    job = bench.claimed()
    assert bench.worker.report(job, Progress(stage="cluster", fraction=0.5))
    assert bench.worker.succeed(job, "results/x/")
    found = bench.get(job)
    assert found is not None
    assert found.result_key == "results/x/"
    assert [event.name for event in events_of(bench, job)] == ["queued", "running", "progress", "succeeded"]
    assert events_of(bench, job)[2].data == {"stage": "cluster", "fraction": 0.5}


def test_a_renewed_lease_says_nothing(bench: Bench) -> None:
    """Keeping a lease writes no event, and keeps the sweep away."""
    job = bench.claimed()
    bench.let_time_come(job)
    assert bench.guard.renew(hold_of(job))
    assert bench.ask_sweep(lambda store: store.due()) == []
    bench.worker.succeed(job, "results/x/")
    assert [event.name for event in events_of(bench, job)] == ["queued", "running", "succeeded"]


def test_a_stale_worker_is_refused(bench: Bench) -> None:
    """After its job was given to another, nothing that the first worker says counts."""
    stale = bench.claimed()
    bench.let_time_come(stale)
    assert bench.ask_sweep(lambda store: store.give_back(stale, Loss.WORKER_LOST))
    fresh = bench.worker.claim(stale.id)
    assert fresh is not None
    assert fresh.attempt == 2
    assert not bench.guard.renew(hold_of(stale))
    assert not bench.worker.report(stale, Progress(stage="cluster", fraction=0.9))
    assert not bench.worker.succeed(stale, "results/stale/")
    assert not bench.worker.fail(stale, JobError(code="internal", message="late"))
    assert bench.worker.succeed(fresh, "results/fresh/")
    found = bench.get(fresh)
    assert found is not None
    assert found.result_key == "results/fresh/"


def test_a_job_ends_once(bench: Bench) -> None:
    """What has ended neither ends again nor runs again."""
    job = bench.claimed()
    assert bench.worker.succeed(job, "results/x/")
    assert not bench.worker.succeed(job, "results/y/")
    assert not bench.worker.fail(job, JobError(code="internal", message="late"))
    assert bench.worker.claim(job.id) is None
    assert not bench.ask_sweep(lambda store: store.give_back(job, Loss.WORKER_LOST))
    assert [event.name for event in events_of(bench, job)].count("succeeded") == 1


def test_a_failure_is_kept_with_its_reason(bench: Bench) -> None:
    """A failed job says why, in the record and in its last event."""
    job = bench.claimed()
    error = JobError(code="broken_image", message="cut off")
    assert bench.worker.fail(job, error)
    found = bench.get(job)
    assert found is not None
    assert (found.status, found.error) == (JobStatus.FAILED, error)
    assert events_of(bench, job)[-1].data["code"] == "broken_image"


def test_events_resume_after_the_last_one_seen(bench: Bench) -> None:
    """Whoever comes back with an event's id gets what came after it, and only that."""
    job = bench.claimed()
    for fraction in (0.2, 0.4, 0.6):
        bench.worker.report(job, Progress(stage="cluster", fraction=fraction))
    bench.worker.succeed(job, "results/x/")
    whole = events_of(bench, job)
    assert [event.id for event in whole] == sorted({event.id for event in whole}, key=lambda key: key.split("-"))
    assert events_of(bench, job, whole[2].id) == whole[3:]
    assert events_of(bench, job, whole[-1].id) == []


def test_a_job_that_talks_much_is_kept_short(bench: Bench) -> None:
    """The event stream of a job has a bound."""
    job = bench.claimed()
    for number in range(EVENTS_KEPT + 500):
        bench.worker.report(job, Progress(stage="cluster", fraction=number / 2000))
    with bench.server.client() as client:
        assert client.xlen(f"huemill:job:{job.id}:events") <= EVENTS_KEPT + 200


def test_the_sweep_leaves_alone_what_is_not_due(bench: Bench) -> None:
    """Fresh jobs are nobody's business but the workers'."""
    queued, running = bench.create(), bench.claimed()
    bench.sweep()
    assert (bench.status(queued), bench.status(running)) == (JobStatus.QUEUED, JobStatus.RUNNING)
    assert bench.messages() == 0


def test_the_sweep_sends_a_forgotten_job_again(bench: Bench) -> None:
    """A queued job whose message was lost gets a new one, once for each time that it is due."""
    job = bench.create()
    bench.let_time_come(job)
    bench.sweep()
    bench.sweep()
    assert bench.status(job) is JobStatus.QUEUED
    assert bench.messages() == 1


def test_the_sweep_rescues_a_job_of_a_lost_worker(bench: Bench) -> None:
    """A running job whose lease ended goes back to the queue, and is sent."""
    job = bench.claimed()
    bench.let_time_come(job)
    bench.sweep()
    assert bench.status(job) is JobStatus.QUEUED
    assert bench.messages() == 1
    again = bench.worker.claim(job.id)
    assert again is not None
    assert again.attempt == 2


def test_the_sweep_gives_up_a_job_that_kills_its_workers(bench: Bench) -> None:
    """After `max_attempts` lost workers a job fails, says so, and once it has settled its upload is gone."""
    job = bench.claimed()
    for _ in range(bench.settings.max_attempts):
        bench.let_time_come(job)
        bench.sweep()
        job = bench.worker.claim(job.id) or job
    found = bench.get(job)
    assert found is not None
    assert found.error is not None
    assert (found.status, found.error.code) == (JobStatus.FAILED, "worker_lost")
    bench.let_time_come(job)
    bench.sweep()
    assert not list(Path(bench.settings.blob_url.removeprefix("file://")).rglob(job.id))


def test_the_sweep_forgets_what_has_no_record(bench: Bench) -> None:
    """An id without a record is taken out of the sweep's list."""
    with bench.server.client() as client:
        client.zadd(DUE, {"ghost": 1})
        bench.sweep()
        assert client.zcard(DUE) == 0


def test_the_sweep_goes_past_what_it_cannot_read(bench: Bench) -> None:
    """A record that is damaged, or of another version, is put off: it keeps no job behind it from being rescued."""
    damaged, job = bench.create(), bench.claimed()
    bench.let_time_come(damaged)
    bench.let_time_come(job)
    with bench.server.client() as client:
        client.zadd(DUE, {damaged.id: 0})
        client.hset(f"huemill:job:{damaged.id}", "status", "lost")
    bench.sweep()
    assert bench.status(job) is JobStatus.QUEUED
    assert bench.ask_sweep(lambda store: store.due()) == []


def test_two_sweeps_at_once_send_one_message(bench: Bench) -> None:
    """Gateways do not trip over each other: a lost job is sent by one of them."""
    job = bench.claimed()
    bench.let_time_come(job)

    with gateway(bench.settings) as parts:

        async def all_at_once() -> None:
            await asyncio.gather(*(parts.sweeper.sweep() for _ in range(5)))

        parts.run(all_at_once())
    assert bench.status(job) is JobStatus.QUEUED
    assert bench.messages() == 1


def test_a_lease_renewed_in_time_is_not_taken(bench: Bench) -> None:
    """A sweep that read a job just before its worker was heard again leaves it to that worker."""
    job = bench.claimed()
    bench.let_time_come(job)
    assert bench.guard.renew(hold_of(job))
    assert not bench.ask_sweep(lambda store: store.give_back(job, Loss.WORKER_LOST))
    assert not bench.ask_sweep(lambda store: store.fail(job, JobError(code="worker_lost", message="")))
    assert bench.status(job) is JobStatus.RUNNING


def test_the_sweep_does_not_expire_what_has_just_ended(bench: Bench) -> None:
    """A job that was due while it was queued, and ends before the sweep comes to it, keeps its result."""
    job = bench.create()
    bench.let_time_come(job)
    result = f"{result_prefix(job.id)}1/result.json"

    with gateway(bench.settings) as parts:
        (job_id,) = parts.run(parts.due.due())
        claimed = bench.worker.claim(job_id)
        assert claimed is not None
        parts.sync_blobs.write(result, b"{}")
        assert bench.worker.succeed(claimed, f"{result_prefix(job.id)}1/")
        parts.run(parts.sweeper.handle(job_id))
    assert SyncBlobs(bench.settings.blob_url).read(result) == b"{}"
    assert bench.status(job) is JobStatus.SUCCEEDED


def test_an_ended_job_settles(bench: Bench) -> None:
    """The upload of a job that has ended stays for some seconds, in which a store may forget the end; then it goes."""
    job = bench.claimed()
    blobs = SyncBlobs(bench.settings.blob_url)
    result = f"{result_prefix(job.id)}1/result.json"
    blobs.write(result, b"{}")
    bench.worker.succeed(job, f"{result_prefix(job.id)}1/")
    bench.sweep()
    assert blobs.read(job.upload.key) == b"png"
    with bench.server.client() as client:
        left = client.zscore(DUE, job.id) - client.time()[0]
        assert 0 < left <= 6
    bench.let_time_come(job)
    bench.sweep()
    with pytest.raises(NotFound):
        blobs.read(job.upload.key)
    assert blobs.read(result) == b"{}"
    with bench.server.client() as client:
        left = timedelta(seconds=client.zscore(DUE, job.id) - client.time()[0])
    assert abs(left - timedelta(days=1)) < timedelta(minutes=1)


@pytest.mark.parametrize("how", ["failed", "cancelled"])
def test_what_did_not_succeed_leaves_no_files(bench: Bench, how: str) -> None:
    """Files of a result that was begun, and came to nothing, go with the upload."""
    job = bench.claimed()
    SyncBlobs(bench.settings.blob_url).write(f"{result_prefix(job.id)}1/labels.png", b"png")
    if how == "failed":
        bench.worker.fail(job, JobError(code="storage_full", message=""))
    else:
        bench.ask(lambda store: store.cancel(job))
    bench.let_time_come(job)
    bench.sweep()
    assert not [path for path in Path(bench.settings.blob_url.removeprefix("file://")).rglob("*") if path.is_file()]


def test_more_are_due_than_are_seen_to_at_a_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sweep sees to all that are due, and is not kept from them by some whose files cannot be removed."""
    for module in (sweep_store, sweeper):
        monkeypatch.setattr(module, "BATCH", 8)
    jobs = [bench.create() for _ in range(12)]
    stuck = jobs[:8]
    for job in stuck:
        claimed = bench.worker.claim(job.id)
        assert claimed is not None
        bench.worker.fail(claimed, JobError(code="internal", message=""))
        blob = Path(bench.settings.blob_url.removeprefix("file://")) / job.upload.key
        blob.unlink()
        (blob / "not empty").mkdir(parents=True)
    for job in jobs:
        bench.let_time_come(job)
    bench.sweep()
    assert bench.messages() == len(jobs) - len(stuck)
    assert bench.ask_sweep(lambda store: store.due()) == []


def test_a_message_that_is_lost_after_a_long_wait(bench: Bench) -> None:
    """A job that waited long has its next message in an hour; one is sent at once when the queue turns out empty."""
    waited, fresh = bench.create(), bench.create()
    with bench.server.client() as client:
        seconds, _ = client.time()
        client.hset(f"huemill:job:{waited.id}", "resends", 6)
        client.zadd(DUE, {waited.id: seconds + 3600})
        client.zadd("huemill.fast:queued", {waited.id: seconds - 240})
        client.lpush(FAST, b"another job's message")
        bench.sweep()
        assert bench.messages() == 1
        client.delete(FAST)
    bench.sweep()
    bench.sweep()
    assert bench.messages() == 1
    with bench.server.client() as client:
        client.delete(FAST)
    bench.sweep()
    assert bench.messages() == 0, "it was sent a moment ago, and may be on its way"
    assert bench.status(fresh) is JobStatus.QUEUED


def test_a_claim_comes_before_a_message_that_is_sent_again(bench: Bench) -> None:
    """A job that is claimed after it was found without a message, or is sent by another gateway, is left alone."""
    job, other = bench.create(), bench.create()
    with bench.server.client() as client:
        seconds, _ = client.time()
        for each in (job, other):
            client.zadd(DUE, {each.id: seconds + 20})
            client.zadd("huemill.fast:queued", {each.id: seconds - 40})
    found = bench.ask_sweep(lambda store: store.stranded())
    assert {lost.id for lost, _ in found} == {job.id, other.id}
    assert bench.worker.claim(job.id) is not None
    due = {lost.id: (lost, when) for lost, when in found}
    assert not bench.ask_sweep(lambda store: store.resend(*due[job.id]))
    assert bench.ask_sweep(lambda store: store.resend(*due[other.id]))
    assert not bench.ask_sweep(lambda store: store.resend(*due[other.id]))
    assert bench.status(job) is JobStatus.RUNNING


def test_ended_jobs_settle_together(bench: Bench) -> None:
    """All that have ended and are due settle in one sweep; one that is not due, or broken, is in nobody's way."""
    due, early = [bench.claimed() for _ in range(3)], bench.claimed()
    for job in (*due, early):
        assert bench.worker.succeed(job, f"results/{job.id}/1/")
    with bench.server.client() as client:
        client.set("huemill:job:broken", "no hash")
        client.zadd(DUE, {"broken": 1, **{job.id: 1 for job in due}})
        bench.sweep()
        assert (client.zscore(DUE, "broken") or 0) > 1
    settled = [found.settled for job in (*due, early) if (found := bench.get(job))]
    assert settled == [True, True, True, False]
    uploads = {path.name for path in (Path(bench.settings.blob_url.removeprefix("file://")) / "uploads").iterdir()}
    assert uploads == {early.id}


def test_an_expired_job_leaves_a_tombstone(bench: Bench) -> None:
    """When a job expires its files and events go; its record stays a while, to say that it was there."""
    job = bench.claimed()
    blobs = SyncBlobs(bench.settings.blob_url)
    blobs.write(f"results/{job.id}/1/result.json", b"{}")
    bench.worker.succeed(job, f"results/{job.id}/1/")
    for _ in range(2):  # it settles, it expires
        bench.let_time_come(job)
        bench.sweep()
    with bench.server.client() as client:
        assert client.exists(f"huemill:job:{job.id}:events") == 0
        assert client.zscore(DUE, job.id) is None
        days = timedelta(seconds=client.ttl(f"huemill:job:{job.id}")).days
    assert days == 7
    assert not list(Path(bench.settings.blob_url.removeprefix("file://")).rglob("*.json"))


def test_a_worker_is_heard_until_it_goes(bench: Bench) -> None:
    """The list of workers has those that were heard, and not those that said goodbye."""
    bench.guard.heard("a:1")
    bench.guard.heard("b:2")
    bench.guard.gone("a:1")
    assert bench.ask(lambda store: store.workers()) == ["b:2"]


def test_whose_files_a_late_result_may_remove(bench: Bench) -> None:
    """Those of an attempt that is over for certain, and none that may be a result all the same."""
    job = bench.claimed()
    prefix = attempt_prefix(job.id, job.claim)
    assert not bench.worker.has_another(job, prefix), "it runs"
    with bench.server.client() as client:
        client.hset(job_key(job.id), mapping={"status": "queued", "claim": 0})
        assert not bench.worker.has_another(job, prefix), "the store has forgotten that it ran"
        client.hset(job_key(job.id), mapping={"status": "succeeded", "claim": 1, "result_key": prefix})
        assert not bench.worker.has_another(job, prefix), "another worker's attempt had the same number"
        client.hset(job_key(job.id), "result_key", "results/x/1/")
        assert bench.worker.has_another(job, prefix), "it has the result of another job"
        client.hset(job_key(job.id), mapping={"status": "running", "claim": 2})
        assert bench.worker.has_another(job, prefix), "a later attempt is under way"
        client.hset(job_key(job.id), mapping={"status": "cancelled", "claim": 1})
        client.hdel(job_key(job.id), "result_key")
        assert bench.worker.has_another(job, prefix), "it is cancelled"
        client.delete(job_key(job.id))
        assert not bench.worker.has_another(job, prefix), "it is gone, and may have left its result to others"
