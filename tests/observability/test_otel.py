"""Spans as OpenTelemetry has them: its own exporter takes them."""

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from auraos.observability.otel import OpenTelemetrySink
from auraos.observability.traces import Span, Trace

PLACE = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")


def sent(*spans: Span, **environment: str):
    exporter = InMemorySpanExporter()
    sink = OpenTelemetrySink(SimpleSpanProcessor(exporter), environment)
    for span in spans:
        sink.take(span)
    sink.close()
    return exporter.get_finished_spans()


def test_a_span_keeps_its_place_its_times_and_what_it_says():
    span = Span(
        name="GET /x", place=PLACE, parent="1" * 16, kind="server", began=1_000_000, ended=1_250_000,
        attributes={"http.route": "/x", "count": 2, "good": True},
    )  # fmt: skip
    (found,) = sent(span)
    assert (found.name, found.kind) == ("GET /x", SpanKind.SERVER)
    assert f"{found.context.trace_id:032x}-{found.context.span_id:016x}" == f"{PLACE.trace}-{PLACE.span}"
    assert f"{found.parent.span_id:016x}" == "1" * 16
    assert (found.start_time, found.end_time) == (1_000_000_000, 1_250_000_000)
    assert dict(found.attributes) == {"http.route": "/x", "count": 2, "good": True}
    assert found.status.status_code is StatusCode.UNSET
    assert found.resource.attributes["service.name"] == "auraos"


def test_what_went_wrong_is_an_error_by_its_code_and_what_has_no_parent_has_none():
    (found,) = sent(Span(name="x", place=PLACE, began=5, ended=3, error="http-500"), OTEL_SERVICE_NAME="shop")
    assert (found.status.status_code, found.status.description) == (StatusCode.ERROR, "http-500")
    assert (found.parent, found.start_time, found.end_time) == (None, 5000, 5000)
    assert found.resource.attributes["service.name"] == "shop"
