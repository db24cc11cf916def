"""The limits, one question each. A refusal is a value with its reason and the figures behind it."""

from __future__ import annotations

import math
from decimal import Decimal

from seawall_proto import ExposureChanged, OrderState, RefusalReason, SignalRaised, parse_symbol

from .case import Refusal
from .exposure import equity_of
from .halts import standing_halt
from .state import DAY_NS, MILLISECOND_NS, SECOND_NS, Account, Market, Portfolio

MINUTE_NS = 60 * SECOND_NS
HALTS_READ_WITHIN_NS = 2 * SECOND_NS  # a halt that cannot be read for this long counts as a halt


def check_signal(state: Portfolio, signal: SignalRaised) -> Refusal | None:
    """Refuse figures that are no numbers, and wishes that came too late."""
    if not (0.0 <= signal.strength <= 1.0 and 0.0 < signal.price < math.inf):
        detail = f"strength {signal.strength!r} expected in [0, 1], price {signal.price!r} expected above 0"
        return Refusal(RefusalReason.INVALID_SIGNAL, detail)
    late_ns = state.now_ns - signal.expires_at_ns
    if late_ns >= 0:
        return Refusal(RefusalReason.EXPIRED, f"expired {late_ns / MILLISECOND_NS:.0f} ms ago")
    return None


def check_ready(state: Portfolio) -> Refusal | None:
    """Refuse until the ledger was read and every approval of the time before has expired."""
    if not state.loaded_ns:
        return Refusal(RefusalReason.NOT_READY, "the ledger has not been read yet")
    wait_ns = state.loaded_ns + state.limits.approval_lifetime_ms * MILLISECOND_NS - state.now_ns
    if wait_ns > 0:
        detail = f"approvals from before the restart may be alive for {wait_ns / MILLISECOND_NS:.0f} ms more"
        return Refusal(RefusalReason.NOT_READY, detail)
    return None


def check_market(state: Portfolio, market: Market | None) -> Refusal | None:
    """Refuse an instrument without rules, or one whose feed is not live or whose prices are old."""
    if market is None or not market.listed:
        return Refusal(RefusalReason.UNKNOWN_INSTRUMENT, "not in the configuration")
    if market.instrument is None:
        return Refusal(RefusalReason.UNKNOWN_INSTRUMENT, "its trading rules have not been seen yet")
    if market.feed not in {None, "live"}:  # None: not heard of since the start; then only the prices' age tells
        return Refusal(RefusalReason.FEED_NOT_LIVE, f"feed is {market.feed}")
    for name, seen_ns in (("quote", market.quote_ns), ("book", market.book_ns)):
        if not seen_ns:
            return Refusal(RefusalReason.FEED_NOT_LIVE, f"no {name} since the feed became live")
        age_ns = state.now_ns - seen_ns
        if age_ns > state.stale_after_ns:
            limit_ms = state.stale_after_ns // MILLISECOND_NS
            detail = f"{name} is {age_ns / MILLISECOND_NS:.0f} ms old, limit {limit_ms} ms"
            return Refusal(RefusalReason.FEED_NOT_LIVE, detail)
    return None


def check_halted(state: Portfolio, account: Account, signal: SignalRaised) -> Refusal | None:
    """Refuse where a scope that covers the signal is halted, or where nobody can tell."""
    found = standing_halt(state, account, signal.symbol, signal.strategy)
    if found is not None:
        return Refusal(RefusalReason.HALTED, found)
    silent_ns = state.now_ns - state.halts_read_ns
    if silent_ns > HALTS_READ_WITHIN_NS:
        detail = f"the ledger's halts were last readable {silent_ns / SECOND_NS:.1f} s ago"
        return Refusal(RefusalReason.HALTED, detail)
    return None


def check_peg(state: Portfolio, symbol: str) -> Refusal | None:
    """Refuse where the stablecoin that the symbol is priced and settled in was last seen off its peg."""
    parts = parse_symbol(symbol)
    rated = state.pegs.get(parts.quote) if parts is not None else None
    if rated is None or rated.rate_usd is None or abs(rated.rate_usd - 1.0) <= state.limits.max_depeg:
        return None
    limit = f"limit {state.limits.max_depeg:g} from one dollar"
    return Refusal(RefusalReason.DEPEGGED, f"a {rated.currency} is worth {rated.rate_usd:.4f} USD, {limit}")


