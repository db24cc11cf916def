"""A signal service with strategies of the test's own, and bars, feeds and time to feed it with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from seawall_proto import (
    AccountReconciled,
    Event,
    FeaturesComputed,
    FeedChanged,
    FeedState,
    OrderRefused,
    PositionChanged,
    PositionSnapshot,
    RefusalReason,
    SignalRaised,
)
from seawall_runtime.service import TimerElapsed
from seawall_runtime.testing import play
from seawall_signal.service import HOST, SERVICE
from seawall_signal.state import Host, Hosted, host
from seawall_strategies import AUDIBLE, Market, Options, Strategy

VENUE = "binance-usdm"
BTC, ETH = "BTC-USDT-PERP", "ETH-USDT-PERP"
SECOND = 1_000_000_000


@dataclass(slots=True)
class Heard:
    """What a strategy of the test heard, and of which market."""

    market: Market
    acted: list[Event] = field(default_factory=list)
    warmed: list[Event] = field(default_factory=list)


def parrot(name: str = "parrot", hears: tuple[type[Event], ...] = AUDIBLE, **wrong: Any) -> Hosted:
    """A strategy that raises a long signal at every bar, with fields changed by ``wrong``."""

    def initial(options: Options, market: Market) -> Heard:
        return Heard(market)

    def decide(state: Heard, event: Event) -> tuple[Heard, Sequence[SignalRaised]]:
        state.acted.append(event)
        if not isinstance(event, FeaturesComputed):
            return state, ()
        fields: dict[str, Any] = {
            "venue": event.venue,
            "symbol": event.symbol,
            "ts_venue_ns": event.ts_venue_ns,
            "strategy": name,
            "direction": "long",
            "strength": 0.5,
            "price": event.close,
            "horizon_ns": SECOND,
            "expires_at_ns": event.ts_received_ns + 2 * SECOND,
            "contributions": {"trend": 0.5},
        }
        return state, [SignalRaised(**{**fields, **wrong})] * times

    def warm(state: Heard, event: Event) -> Heard:
        state.warmed.append(event)
        return state

    times = wrong.pop("times", 1)
    return Hosted(Strategy(name, Options, hears, initial, decide, warm), Options())


class World:
    """Feeds events to signal; ``now`` is nanoseconds and the timer tells it."""

    def __init__(self, *hosted: Hosted, symbols: Sequence[str] = (BTC, ETH)) -> None:
        self.hosted = hosted or (parrot(),)
        self.markets = [Market(VENUE, symbol) for symbol in symbols]
        self.now = 1_000 * SECOND
        self.states: dict[Any, Any] = {}
        self._number = 0

    @property
    def host(self) -> Host:
        state: Host = self.states[HOST]
        return state

    def tell(self, *events: Event) -> list[msgspec.Struct]:
        return play(SERVICE, lambda key: host(self.hosted, self.markets), events, self.states)

    def tick(self) -> World:
        """Tell the time."""
        self.tell(TimerElapsed(**self.head()))
        return self

    def head(self) -> dict[str, Any]:
        self._number += 1
        return {"id": f"event-{self._number}", "ts_received_ns": self.now}

    def bar(self, symbol: str = BTC, values: dict[str, float | None] | None = None, **changes: Any) -> FeaturesComputed:
        fields: dict[str, Any] = {
            **self.head(),
            "venue": VENUE,
            "symbol": symbol,
            "ts_venue_ns": self.now,
            "interval_ns": SECOND,
            "ts_bar_close_ns": self.now,
            "close": 60_000.0,
            "values": values or {},
            "version": "1",
        }
        return FeaturesComputed(**{**fields, **changes})

    def feed(self, symbol: str, state: FeedState) -> FeedChanged:
        return FeedChanged(**self.head(), venue=VENUE, symbol=symbol, ts_venue_ns=self.now, state=state)

    def position(self, symbol: str, quantity: str, sequence: int) -> PositionChanged:
        return PositionChanged(
            **self.head(),
            venue=VENUE,
            account="paper",
            symbol=symbol,
            quantity=Decimal(quantity),
            entry_price=Decimal(60_000),
            realised_pnl=Decimal(0),
            sequence=sequence,
        )

    def reconciled(self, **held: str) -> AccountReconciled:
        """The account with positions given as ``BTC="0.1"``."""
        positions = [
            PositionSnapshot(
                symbol=f"{coin}-USDT-PERP",
                quantity=Decimal(quantity),
                entry_price=Decimal(60_000),
                mark_price=Decimal(60_000),
                unrealised_pnl=Decimal(0),
            )
            for coin, quantity in held.items()
        ]
        return AccountReconciled(
            **self.head(),
            venue=VENUE,
            account="paper",
            equity=Decimal(10_000),
            balances=(),
            positions=tuple(positions),
            open_orders=0,
            adopted_orders=0,
            adopted_fills=0,
            differences=(),
        )

    def refusal(self, symbol: str, strategy: str) -> OrderRefused:
        return OrderRefused(
            **self.head(),
            venue=VENUE,
            account="paper",
            symbol=symbol,
            strategy=strategy,
            signal_id="",
            reason=RefusalReason.HALTED,
        )

    def heard(self, symbol: str = BTC, name: str = "parrot") -> Heard:
        """What a strategy heard of a market."""
        found: Heard = self.host.states[name, Market(VENUE, symbol)]
        return found
