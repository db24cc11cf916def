"""Spans made from times, exported only where somebody asked for them."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from seawall_proto import Event, OrderApproved, SignalRaised
from seawall_runtime.spans import Spans, span_name, traces_url
from seawall_runtime.telemetry import Handling

SIGNAL = SignalRaised(
    id="signal-1",
    venue="v",
    symbol="BTC",
    ts_venue_ns=1,
    strategy="momentum",
    direction="long",
    strength=1.0,
    price=1.0,
    horizon_ns=1,
    expires_at_ns=2,
)
APPROVAL = OrderApproved(
    id="intent-1",
    causes=("signal-1",),
    venue="v",
    account="paper",
    symbol="BTC",
    side="buy",
    order_type="market",
    quantity=Decimal(1),
    limit_price=None,
    worst_price=Decimal(2),
    reference_price=Decimal(1),
    reduce_only=False,
    strategy="momentum",
    signal_id="signal-1",
    stop_distance_bps=300,
    epoch=1,
    expires_at_ns=2,
)


def recorded(event: Event, said: list[Event], header: str | None = None) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    spans = Spans("risk", "0", exporter=exporter)
    spans.record(Handling("risk", event, header), 1_000, said)
    spans.close(2.0)
    return exporter


def test_a_span_is_named_after_the_file_that_decided() -> None:
    assert span_name("risk", SIGNAL) == "risk.on_signal_raised"
    assert span_name("stop-guardian", APPROVAL) == "stop-guardian.on_order_approved"


def test_a_span_has_the_ids_of_its_handling_and_what_operators_search_for() -> None:
    parent = Handling("signal", SIGNAL, None)
    (span,) = recorded(SIGNAL, [APPROVAL], parent.header).get_finished_spans()
    handling = Handling("risk", SIGNAL, parent.header)
    assert span.name == "risk.on_signal_raised"
    assert format(span.context.trace_id, "032x") == parent.trace_id
    assert format(span.context.span_id, "016x") == handling.span_id
    assert span.parent is not None
    assert format(span.parent.span_id, "016x") == parent.span_id
    assert span.start_time == 1_000
    assert span.end_time is not None
    assert span.end_time > 1_000
    assert span.attributes is not None
    assert span.attributes["seawall.event_id"] == "signal-1"
    assert span.attributes["seawall.said_ids"] == ("intent-1",)
    assert span.attributes["seawall.signal_id"] == "signal-1"
    assert span.attributes["seawall.symbol"] == "BTC"
    assert span.resource.attributes["service.name"] == "risk"


def test_a_root_has_no_parent() -> None:
    (span,) = recorded(SIGNAL, []).get_finished_spans()
    assert span.parent is None


def test_a_collectors_base_url_is_completed() -> None:
    assert traces_url("http://jaeger:4318") == "http://jaeger:4318/v1/traces"
    assert traces_url("http://jaeger:4318/") == "http://jaeger:4318/v1/traces"
    assert traces_url("http://jaeger:4318/v1/traces") == "http://jaeger:4318/v1/traces"


def test_without_an_endpoint_opentelemetry_is_not_even_loaded() -> None:
    program = (
        "import sys; from seawall_runtime.app import run; from seawall_runtime.spans import Spans;"
        "Spans('risk', '0').close(1); print([m for m in sys.modules if m.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
