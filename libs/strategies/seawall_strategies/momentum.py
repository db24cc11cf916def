"""Momentum: go with a trend that stands out of the noise and that the order book and the trades confirm.

The score is a weighted sum of four votes, each in [-1, 1]:

- trend: ``tanh(z / 2)`` with ``z = momentum_10 / (volatility_15 * sqrt(10))``, the move of ten bars in
  units of what ten bars of noise would do
- rsi: the mean of RSI 7 and RSI 14 about 50
- book: order-book imbalance of the first five levels
- flow: trade-flow imbalance

A breakout that the book or the trades lean against is a false one until they turn. All windows are bars.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import msgspec

from seawall_proto import Direction, Event, FeaturesComputed, OrderRefused, PositionChanged, SignalRaised

from .strategy import Market, Options, Strategy
from .wish import DIRECTION, Wish

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Bars = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
TREND_BARS = 10
MILLISECOND_NS = 1_000_000
BPS = 10_000


class MomentumOptions(Options, frozen=True):
    """When to get in, when to get out, and how long to wait in between.

    ``min_move_bps`` is how far ten bars must have gone for an entry: above the cost of a round trip
    it keeps the strategy out of moves that cannot pay their fees. ``against`` is how far book or
    flow may lean against an entry.
    """

    enter_score: Share = 0.45
    exit_score: Share = 0.05
    against: Share = 0.35
    trend_weight: Share = 0.45
    rsi_weight: Share = 0.25
    book_weight: Share = 0.15
    flow_weight: Share = 0.15
    max_spread_bps: Annotated[float, msgspec.Meta(gt=0, le=1_000)] = 10.0
    min_move_bps: Annotated[float, msgspec.Meta(ge=0, le=1_000)] = 0.0
    min_holding_bars: Bars = 5
    max_holding_bars: Bars = 30
    cool_down_bars: Bars = 4
    retry_bars: Bars = 5
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3
    lifetime_ms: Annotated[int, msgspec.Meta(ge=100, le=60_000)] = 2_000

    def __post_init__(self) -> None:
        """Refuse options that are each within bounds but make no sense together."""
        total = self.trend_weight + self.rsi_weight + self.book_weight + self.flow_weight
        if not self.enter_score <= total <= 1 + 1e-9:
            raise ValueError(f"expected weights that sum to between enter_score and 1, not to {total:g}")
        if self.exit_score >= self.enter_score:
            raise ValueError(f"expected exit_score below enter_score {self.enter_score:g}")
        if self.min_holding_bars > self.max_holding_bars:
            raise ValueError(f"expected min_holding_bars of at most max_holding_bars {self.max_holding_bars}")


class Votes(NamedTuple):
    """What each input says, from -1 (down) to 1 (up)."""

    trend: float
    rsi: float
    book: float
    flow: float


@dataclass(slots=True)
class MomentumState:
    """The wish of one market and the options it is made by."""

    options: MomentumOptions
    market: Market
    wish: Wish


def initial(options: MomentumOptions, market: Market) -> MomentumState:
    """Want nothing, until a trend shows."""
    wish = Wish(options.retry_bars, options.max_attempts, options.cool_down_bars)
    return MomentumState(options, market, wish)


def decide(state: MomentumState, event: Event) -> tuple[MomentumState, Sequence[SignalRaised]]:
    """Follow the position and risk's answers; on each bar, raise a signal where the wish changes."""
    if isinstance(event, PositionChanged):
        state.wish.hear_position(event)
    elif isinstance(event, OrderRefused):
        state.wish.hear_refusal(event)
    elif isinstance(event, FeaturesComputed):
        return state, _on_bar(state, event)
    return state, ()


