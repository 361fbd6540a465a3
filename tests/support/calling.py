"""Callbacks for tests: a sender with a schedule of tenths of a second, and jobs that ask to be called back."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from standardwebhooks import Webhook

from api.callbacks.post import Poster
from api.callbacks.sender import MAX_SENDING, Sender
from api.http.results import described
from api.upkeep.failures import Failures
from shared.contract.params import KMeansParams
from shared.jobs.deliveries import ENDS, Delivery
from shared.jobs.model import Callback, Job, JobError, Upload, new_job, new_job_id
from shared.jobs.outbox import OutboxStore
from shared.runtime.settings import Settings
from tests.support.bench import Bench
from tests.support.gateway import Gateway, gateway
from tests.support.web import Post, Web

SECRETS = tuple("whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
SCHEDULE = (0.0, 0.1, 0.1)
RECEIVER = "127.0.0.2"
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


def may_call(web: Web) -> dict[str, object]:
    """Settings of a service that may call a receiver at RECEIVER, over http and at its port."""
    return {
        "callback_allow_http": True,
        "callback_allow": f"{RECEIVER}/32",
        "callback_ports": f"443,{web.port}",
    }


def verified(post: Post, secret: str = SECRETS[0]) -> dict[str, Any]:
    """The body of what was posted, if standardwebhooks takes it for ours."""
    body: dict[str, Any] = Webhook(secret).verify(post.body, post.headers)
    return body


class Calling:
    """A gateway's outbox and sender, and a worker that ends jobs."""

    def __init__(self, bench: Bench, parts: Gateway, settings: Settings, resolve: Resolve | None, lease: float) -> None:
        self.bench, self.parts, self.settings, self.resolve = bench, parts, settings, resolve
        self.outbox = OutboxStore(parts.redis, lease_seconds=lease)
        self.posters: list[Poster] = []

    def sender(self, timeout_seconds: float = 5.0, schedule: tuple[float, ...] = SCHEDULE) -> Sender:
        poster = Poster(self.settings, MAX_SENDING, self.resolve, timeout_seconds)
        self.posters.append(poster)
        describe = partial(described, blobs=self.parts.blobs)
        return Sender(
            self.outbox, self.parts.store, poster, describe, Failures(), secrets=self._secrets, schedule=schedule
        )

    async def _secrets(self, _: str) -> list[str]:
        """Whoever the owner is."""
        return [secret.get_secret_value() for secret in self.settings.callback_secret]

    def job(self, url: str, events: tuple[str, ...] = ENDS, host: str = RECEIVER) -> Job:
        """A queued job."""
        job_id = new_job_id()
        upload = Upload(key=f"uploads/{job_id}", size=3, sha256="0" * 64)
        job = new_job(job_id, KMeansParams(), upload, callback=Callback(url=url, host=host, events=events))
        self.parts.run(self.parts.store.create(job))
        return job

    def failed(self, url: str, events: tuple[str, ...] = ENDS, host: str = RECEIVER) -> Job:
        """A job that has just failed."""
        begun = self.bench.worker.claim(self.job(url, events, host).id)
        assert begun is not None
        assert self.bench.worker.fail(begun, JobError(code="broken_image", message="cut off"))
        return begun

    def deliveries(self, job: Job) -> list[Delivery]:
        return self.parts.run(self.outbox.deliveries(job))

    def send_until(
        self, done: Callable[[], Awaitable[bool]], sender: Sender | None = None, *, close: bool = True
    ) -> None:
        """Let the sender do its rounds until `done`; then, unless it goes on later, it ends in the middle of them."""
        made = sender or self.sender()

        async def rounds() -> None:
            async with asyncio.timeout(20):
                while not await done():
                    await made.send()
                    await asyncio.sleep(0.02)
            if close:
                await made.close()

        self.parts.run(rounds())

    def send(self, job: Job, sender: Sender | None = None) -> Delivery:
        """Let it be told of the job until that is over; the one delivery."""

        async def over() -> bool:
            (delivery,) = await self.outbox.deliveries(job)
            return delivery.state in ("delivered", "given_up")

        self.send_until(over, sender)
        (delivery,) = self.deliveries(job)
        return delivery


@contextmanager
def calling(
    bench: Bench, *webs: Web, resolve: Resolve | None = None, lease: float = 60.0, **more: Any
) -> Iterator[Calling]:
    """A gateway that may call back the receivers at 127.0.0.2 and 127.0.0.3, over http and at their ports."""
    options = {
        "callback_secret": " ".join(SECRETS),
        "callback_allow_http": True,
        "callback_allow": "127.0.0.2/31",
        "callback_ports": tuple(web.port for web in webs) or (443,),
    }
    settings = Settings(**{**bench.settings.model_dump(), **options, **more})
    with gateway(settings) as parts:
        made = Calling(bench, parts, settings, resolve, lease)
        yield made
        for poster in made.posters:
            poster.close()
