"""Celery with a task that does nothing, on the Redis of $BENCH_REDIS_URL: what `bench.service` is held against.

Its settings are those of huemill's own queue as far as they concern speed, with results, which huemill has otherwise.
"""

import os

from celery import Celery

URL = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/0")

app = Celery("alone", broker=URL, backend=URL, set_as_current=False)
app.conf.update(
    task_default_queue="bench.alone",
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    broker_transport_options={"ack_emulation": False},
    result_expires=60,
)


@app.task(name="bench.nothing")  # type: ignore[untyped-decorator]
def nothing() -> None:
    """Take no time."""
