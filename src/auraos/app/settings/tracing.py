"""Whether this process traces: where the environment names a collector, as all programs with OpenTelemetry are told."""

import logging
import os
from collections.abc import Mapping

from auraos.app.settings.keys import TRACED_SHARE
from auraos.observability.traces import Sink, Tracer
from auraos.settings.service import Settings

log = logging.getLogger("auraos.traces")
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def tracer_for(settings: Settings, environment: Mapping[str, str] = os.environ) -> Tracer | None:
    """Return what tells spans, None where nobody wants them or the extra is not installed."""
    is_wanted = any(environment.get(name) for name in ENDPOINTS)
    if not is_wanted or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    sink = _sink(environment)
    return None if sink is None else Tracer(sink, lambda: settings.value(TRACED_SHARE))


def _sink(environment: Mapping[str, str]) -> Sink | None:
    try:
        from auraos.observability.otel import OpenTelemetrySink  # noqa: PLC0415 (an extra)
    except ImportError:
        log.warning("traces.not_installed", extra={"hint": "pip install 'auraos[otel]'"})
        return None
    return OpenTelemetrySink.over_otlp(environment)
