"""One readable line an event, and the time beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from seawall_proto import Event

DESCRIPTIONS: dict[str, Callable[[Any], str]] = {
    "TradePrinted": lambda e: f"{e.aggressor} {e.quantity:g} at {e.price:g}",
    "QuoteTicked": lambda e: f"{e.bid_quantity:g} x {e.bid_price:g} | {e.ask_price:g} x {e.ask_quantity:g}",
    "BookChanged": lambda e: f"{len(e.bids)}+{len(e.asks)} levels, {_best(e.bids)} | {_best(e.asks)}",
    "InstrumentListed": lambda e: f"tick {e.tick_size}, lot {e.lot_size}, minimum {e.min_notional}",
    "BarClosed": lambda e: (
        f"o {e.open:g} h {e.high:g} l {e.low:g} c {e.close:g} v {e.volume:g} ({e.trade_count} trades)"
    ),
    "ActivityBarClosed": lambda e: (
        f"{e.kind} {e.size:g}: o {e.open:g} h {e.high:g} l {e.low:g} c {e.close:g} v {e.volume:g}"
        f" ({e.trade_count} trades)"
    ),
    "AssetQuoted": lambda e: (
        f"{e.asset} {e.market} {_price(e.bid_price_usd)} ({e.bid_venue}) | {_price(e.ask_price_usd)} ({e.ask_venue})"
    ),
    "CurrencyRated": lambda e: f"{e.currency} {_price(e.rate_usd)} USD{' assumed' if e.assumed else ''}",
    "FundingPosted": lambda e: f"mark {e.mark_price:g}, funding {e.funding_rate:.6f}",
    "FeedChanged": lambda e: f"feed {e.state} {e.reason}".rstrip(),
    "FeaturesComputed": lambda e: ", ".join(
        f"{name} {value:.5g}" for name, value in list(e.values.items())[:8] if value is not None
    ),
    "SignalRaised": lambda e: f"{e.strategy} wants {e.direction}, strength {e.strength:.2f}, at {e.price:g}",
    "OrderApproved": lambda e: (
        f"approved {e.side} {e.quantity} {e.order_type}{' reduce-only' if e.reduce_only else ''}, worst {e.worst_price}"
    ),
    "OrderRefused": lambda e: f"refused: {e.reason.value} {e.detail}".rstrip(),
    "ExposureChanged": lambda e: f"equity {e.equity:.2f}, exposure {e.gross_exposure:.2f} of {e.exposure_limit:.2f}",
    "OrderStateChanged": lambda e: (
        f"order {e.client_order_id[:8]} {e.state.value}: {e.side} {e.filled_quantity}/{e.quantity} {e.reason}".rstrip()
    ),
    "OrderFilled": lambda e: f"filled {e.side} {e.quantity} at {e.price}, fee {e.fee} {e.fee_asset}",
    "PositionChanged": lambda e: f"position {e.quantity} from {e.entry_price}, realised {e.realised_pnl}",
    "AccountReconciled": lambda e: (
        f"reconciled: equity {e.equity:.2f}, {len(e.positions)} positions, {len(e.differences)} differences"
    ),
    "StopChanged": lambda e: (
        f"stop {e.client_stop_id[:8]} {e.state}{' verified' if e.verified else ''}: "
        f"{e.side} {e.quantity} at {e.trigger_price}"
    ),
    "ProtectionChanged": lambda e: f"{e.state}, {e.unprotected_ms} ms without a verified stop {e.reason}".rstrip(),
    "PositionFlattened": lambda e: f"flattened {e.quantity}: {e.reason}",
    "HaltRequested": lambda e: f"{e.actor} asks to halt {e.scope}: {e.reason}",
    "TradingHalted": lambda e: f"HALTED {e.scope} (version {e.version}) by {e.actor}: {e.reason}",
    "TradingResumed": lambda e: f"resumed {e.scope} (version {e.version}) by {e.actor}: {e.reason}",
    "FlattenRequested": lambda e: f"{e.actor} asks to flatten {e.scope}: {e.reason}",
    "AlertRaised": lambda e: f"{e.severity}: {e.name}: {e.detail}",
    "ServiceBeat": lambda e: f"{e.instance} {'ready' if e.ready else 'not ready'} {e.detail}".rstrip(),
}


def _best(levels: Sequence[tuple[float, float]]) -> str:
    return f"{levels[0][0]:g}" if levels else "empty"


def _price(price: float | None) -> str:
    return "unknown" if price is None else f"{price:g}"


def time_of_day(ts_ns: int) -> str:
    """Return ``HH:MM:SS.mmm`` UTC."""
    return datetime.fromtimestamp(ts_ns / 1e9, UTC).strftime("%H:%M:%S.%f")[:-3]


def describe(event: Event) -> str:
    """Return what happened, in a trader's words, without the time and the subject."""
    name = type(event).__name__
    words = DESCRIPTIONS.get(name)
    symbol = getattr(event, "symbol", "")
    said = words(event) if words else name
    return f"{symbol} {said}".strip()
