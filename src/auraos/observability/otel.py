"""Spans as OpenTelemetry exports them, over OTLP; it comes with `pip install auraos[otel]`."""

import os
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from auraos.observability.traces import NO_SPAN, Span, Trace

_KINDS: Final = {"internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT}
LONGEST_CLOSE = 5_000


class OpenTelemetrySink:
    """Hands spans to a processor of OpenTelemetry, which sends them in batches from a thread of its own."""

    def __init__(self, processor: SpanProcessor, environment: Mapping[str, str] = os.environ) -> None:
        self._processor = processor
        self._scope = InstrumentationScope("auraos", version("auraos"))
        self._resource = Resource.create(
            {
                "service.name": environment.get("OTEL_SERVICE_NAME") or "auraos",
                "service.version": version("auraos"),
                "process.pid": os.getpid(),
            }
        )

    @classmethod
    def over_otlp(cls, environment: Mapping[str, str] = os.environ) -> "OpenTelemetrySink":
        """Return what sends to the collector that the environment names (`OTEL_EXPORTER_OTLP_ENDPOINT`)."""
        return cls(BatchSpanProcessor(OTLPSpanExporter()), environment)

    def take(self, span: Span) -> None:
        """Take a span without waiting; where too many wait, the processor drops some."""
        self._processor.on_end(
            ReadableSpan(
                name=span.name,
                context=_context(span.place),
                parent=_context(span.place.at(span.parent)) if span.parent != NO_SPAN else None,
                resource=self._resource,
                attributes=dict(span.attributes),
                kind=_KINDS[span.kind],
                instrumentation_scope=self._scope,
                status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET),
                start_time=span.began * 1000,
                end_time=max(span.began, span.ended) * 1000,
            )
        )

    def close(self) -> None:
        """Send what waits, for some seconds at most."""
        self._processor.force_flush(LONGEST_CLOSE)
        self._processor.shutdown()


def _context(place: Trace) -> SpanContext:
    return SpanContext(
        trace_id=int(place.trace, 16),
        span_id=int(place.span, 16),
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if place.is_told else TraceFlags.DEFAULT),
    )
