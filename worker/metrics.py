"""What a worker counts for Prometheus. The children count in files, the main process serves the sum."""

import atexit
import os
import shutil
import tempfile

# Read by prometheus_client when it is imported: children that were forked would else count for themselves alone.
if os.environ.get("HUEMILL_METRICS_PORT"):
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="huemill-metrics-")

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)

attempts = Counter("huemill_attempts", "Jobs begun.", ["algorithm"])
ended = Counter("huemill_jobs_ended", "Jobs brought to their end, by error code where they failed.", ["status", "code"])
refused = Counter("huemill_late_writes_refused", "Results of attempts that were over already.")
unreadable = Counter("huemill_unreadable_records", "Messages of jobs whose records cannot be read.")
stopped = Counter("huemill_attempts_stopped", "Attempts stopped because the claim was not valid any more.")
job_seconds = Histogram(
    "huemill_job_seconds", "From claim to end, of jobs that succeeded.", ["algorithm"], buckets=SECONDS
)
stage_seconds = Histogram("huemill_stage_seconds", "Time of each stage.", ["algorithm", "stage"], buckets=SECONDS)
pixels = Counter("huemill_pixels", "Pixels of images clustered.", ["algorithm"])


def serve(port: int) -> None:
    """Answer `GET /metrics` on `port`, on all addresses, from a thread of the main process."""
    atexit.register(shutil.rmtree, os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    start_http_server(port, registry=registry)
