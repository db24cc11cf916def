"""OpenTelemetry spans of decisions, made from the times that handling took anyway."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seawall_proto import Event

from . import clock
from .telemetry import Handling

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

MAX_WAITING_SPANS = 4_096  # a slow collector costs spans, never memory or speed
BATCH_SPANS = 512
EXPORT_EVERY_MS = 1_000
EXPORT_TIMEOUT_S = 2


class Spans:
    """Sends a span per decision to a collector; without an endpoint it does nothing at all."""

    def __init__(self, service: str, instance: str, endpoint: str = "", exporter: SpanExporter | None = None) -> None:
        self._processor: Any = None
        if not endpoint and exporter is None:
            return
        # imported here: a service without a collector need not load OpenTelemetry at all
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        if exporter is None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            exporter = OTLPSpanExporter(endpoint=traces_url(endpoint), timeout=EXPORT_TIMEOUT_S)
        self._resource = Resource.create({"service.name": service, "service.instance.id": instance})
        self._processor = BatchSpanProcessor(
            exporter,
            max_queue_size=MAX_WAITING_SPANS,
            max_export_batch_size=BATCH_SPANS,
            schedule_delay_millis=EXPORT_EVERY_MS,
        )

    def record(self, handling: Handling, start_ns: int, said: Sequence[Event]) -> None:
        """Note that one event was handled from ``start_ns`` until now, and what was said."""
        if self._processor is None:
            return
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

        def context_of(span_id: str) -> SpanContext:
            return SpanContext(int(handling.trace_id, 16), int(span_id, 16), False, TraceFlags(TraceFlags.SAMPLED))

        self._processor.on_end(
            ReadableSpan(
                name=span_name(handling.service, handling.event),
                context=context_of(handling.span_id),
                parent=context_of(handling.parent_id) if handling.parent_id else None,
                resource=self._resource,
                kind=SpanKind.CONSUMER,
                status=Status(StatusCode.UNSET),
                start_time=start_ns,
                end_time=clock.now_ns(),
                attributes=attributes_of(handling.event, said),
            )
        )

    def close(self, timeout_s: float) -> None:
        """Send what waits, within a bound; a collector that hangs costs the last spans."""
        if self._processor is None:
            return
        # a daemon thread: OpenTelemetry waits up to 30 s for a collector, a stopping service cannot
        closing = threading.Thread(target=self._processor.shutdown, daemon=True, name="spans-close")
        closing.start()
        closing.join(timeout_s)


def traces_url(endpoint: str) -> str:
    """Return the URL that OTLP/HTTP expects traces at, from a collector's base URL."""
    return endpoint if endpoint.endswith("/v1/traces") else endpoint.rstrip("/") + "/v1/traces"


def span_name(service: str, event: Event) -> str:
    """Return ``<service>.on_<event>``, the name of the file that decided."""
    name = type(event).__name__
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
    return f"{service}.on_{snake}"


_FIELDS = (
    "venue",
    "symbol",
    "account",
    "strategy",
    "client_order_id",
    "venue_order_id",
    "intent_id",
    "fill_id",
    "signal_id",
    "client_stop_id",
    "state",
    "reason",
)


def attributes_of(event: Event, said: Sequence[Event]) -> dict[str, Any]:
    """Return what an operator searches traces by: ids of events, orders, fills and stops."""
    attributes: dict[str, Any] = {"seawall.event_id": event.id, "seawall.said_ids": tuple(one.id for one in said)}
    for one in (*said, event):  # the event's own fields win
        for name in _FIELDS:
            value = getattr(one, name, None)
            if value is not None and value != "":
                attributes[f"seawall.{name}"] = str(getattr(value, "value", value))
    return attributes