def votes_of(values: dict[str, float | None]) -> Votes | None:
    """Return the votes, None while an input warms up or is no number."""
    names = ("momentum_10", "volatility_15", "rsi_7", "rsi_14", "book_imbalance_5", "trade_flow_imbalance")
    inputs = [value for name in names if (value := values.get(name)) is not None and math.isfinite(value)]
    if len(inputs) < len(names):
        return None
    momentum, volatility, rsi_7, rsi_14, book, flow = inputs
    noise = volatility * math.sqrt(TREND_BARS)
    z = momentum / noise if noise > 0 else 0.0
    rsi = (rsi_7 / 2 + rsi_14 / 2 - 50) / 50
    return Votes(math.tanh(z / 2), _clamped(rsi), _clamped(book), _clamped(flow))


def _clamped(value: float) -> float:
    return min(max(value, -1.0), 1.0)


def contributions_of(options: MomentumOptions, votes: Votes) -> dict[str, float]:
    """Return what each vote adds to the score."""
    return {
        "trend": options.trend_weight * votes.trend,
        "rsi": options.rsi_weight * votes.rsi,
        "book": options.book_weight * votes.book,
        "flow": options.flow_weight * votes.flow,
    }


def _on_bar(state: MomentumState, event: FeaturesComputed) -> Sequence[SignalRaised]:
    wish, options = state.wish, state.options
    wish.count_bar()
    votes = votes_of(event.values)
    contributions = contributions_of(options, votes) if votes is not None else {}
    score = sum(contributions.values())
    wanted = _wanted(options, wish, event, votes, score)
    if wanted != wish.direction:
        wish.change(wanted, event.ts_received_ns)
    elif wish.is_overdue:
        if wish.is_hopeless:
            wish.change("flat", event.ts_received_ns)
        else:
            wish.repeat(event.ts_received_ns)
    else:
        return ()
    return (_signal(state, event, score, contributions),)


def _wanted(
    options: MomentumOptions, wish: Wish, event: FeaturesComputed, votes: Votes | None, score: float
) -> Direction:
    """Return the direction wanted now; where nothing speaks for a change, the one wanted before."""
    if wish.direction == "flat":
        return _entry(options, event, votes, score) if votes is not None and wish.may_enter else "flat"
    along = score * wish.sign  # 0 where inputs are missing: a trend that cannot be seen is no reason to hold
    faded = wish.bars >= options.min_holding_bars and along < options.exit_score
    reversed_ = along <= -options.enter_score
    return "flat" if faded or reversed_ or wish.bars >= options.max_holding_bars else wish.direction


def _entry(options: MomentumOptions, event: FeaturesComputed, votes: Votes, score: float) -> Direction:
    if abs(score) < options.enter_score:
        return "flat"
    sign = 1 if score > 0 else -1
    spread_bps = event.values.get("spread_bps")
    tight = spread_bps is not None and 0 <= spread_bps <= options.max_spread_bps
    large = abs(event.values["momentum_10"] or 0.0) * BPS >= options.min_move_bps
    confirmed = min(votes.book * sign, votes.flow * sign) > -options.against and votes.trend * sign > 0
    return DIRECTION[sign] if tight and large and confirmed else "flat"


def _signal(
    state: MomentumState, event: FeaturesComputed, score: float, contributions: dict[str, float]
) -> SignalRaised:
    options, direction = state.options, state.wish.direction
    return SignalRaised(
        ts_received_ns=event.ts_received_ns,
        venue=event.venue,
        symbol=event.symbol,
        ts_venue_ns=event.ts_venue_ns,
        strategy=STRATEGY.name,
        direction=direction,
        strength=1.0 if direction == "flat" else min(abs(score), 1.0),
        price=event.close,
        horizon_ns=options.max_holding_bars * event.interval_ns,
        expires_at_ns=event.ts_received_ns + options.lifetime_ms * MILLISECOND_NS,
        contributions=contributions,
    )


STRATEGY = Strategy(
    name="momentum",
    options=MomentumOptions,
    listens_to=(FeaturesComputed, PositionChanged, OrderRefused),
    initial=initial,
    decide=decide,
)
