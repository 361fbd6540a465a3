"""What operators see of a running service: logs, metrics, traces."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import numpy as np
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families

from shared.jobs.keys import WORKERS
from tests.support.images import SMALL_PNG, encoded
from tests.support.processes import Service, StoreServer, free_port
from tests.support.waiting import until

Labels = dict[str, str]
PNG = {"Content-Type": "image/png"}
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Collector:
    """A receiver of OpenTelemetry's own protocol over HTTP, which keeps the spans."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = ExportTraceServiceRequest.FromString(body)
                for resource in request.resource_spans:
                    for scope in resource.scope_spans:
                        collector.spans.extend(scope.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def ancestor(self, span: Span, name: str) -> Span:
        """The nearest span of that name among those that it is part of."""
        known = {each.span_id: each for each in self.spans}
        while span.name != name:
            span = known[span.parent_span_id]
        return span

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def observed(
    tmp_path_factory: pytest.TempPathFactory, collector: Collector
) -> Iterator[tuple[Service, int, list[dict[str, object]]]]:
    """A service that exports traces, the port of its worker's metrics, and three jobs: two good, one that fails."""
    folder, port = tmp_path_factory.mktemp("observed"), free_port()
    store = StoreServer("valkey", folder / "store")
    service = Service(store, folder / "service")
    service.environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    service.start_gateway()
    with service.client() as client:
        headers = {**PNG, "traceparent": f"00-{TRACE}-{PARENT}-01"}
        jobs = [client.post("/v1/jobs?n_clusters=2", content=SMALL_PNG, headers=headers).json() for _ in range(2)]
        clear = encoded(np.zeros((6, 8, 4), np.uint8))  # of which nothing is to be clustered
        jobs.append(client.post("/v1/jobs", content=clear, headers=PNG).json())
    time.sleep(0.3)
    queued = httpx.get(f"{service.url}/metrics", trust_env=False).text
    try:
        service.start_worker(metrics_port=port)
        service.wait_for_workers()
        with service.client() as client:
            for job in jobs:
                until(lambda job=job: ended(client, job["id"]), "the job ends")
        yield service, port, [*jobs, {"queued": queued}]
    finally:
        service.kill()
        store.kill()


def ended(client: httpx.Client, job_id: str) -> bool:
    return client.get(f"/v1/jobs/{job_id}").json()["status"] in ("succeeded", "failed")


def samples(text: str) -> dict[str, list[tuple[Labels, float]]]:
    found: dict[str, list[tuple[Labels, float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(found: dict[str, list[tuple[Labels, float]]], name: str, **labels: str) -> float:
    (only,) = [value for known, value in found[name] if labels.items() <= known.items()]
    return only


Observed = tuple[Service, int, list[dict[str, object]]]


def test_every_line_of_a_log_is_an_object(observed: Observed) -> None:
    """Gateway and worker log JSON alone, and what a worker says of a job names it, its attempt and the worker."""
    service, _, jobs = observed
    assert service.gateway is not None
    for child in (service.gateway, *service.workers):
        lines = [json.loads(line) for line in child.text().splitlines()]
        assert lines
        assert all({"event", "level", "timestamp", "logger"} <= line.keys() for line in lines)
    told = [line for line in lines if line.get("job_id") == jobs[0]["id"]]
    assert len(told) >= 2
    assert all(line["attempt"] == 1 and line["worker"] for line in told)
    assert not any("huemill.run" in line["event"] for line in lines), "Celery's words on its tasks name no job"


def test_an_idle_worker_is_heard_again_and_again(observed: Observed) -> None:
    """A worker says every few seconds that it lives, whether there are jobs or not: `/readyz` counts on it."""
    service, _, _ = observed
    with service.store.client() as client:
        ((worker, before),) = client.zrange(WORKERS, 0, -1, withscores=True)
        until(lambda: client.zscore(WORKERS, worker) > before + 1, "it is heard again", 10, 0.1)


def test_the_gateway_counts(observed: Observed) -> None:
    """Jobs that wait, how long, jobs taken and requests by route stand in the gateway's metrics."""
    service, _, jobs = observed
    waiting = samples(str(jobs[-1]["queued"]))
    assert value(waiting, "huemill_queue_jobs", queue="huemill.fast") == 3
    assert 0.3 <= value(waiting, "huemill_queue_age_seconds", queue="huemill.fast") < 60
    assert value(waiting, "huemill_workers") == 0
    assert value(waiting, "huemill_store_up") == 1
    now = samples(httpx.get(f"{service.url}/metrics", trust_env=False).text)
    assert value(now, "huemill_queue_jobs", queue="huemill.fast") == 0
    assert value(now, "huemill_queue_age_seconds", queue="huemill.fast") == 0
    assert value(now, "huemill_workers") == 1
    assert value(now, "huemill_jobs_accepted_total", algorithm="kmeans") == 3
    assert value(now, "huemill_http_request_seconds_count", method="POST", route="/v1/jobs", status="202") == 3
    routes = {labels["route"] for labels, _ in now["huemill_http_request_seconds_count"]}
    assert "/v1/jobs/{job_id}" in routes
    assert not any(str(jobs[0]["id"]) in route for route in routes)


def test_the_worker_counts(observed: Observed) -> None:
    """Attempts, ends by code and times by stage of all children stand in the worker's metrics."""
    _, port, _ = observed
    found = samples(httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text)
    assert value(found, "huemill_attempts_total", algorithm="kmeans") == 3
    assert value(found, "huemill_jobs_ended_total", status="succeeded") == 2
    assert value(found, "huemill_jobs_ended_total", status="failed", code="nothing_to_cluster") == 1
    assert value(found, "huemill_job_seconds_count", algorithm="kmeans") == 2
    for stage in ("decode", "count", "cluster", "render"):
        assert value(found, "huemill_stage_seconds_count", stage=stage) == 2
    assert value(found, "huemill_pixels_total") == 2 * 48


def test_a_trace_goes_from_the_request_to_the_task(observed: Observed, collector: Collector) -> None:
    """A client's trace is continued by the gateway, then by the worker, with a span for each stage."""
    assert len(observed[2]) == 4
    until(lambda: len(collector.named("huemill.run")) == 3, "the spans arrive")
    accepted = [span for span in collector.named("POST /v1/jobs") if span.trace_id.hex() == TRACE]
    assert len(accepted) == 2
    assert {span.parent_span_id.hex() for span in accepted} == {PARENT}
    tasks = [span for span in collector.named("huemill.run") if span.trace_id.hex() == TRACE]
    assert {collector.ancestor(span, "POST /v1/jobs").span_id for span in tasks} == {span.span_id for span in accepted}
    for name in ("decode", "count", "cluster", "render"):
        stages = [span for span in collector.named(name) if span.trace_id.hex() == TRACE]
        assert {span.parent_span_id for span in stages} == {span.span_id for span in tasks}


def test_metrics_without_a_store(own_store: Callable[..., StoreServer], own_service: Callable[..., Service]) -> None:
    """Where Redis is gone the gateway's metrics still answer, and say so."""
    store = own_store()
    service = own_service(store).start_gateway()
    store.kill()
    answer = httpx.get(f"{service.url}/metrics", trust_env=False, timeout=15)
    assert answer.status_code == 200
    found = samples(answer.text)
    assert value(found, "huemill_store_up") == 0
    assert "huemill_queue_jobs" not in found
