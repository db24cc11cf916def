"""A world for risk to judge: one account, two symbols, a book, and time that only moves when told to."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from seawall_proto import (
    AccountReconciled,
    Balance,
    BookChanged,
    Direction,
    Event,
    ExposureChanged,
    FeedChanged,
    FeedState,
    InstrumentListed,
    OrderApproved,
    OrderFilled,
    OrderRefused,
    OrderState,
    OrderStateChanged,
    PositionChanged,
    PositionSnapshot,
    QuoteTicked,
    SignalRaised,
    TradingHalted,
)
from seawall_risk.facts import HaltsRead, LedgerRead
from seawall_risk.service import PORTFOLIO, SERVICE
from seawall_risk.state import Portfolio, portfolio
from seawall_runtime.config import RiskConfig
from seawall_runtime.service import TimerElapsed
from seawall_runtime.testing import play

VENUE, ACCOUNT = "binance-usdm", "paper"
BTC, ETH = "BTC-USDT-PERP", "ETH-USDT-PERP"
SECOND = 1_000_000_000
MIDNIGHT = 1_723_161_600 * SECOND  # 2024-08-09 00:00 UTC
PRICES = {BTC: 60_000.0, ETH: 2_500.0}
D = Decimal


class World:
    """Feeds events to risk and keeps what it says. ``now`` is nanoseconds; every event carries it."""

    def __init__(self, limits: RiskConfig | None = None, symbols: Iterable[str] = (BTC, ETH)) -> None:
        self.limits = limits or RiskConfig()
        self.now = MIDNIGHT + 3_600 * SECOND
        self.states: dict[Any, Any] = {}
        self.said: list[msgspec.Struct] = []
        self.symbols = tuple(symbols)
        self._number = 0
        self._sequences: dict[str, int] = {}

    @property
    def portfolio(self) -> Portfolio:
        state: Portfolio = self.states[PORTFOLIO]
        return state

    def tell(self, *events: Event) -> list[msgspec.Struct]:
        """Let risk decide on events and return what it said to them."""
        venues = [(VENUE, ACCOUNT, self.symbols)]
        said = play(SERVICE, lambda key: portfolio(self.limits, 5_000, venues), events, self.states)
        self.said += said
        return said

    def head(self, name: str = "event") -> dict[str, Any]:
        self._number += 1
        return {"id": f"{name}-{self._number}", "ts_received_ns": self.now}

    def sequence(self, name: str) -> int:
        self._sequences[name] = self._sequences.get(name, 0) + 1
        return self._sequences[name]

    def wait(self, seconds: float = 1.0) -> list[msgspec.Struct]:
        """Let time pass: the ledger's halts are read, prices stay as they are and fresh, and the timer runs."""
        self.now += int(seconds * SECOND)
        said = self.tell(HaltsRead(**self.head()))
        for symbol in self.symbols:
            market = self.portfolio.accounts[VENUE].markets[symbol]
            if market.quote_ns:
                said += self.tell(self.quote(symbol, (market.bid + market.ask) / 2), self.book(symbol))
        return said + self.tell(TimerElapsed(**self.head()))

    def open(self, equity: str = "10000") -> World:
        """Start as a service does: ledger, account, rules, live feeds and prices; then wait until it decides."""
        self.tell(LedgerRead(**self.head()), self.reconciled(equity))
        for symbol in self.symbols:
            self.tell(self.listed(symbol), self.feed(symbol), self.quote(symbol), self.book(symbol))
        self.wait(self.limits.approval_lifetime_ms / 1_000)
        return self

    def listed(self, symbol: str, **changes: Any) -> InstrumentListed:
        rules: dict[str, Any] = {
            "tick_size": D("0.10") if symbol == BTC else D("0.01"),
            "lot_size": D("0.001"),
            "min_quantity": D("0.001"),
            "max_quantity": D(1_000),
            "market_max_quantity": D(120),
            "min_notional": D(100) if symbol == BTC else D(20),
        }
        return InstrumentListed(**self.head(), **self._market(symbol), **{**rules, **changes})

    def feed(self, symbol: str, state: FeedState = "live") -> FeedChanged:
        return FeedChanged(**self.head(), **self._market(symbol), state=state)

    def quote(self, symbol: str, mid: float | None = None, spread_bps: float = 0.2) -> QuoteTicked:
        mid = PRICES.get(symbol, 100.0) if mid is None else mid
        half = mid * spread_bps / 20_000
        return QuoteTicked(
            **self.head(),
            **self._market(symbol),
            update_id=self._number,
            bid_price=mid - half,
            bid_quantity=1.0,
            ask_price=mid + half,
            ask_quantity=1.0,
        )

    def book(self, symbol: str, mid: float | None = None, quantity: float = 5.0, step_bps: float = 0.2) -> BookChanged:
        """A book of 20 levels a side, ``quantity`` on each, around the last quote or ``mid``."""
        if mid is None:
            market = self.portfolio.accounts[VENUE].markets[symbol]
            mid = (market.bid + market.ask) / 2
        step = mid * step_bps / 10_000
        return BookChanged(
            **self.head(),
            **self._market(symbol),
            update_id=self._number,
            bids=tuple((mid - step * (level + 0.5), quantity) for level in range(20)),
            asks=tuple((mid + step * (level + 0.5), quantity) for level in range(20)),
        )

    def signal(self, symbol: str, direction: Direction, strength: float = 0.5, **changes: Any) -> SignalRaised:
        market = self.portfolio.accounts[VENUE].markets.get(symbol)
        mid = (market.bid + market.ask) / 2 if market else 100.0
        fields: dict[str, Any] = {
            **self._market(symbol),
            "strategy": "momentum",
            "direction": direction,
            "strength": strength,
            "price": mid or 100.0,
            "horizon_ns": 30 * SECOND,
            "expires_at_ns": self.now + 2 * SECOND,
        }
        return SignalRaised(**self.head("signal"), **{**fields, **changes})

    def ask(self, symbol: str, direction: Direction, strength: float = 0.5, **changes: Any) -> Any:
        """Raise a signal and return risk's one answer."""
        (answer,) = self.tell(self.signal(symbol, direction, strength, **changes))
        assert isinstance(answer, OrderApproved | OrderRefused)
        return answer

    def order(
        self, approved: OrderApproved, state: OrderState, filled: Decimal | None = None, **changes: Any
    ) -> OrderStateChanged:
        """What execution says of the order made for an approval."""
        name = f"order-of-{approved.id[:8]}"
        all_filled = approved.quantity if state is OrderState.FILLED else D(0)
        fields: dict[str, Any] = {
            "symbol": approved.symbol,
            "side": approved.side,
            "order_type": "market",
            "quantity": approved.quantity,
            "filled_quantity": all_filled if filled is None else filled,
            "limit_price": None,
            "average_price": None,
            "reduce_only": approved.reduce_only,
            "previous_state": None,
            "reason": "",
            "sequence": self.sequence(name),
        }
        return OrderStateChanged(
            **self.head(),
            venue=VENUE,
            account=ACCOUNT,
            client_order_id=name,
            venue_order_id="1",
            intent_id=approved.id,
            state=state,
            **{**fields, **changes},
        )

    def position(
        self, symbol: str, quantity: str | Decimal, entry: float | None = None, **changes: Any
    ) -> PositionChanged:
        fields: dict[str, Any] = {
            "sequence": self.sequence(f"position {symbol}"),
            "realised_pnl": D(0),
            "entry_price": D(str(PRICES[symbol] if entry is None else entry)) if D(quantity) else D(0),
        }
        return PositionChanged(
            **self.head(),
            venue=VENUE,
            account=ACCOUNT,
            symbol=symbol,
            quantity=D(quantity),
            **{**fields, **changes},
        )

    def fill(self, symbol: str, quantity: str, realised: str = "0", fee: str = "0", **changes: Any) -> OrderFilled:
        fields: dict[str, Any] = {"fill_id": f"fill-{self._number}", "fee_asset": "USDT"}
        return OrderFilled(
            **self.head(),
            venue=VENUE,
            account=ACCOUNT,
            client_order_id="",
            venue_order_id="1",
            symbol=symbol,
            side="buy",
            price=D(str(PRICES[symbol])),
            quantity=D(quantity),
            fee=D(fee),
            maker=False,
            realised_pnl=D(realised),
            ts_venue_ns=self.now,
            **{**fields, **changes},
        )

    def reconciled(self, equity: str, held: Iterable[PositionSnapshot] = (), **changes: Any) -> AccountReconciled:
        fields: dict[str, Any] = {"differences": (), "open_orders": 0}
        return AccountReconciled(
            **self.head(),
            venue=VENUE,
            account=ACCOUNT,
            equity=D(equity),
            balances=(Balance(asset="USDT", wallet=D(equity), available=D(equity)),),
            positions=tuple(held),
            adopted_orders=0,
            adopted_fills=0,
            **{**fields, **changes},
        )

    def fill_approved(self, approved: OrderApproved) -> None:
        """Execute an approval completely at its reference price: order, fill, position, in execution's order."""
        symbol = approved.symbol
        held = self.portfolio.accounts[VENUE].markets[symbol].position
        signed = approved.quantity if approved.side == "buy" else -approved.quantity
        self.tell(self.order(approved, OrderState.INTENDED))
        self.now += 1_000_000
        self.tell(
            self.fill(symbol, str(approved.quantity)),
            self.order(approved, OrderState.FILLED),
            self.position(symbol, held + signed, float(approved.reference_price)),
        )

    def exposures(self) -> list[ExposureChanged]:
        return [event for event in self.said if isinstance(event, ExposureChanged)]

    def halts(self) -> list[TradingHalted]:
        return [event for event in self.said if isinstance(event, TradingHalted)]

    def _market(self, symbol: str) -> dict[str, Any]:
        return {"venue": VENUE, "symbol": symbol, "ts_venue_ns": self.now}
