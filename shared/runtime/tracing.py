"""OpenTelemetry traces from a request to its task, where an exporter is configured by the usual OTEL_* variables.

FastAPI makes the spans of requests, `worker.tasks` those of jobs. Without OTEL_EXPORTER_OTLP_ENDPOINT (or its variant
for traces) nothing is set up, and every span is a no-op.
"""

import os
import time
from collections.abc import Mapping
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagate import extract, inject

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
tracer = trace.get_tracer("huemill", version("huemill"))


def set_up(service: str) -> None:
    """Send this process's spans as those of `service`, if an exporter is configured. Once for each process."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return
    # The SDK is large, and most run without it.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def traceparent() -> str | None:
    """The current span for somebody else to continue, in the words of W3C Trace Context; None outside of a trace."""
    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get("traceparent")


def continued(parent: str | None) -> Context:
    """The trace that a `traceparent` belongs to."""
    return extract({"traceparent": parent} if parent is not None else {})


def stages(timings_ms: Mapping[str, float]) -> None:
    """Add a span for each stage of a job that has just ended, under the current span."""
    end = time.time_ns()
    for name, milliseconds in reversed(list(timings_ms.items())):
        begin = end - int(1e6 * milliseconds)
        tracer.start_span(name, start_time=begin).end(end)
        end = begin