def check_equity(state: Portfolio, account: Account) -> Refusal | None:
    """Refuse without money, after too deep a fall from the peak, or after too large a loss today."""
    equity = equity_of(account)
    if equity is None:
        return Refusal(RefusalReason.NO_EQUITY, "the account has not been reconciled yet")
    if equity <= 0:
        return Refusal(RefusalReason.NO_EQUITY, f"equity {equity:.2f}")
    if account.differences:
        detail = f"venue and ledger differ: {'; '.join(account.differences)}"
        return Refusal(RefusalReason.NOT_READY, detail)
    return breached_limit(state, account)


def breached_limit(state: Portfolio, account: Account) -> Refusal | None:
    """Return the drawdown or daily-loss limit that the account's equity breaches."""
    observe_equity(state, account)
    equity = equity_of(account)
    if equity is None or account.peak is None or account.day_start is None:
        return None
    fallen = account.peak - equity
    if fallen > 0 and fallen >= (limit := decimal_limit(state.limits.max_drawdown) * account.peak):
        detail = f"equity {equity:.2f} is {fallen:.2f} below its peak {account.peak:.2f}, limit {limit:.2f}"
        return Refusal(RefusalReason.DRAWDOWN_LIMIT, detail)
    lost = account.day_start - equity
    if lost > 0 and lost >= (limit := decimal_limit(state.limits.max_daily_loss) * account.day_start):
        detail = f"lost {lost:.2f} of {account.day_start:.2f} since midnight UTC, limit {limit:.2f}"
        return Refusal(RefusalReason.DAILY_LOSS_LIMIT, detail)
    return None


def observe_equity(state: Portfolio, account: Account) -> None:
    """Raise the peak, and start a new day's account at midnight UTC of event time."""
    equity = equity_of(account)
    if equity is None:
        return
    account.peak = equity if account.peak is None else max(account.peak, equity)
    day = state.now_ns // DAY_NS
    if account.day_start is None or day > account.day:
        account.day, account.day_start = day, equity


def recall_equity(state: Portfolio, account: Account, last: ExposureChanged) -> None:
    """Take peak and day start from the last word before a restart, so that neither limit begins afresh.

    Where that was on an earlier day, its equity is the nearest known to this day's midnight.
    """
    account.peak = last.peak_equity if account.peak is None else max(account.peak, last.peak_equity)
    today = state.now_ns // DAY_NS
    said_today = last.ts_received_ns // DAY_NS == today
    account.day = today
    account.day_start = last.equity - last.daily_pnl if said_today else last.equity


def check_unknown(account: Account) -> Refusal | None:
    """Refuse while the outcome of any order of the account is not proven."""
    if account.unknown:
        names = ", ".join(sorted(account.unknown)[:3])
        return Refusal(RefusalReason.UNKNOWN_ORDER, f"{len(account.unknown)} of unproven outcome: {names}")
    return None


def check_in_flight(market: Market) -> Refusal | None:
    """Refuse a second order while one is under way or its fill is not in the position yet."""
    if market.settling:
        return Refusal(RefusalReason.ORDER_IN_FLIGHT, f"fill of {market.settling} is not in the position yet")
    for name, commitment in market.commitments.items():
        return Refusal(RefusalReason.ORDER_IN_FLIGHT, _named(name, commitment.state, commitment.quantity))
    return None


def check_closing(market: Market) -> Refusal | None:
    """Refuse a close while an order is under way, unless all that is known of it is that nothing is known.

    A reduce-only order cannot turn the position round, so an UNKNOWN one must not stand in its way.
    """
    for name, commitment in market.commitments.items():
        if commitment.state is not OrderState.UNKNOWN:
            return Refusal(RefusalReason.ORDER_IN_FLIGHT, _named(name, commitment.state, commitment.quantity))
    return None


def _named(name: str, order_state: OrderState | None, quantity: Decimal) -> str:
    return f"{name} is {order_state.value if order_state else 'approved'} for {quantity}"


def check_rate(state: Portfolio) -> Refusal | None:
    """Refuse more approvals a minute than configured: the brake on a strategy that runs away."""
    times = state.approved_at_ns  # holds as many as a minute may have
    if len(times) == times.maxlen and times[0] > state.now_ns - MINUTE_NS:
        detail = f"{len(times)} approved in the last minute, limit {state.limits.max_orders_per_minute}"
        return Refusal(RefusalReason.ORDER_RATE, detail)
    return None


def decimal_limit(fraction: float) -> Decimal:
    """Return a configured fraction as it was written."""
    return Decimal(repr(fraction))
