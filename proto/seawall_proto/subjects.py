"""One table: which event travels on which subject, in which delivery class, in which stream."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter

from . import consolidated, control, features, market, ops, orders, risk, signals, stops
from .base import Event, event_type
from .errors import SubjectError


class Delivery(Enum):
    """``FLOW`` is perishable and never awaited; ``LEDGER`` is acknowledged and deduplicated."""

    FLOW = "flow"
    LEDGER = "ledger"


@dataclass(frozen=True, slots=True)
class Route:
    """Where one type of event travels. ``template`` names fields of the event in braces."""

    kind: type[Event]
    template: str
    stream: str
    delivery: Delivery

    @property
    def wildcard(self) -> str:
        """The subject filter that matches every event of this kind."""
        return re.sub(r"\{[a-z_]+\}", "*", self.template)


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """One JetStream stream. Ages in seconds; the limits are generous for one venue and a week.

    ``max_bytes`` bounds the disk a stream may take; ``duplicate_window_s`` is how long a
    publisher may retry the same id.
    """

    name: str
    subjects: tuple[str, ...]
    delivery: Delivery
    max_age_s: int
    max_bytes: int
    duplicate_window_s: int


HOUR_S = 3_600
GIB = 1 << 30

STREAMS: tuple[StreamSpec, ...] = (
    StreamSpec("MARKET", ("md.>",), Delivery.FLOW, 24 * HOUR_S, 4 * GIB, 120),
    StreamSpec("DECISION", ("feature.>", "signal.>"), Delivery.FLOW, 7 * 24 * HOUR_S, 2 * GIB, 2 * HOUR_S),
    StreamSpec(
        "LEDGER",
        ("risk.>", "order.>", "stop.>", "control.>", "model.>"),
        Delivery.LEDGER,
        30 * 24 * HOUR_S,
        4 * GIB,
        900,
    ),
    StreamSpec("OPS", ("ops.>",), Delivery.FLOW, 24 * HOUR_S, GIB // 4, 120),
)

FLOW, LEDGER = Delivery.FLOW, Delivery.LEDGER

ROUTES: tuple[Route, ...] = (
    Route(market.TradePrinted, "md.trade.{venue}.{symbol}", "MARKET", FLOW),
    Route(market.QuoteTicked, "md.quote.{venue}.{symbol}", "MARKET", FLOW),
    Route(market.BookChanged, "md.book.{venue}.{symbol}", "MARKET", FLOW),
    Route(market.BarClosed, "md.bar.{venue}.{symbol}", "MARKET", FLOW),
    Route(market.ActivityBarClosed, "md.activity.{venue}.{symbol}", "MARKET", FLOW),
    Route(market.FundingPosted, "md.funding.{venue}.{symbol}", "MARKET", FLOW),
    Route(market.FeedChanged, "md.feed.{venue}.{symbol}", "MARKET", FLOW),
    Route(market.InstrumentListed, "md.instrument.{venue}.{symbol}", "MARKET", FLOW),
    Route(consolidated.AssetQuoted, "md.asset.{asset}", "MARKET", FLOW),
    Route(consolidated.CurrencyRated, "md.rate.{currency}", "MARKET", FLOW),
    Route(features.FeaturesComputed, "feature.{venue}.{symbol}", "DECISION", FLOW),
    Route(signals.SignalRaised, "signal.{strategy}.{venue}.{symbol}", "DECISION", FLOW),
    Route(signals.QuotesProposed, "signal.quotes.{strategy}.{venue}.{symbol}", "DECISION", FLOW),
    Route(signals.ModelPublished, "model.published.{model}", "LEDGER", LEDGER),
    Route(signals.ModelDrifted, "model.drifted.{model}", "LEDGER", LEDGER),
    Route(risk.OrderApproved, "risk.approved.{venue}.{account}", "LEDGER", LEDGER),
    Route(risk.OrderRefused, "risk.refused.{venue}.{account}", "LEDGER", LEDGER),
    Route(risk.ExposureChanged, "risk.exposure.{venue}.{account}", "LEDGER", LEDGER),
    Route(orders.OrderStateChanged, "order.{venue}.{account}.state", "LEDGER", LEDGER),
    Route(orders.OrderFilled, "order.{venue}.{account}.fill", "LEDGER", LEDGER),
    Route(orders.PositionChanged, "order.{venue}.{account}.position", "LEDGER", LEDGER),
    Route(orders.AccountReconciled, "order.{venue}.{account}.reconciled", "LEDGER", LEDGER),
    Route(stops.StopChanged, "stop.changed.{venue}.{account}.{symbol}", "LEDGER", LEDGER),
    Route(stops.ProtectionChanged, "stop.protection.{venue}.{account}.{symbol}", "LEDGER", LEDGER),
    Route(stops.PositionFlattened, "stop.flattened.{venue}.{account}.{symbol}", "LEDGER", LEDGER),
    Route(control.HaltRequested, "control.halt_requested", "LEDGER", LEDGER),
    Route(control.TradingHalted, "control.halted", "LEDGER", LEDGER),
    Route(control.TradingResumed, "control.resumed", "LEDGER", LEDGER),
    Route(control.FlattenRequested, "control.flatten_requested", "LEDGER", LEDGER),
    Route(ops.AlertRaised, "ops.alert.{service}", "OPS", FLOW),
    Route(ops.ServiceBeat, "ops.beat.{service}", "OPS", FLOW),
)

ROUTE_OF: dict[type[Event], Route] = {route.kind: route for route in ROUTES}
KIND_OF: dict[str, type[Event]] = {event_type(route.kind): route.kind for route in ROUTES}

_TOKEN = re.compile(r"[A-Za-z0-9_-]+\Z")
_MAX_KNOWN = 65_536  # venues, symbols, accounts and strategies are few; the bound is against abuse
_known: dict[str, str] = {}


def _token(name: str, text: str) -> str:
    if text not in _known:
        if not _TOKEN.match(text):
            raise SubjectError(f"{name}={text!r} cannot stand in a subject: expected letters, digits, '_' or '-'")
        if len(_known) < _MAX_KNOWN:
            _known[text] = text
    return text


def _fields(template: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\{([a-z_]+)\}", template))


def _values_of(names: tuple[str, ...]) -> Callable[[Event], object]:
    return attrgetter(*names) if names else lambda _: ()


_FIELDS: dict[type[Event], tuple[str, ...]] = {route.kind: _fields(route.template) for route in ROUTES}
_VALUES = {kind: _values_of(names) for kind, names in _FIELDS.items()}
_known_subjects: dict[tuple[type[Event], object], str] = {}  # thousands of ticks a second go to a few hundred


def subject_of(event: Event) -> str:
    """Return the subject an event is published on.

    Raises SubjectError where a field that stands in the subject is not one plain token.
    """
    kind = type(event)
    values = _VALUES[kind](event)
    subject = _known_subjects.get((kind, values))
    if subject is None:
        tokens = {name: _token(name, getattr(event, name)) for name in _FIELDS[kind]}
        subject = ROUTE_OF[kind].template.format_map(tokens)
        if len(_known_subjects) < _MAX_KNOWN:
            _known_subjects[kind, values] = subject
    return subject
