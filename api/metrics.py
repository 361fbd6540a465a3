"""What the gateway tells Prometheus: its own requests, and what the store knows of queues, workers and jobs."""

from collections.abc import Iterator

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from shared.jobs.clients import Overview
from shared.jobs.outbox import OutboxOverview

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

requests = Histogram(
    "huemill_http_request_seconds",
    "From a request's head to the head of its answer.",
    ["method", "route", "status"],
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60),
)
refused = Counter("huemill_requests_refused", "Connections and requests refused before any route, by why.", ["code"])
keys_refused = Counter("huemill_keys_refused", "Requests refused for their API key, or for having none.", ["reason"])
quotas_exceeded = Counter("huemill_quotas_exceeded", "Requests refused because a quota was used up.", ["policy"])
cut = Counter("huemill_readers_cut", "Connections ended because nothing of their answer was taken.")
followers = Gauge("huemill_followers", "Event streams, sockets and waiting requests that follow a job at the moment.")
accepted = Counter("huemill_jobs_accepted", "Jobs taken.", ["algorithm"])
recognised = Counter(
    "huemill_jobs_recognised", "Jobs taken whose work was done already, or under way, by how they got it.", ["way"]
)
resent = Counter("huemill_jobs_resent", "Messages sent again by the sweep.")
lost = Counter("huemill_attempts_lost", "Attempts that ended before their job did, by why.", ["reason"])
ended = Counter(
    "huemill_jobs_ended", "Jobs brought to their end here, by error code where they failed.", ["status", "code"]
)
callback_seconds = Histogram(
    "huemill_callback_seconds",
    "Time of a request that calls somebody back, by what became of it.",
    ["outcome"],
    buckets=(0.03, 0.1, 0.3, 1, 3, 10, 30),
)
callbacks_given_up = Counter("huemill_callbacks_given_up", "Callbacks of which no more attempts are made.")
sweep_seconds = Histogram("huemill_sweep_seconds", "Time of a sweep.", buckets=(0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10))
orphans = Counter("huemill_orphans_removed", "Blobs removed that belonged to no job.")
background_failures = Counter("huemill_background_failures", "What went wrong in the background.", ["task"])
background_completed = Gauge(
    "huemill_background_completed_timestamp_seconds", "When a task of the background last came to its end.", ["task"]
)
unreadable = Counter("huemill_unreadable_records", "Records that cannot be read, each counted once.", ["kind"])


class _Of(Collector):
    """An overview as metrics."""

    def __init__(self, overview: Overview, outbox: OutboxOverview) -> None:
        self._overview, self._outbox = overview, outbox

    def collect(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily("huemill_queue_jobs", "Jobs that wait.", labels=["queue"])
        age = GaugeMetricFamily("huemill_queue_age_seconds", "How long the first of them has waited.", labels=["queue"])
        for name, queue in self._overview.queues.items():
            depth.add_metric([name], queue.jobs)
            age.add_metric([name], queue.age_seconds)
        yield depth
        yield age
        yield GaugeMetricFamily("huemill_workers", "Workers heard lately.", value=self._overview.workers)
        yield GaugeMetricFamily(
            "huemill_callbacks_late_seconds",
            "By how much the first callback that is due is late.",
            value=self._outbox.late_seconds,
        )
        yield GaugeMetricFamily(
            "huemill_callbacks_kept",
            "Callbacks given up within the last week, which can be made again.",
            value=self._outbox.given_up,
        )


def render(overviews: tuple[Overview, OutboxOverview] | None) -> bytes:
    """Prometheus' text format; without what the store knows where it cannot be asked, and `huemill_store_up` 0."""
    registry = CollectorRegistry()
    registry.register(_Up(overviews is not None))
    if overviews is not None:
        registry.register(_Of(*overviews))
    return generate_latest(REGISTRY) + generate_latest(registry)


class _Up(Collector):
    def __init__(self, answers: bool) -> None:
        self._answers = answers

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("huemill_store_up", "Whether Redis answers this gateway.", value=float(self._answers))
