"""The one registry of metric names. A name that is not declared here does not exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

disable_created_metrics()  # type: ignore[no-untyped-call]

SECONDS_FINE = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
MILLISECONDS = (5, 10, 25, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name, what kind, what it means, and by what it is split."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


# Append only: dashboards and the demo summary read these names.
METRICS: tuple[Metric, ...] = (
    # every service
    Metric("seawall_decisions_total", "counter", "Events decided on.", ("service", "on")),
    Metric("seawall_events_published_total", "counter", "Events handed to the bus.", ("service", "type")),
    Metric("seawall_errors_total", "counter", "Errors by kind; any bug is one of them.", ("service", "kind")),
    Metric("seawall_ready", "gauge", "1 while /readyz says ready.", ("service",)),
    Metric(
        "seawall_decide_seconds", "histogram", "One decision event: decode to outputs said.", ("service",), SECONDS_FINE
    ),
    # the bus
    Metric("seawall_bus_connected", "gauge", "1 while connected to NATS.", ("service",)),
    Metric("seawall_bus_reconnects_total", "counter", "Connections to NATS after the first.", ("service",)),
    Metric("seawall_bus_round_trip_seconds", "gauge", "The last watchdog round trip to NATS.", ("service",)),
    Metric("seawall_flow_dropped_total", "counter", "Flow events dropped, and why.", ("service", "reason")),
    Metric("seawall_publish_retries_total", "counter", "Ledger publishes repeated, and why.", ("service", "reason")),
    Metric("seawall_publish_failures_total", "counter", "Ledger publishes given up.", ("service",)),
    Metric("seawall_bad_messages_total", "counter", "Messages that were no event.", ("service", "kind")),
    Metric("seawall_duplicates_dropped_total", "counter", "Events seen before and not decided again.", ("service",)),
    Metric("seawall_redelivered_total", "counter", "Ledger messages delivered more than once.", ("service",)),
    Metric("seawall_dead_letters_total", "counter", "Messages given up and kept aside.", ("service",)),
    Metric("seawall_caught_up_events_total", "counter", "Events re-read from a stream after a gap.", ("service",)),
    Metric("seawall_inbox_depth", "gauge", "Events waiting to be decided on.", ("service", "lane")),
    # market data
    Metric("seawall_frames_total", "counter", "Frames received from a venue.", ("service", "venue", "kind")),
    Metric("seawall_book_gaps_total", "counter", "Gaps found in a book's sequence.", ("venue", "symbol")),
    Metric("seawall_feed_state", "gauge", "1 for the feed's present state.", ("venue", "symbol", "state")),
    Metric("seawall_feed_troubles_total", "counter", "What was wrong with a feed.", ("venue", "symbol", "kind")),
    Metric(
        "seawall_venue_clock_offset_seconds",
        "gauge",
        "How far a venue's clock is ahead of ours, by its least delayed frames of the last seconds.",
        ("venue",),
    ),
    Metric("seawall_venue_reads_failed_total", "counter", "Public reads that failed.", ("venue", "what")),
    Metric(
        "seawall_frame_to_event_seconds",
        "histogram",
        "From a frame received to its events handed to the bus; every 16th frame.",
        ("venue",),
        (0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25),
    ),
    # money path
    Metric(
        "seawall_tick_to_order_seconds",
        "histogram",
        "From the market frame received to the order request leaving.",
        (),
        SECONDS_FINE,
    ),
    Metric("seawall_order_requests_total", "counter", "Order requests by what their answer proves.", ("outcome",)),
    Metric("seawall_account_readings_total", "counter", "Accounts read at the venue.", ("venue", "account")),
    Metric("seawall_unprotected_ms", "histogram", "How long a position had no verified stop.", (), MILLISECONDS),
    Metric("seawall_unprotected_positions", "gauge", "Positions without a verified stop now."),
    Metric("seawall_stops_verified_total", "counter", "Stops read back from the venue as resting."),
    Metric("seawall_positions_flattened_total", "counter", "Positions the guardian closed, proven at zero."),
    Metric("seawall_guardian_events_waiting", "gauge", "Events in the guardian's journal, not in the ledger yet."),
    # recorder
    Metric("seawall_rows_recorded_total", "counter", "Rows written to the database.", ("table",)),
    Metric("seawall_recorder_waiting_messages", "gauge", "Messages read and not written yet.", ("stream",)),
    Metric("seawall_recorder_lost_messages_total", "counter", "Messages a stream forgot unread.", ("stream",)),
)

_DECLARED = {metric.name: metric for metric in METRICS}
_CLASSES = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}


class Metrics:
    """The metrics of one process. The label ``service`` is filled in; others are given by name."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._families: dict[str, Counter | Gauge | Histogram] = {}
        self._children: dict[tuple[str, frozenset[tuple[str, str]]], Counter | Gauge | Histogram] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        self.counter(name, **labels).inc(amount)

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        child = self._child(name, labels)
        if not isinstance(child, Gauge):
            raise TypeError(f"{name} is no gauge")
        child.set(value)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Put one measurement into a histogram, in the unit of its name."""
        child = self._child(name, labels)
        if not isinstance(child, Histogram):
            raise TypeError(f"{name} is no histogram")
        child.observe(value)

    def counter(self, name: str, **labels: str) -> Counter:
        """Return a counter bound to its labels; keep it where it is used a thousand times a second."""
        child = self._child(name, labels)
        if not isinstance(child, Counter):
            raise TypeError(f"{name} is no counter")
        return child

    def render(self) -> bytes:
        """Return everything in the Prometheus text format."""
        return generate_latest(self.registry)

    def _child(self, name: str, labels: dict[str, str]) -> Counter | Gauge | Histogram:
        key = (name, frozenset(labels.items()))
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._make(name, labels)
        return child

    def _make(self, name: str, labels: dict[str, str]) -> Counter | Gauge | Histogram:
        declared = _DECLARED[name]
        if name not in self._families:
            extra = {"buckets": declared.buckets} if declared.buckets else {}
            family = _CLASSES[declared.kind](
                declared.name, declared.help, declared.labels, registry=self.registry, **extra
            )
            self._families[name] = family
        if "service" in declared.labels:
            labels = {"service": self.service, **labels}
        family = self._families[name]
        return family.labels(**labels) if declared.labels else family
