"""The queue: Celery's settings. Who sends writes Celery's message himself: see `shared.jobs.message`.

A message is a hint, the job record is the truth (see docs/decisions): so messages are acknowledged as soon as they
are received, nothing is ever redelivered by Celery, and what is lost on the way is sent again by the gateway's sweep.
"""

from celery import Celery

from shared.jobs.routing import FAST, QUEUES
from shared.runtime import connections
from shared.runtime.settings import Settings


def celery_app(settings: Settings) -> Celery:
    """A Celery application on the settings' Redis."""
    app, broker = Celery("huemill", set_as_current=False), connections.broker(settings)
    app.conf.update(
        broker_url=broker.url,
        broker_use_ssl=broker.use_ssl,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=False,
        task_default_queue=FAST,
        task_create_missing_queues=False,
        task_queues={name: {"exchange": name, "routing_key": name} for name in QUEUES},
        # A worker takes a message when it can begin it, and holds none that would be lost with it.
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # A Redis that refuses (made a replica, its disk full) would end the worker; it is waited for like a lost one.
        broker_channel_error_retry=True,
        broker_transport_options={
            # What is received and not yet begun is kept in mind, not in Redis: a worker then writes nothing there, and
            # so is not ended by a Redis that is full. At a warm shutdown it goes back to the queue all the same.
            "ack_emulation": False,
            **broker.transport_options,
        },
    )
    return app
