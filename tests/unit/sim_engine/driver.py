"""A hand on the simulated exchange: short words for long calls."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from seawall_sim.engine import (
    AccountChanged,
    AlgoChanged,
    AlgoOrder,
    EngineEvent,
    Exchange,
    Fill,
    NewAlgo,
    NewOrder,
    Order,
    OrderChanged,
    Settings,
)
from seawall_sim.instruments import rules_for

BTC, ETH = "BTCUSDT", "ETHUSDT"
SECOND_NS = 1_000_000_000
START_NS = 1_700_000_000 * SECOND_NS  # 2023-11-14 22:13:20 UTC, within a funding slot

BIDS = [("60000.0", "1.000"), ("59999.9", "2.000"), ("59999.8", "3.000")]
ASKS = [("60000.1", "0.500"), ("60000.2", "1.000"), ("60000.3", "4.000")]


class Driver:
    """One exchange with 100 000 USDT and a book of three levels a side in BTCUSDT."""

    def __init__(self, funds: str = "100000", settings: Settings | None = None) -> None:
        self.exchange = Exchange(rules_for([BTC, ETH]), settings)
        self.now_ns = START_NS
        self.events: list[EngineEvent] = []
        self.exchange.deposit(self.now_ns, Decimal(funds))
        self.book()

    def book(self, bids: list[tuple[str, str]] | None = None, asks: list[tuple[str, str]] | None = None) -> None:
        """Show a book; each side stays the default where it is not given."""
        self._keep(self.exchange.on_book(BTC, self._tick(), BIDS if bids is None else bids, asks or ASKS))

    def empty_asks(self) -> None:
        """Take all asks away."""
        self._keep(self.exchange.on_book(BTC, self._tick(), BIDS, []))

    def trade(self, price: str, quantity: str = "0.001", *, seller_aggressive: bool = True) -> None:
        """Print a market trade."""
        self._keep(self.exchange.on_trade(BTC, self._tick(), price, quantity, seller_aggressive))

    def mark(self, price: str, funding_rate: str = "0.0001") -> None:
        """Move mark and index price."""
        self._keep(self.exchange.on_mark(BTC, self._tick(), price, price, funding_rate))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += round(seconds * SECOND_NS)
        self._keep(self.exchange.on_clock(self.now_ns))

    def order(self, side: str, quantity: str, price: str | None = None, **more: Any) -> Order:
        """Place a market order, or a limit order where a price is given; return it as it stands after."""
        request = NewOrder(
            symbol=more.pop("symbol", BTC),
            side=side,  # type: ignore[arg-type]
            kind="LIMIT" if price else "MARKET",
            quantity=Decimal(quantity),
            price=Decimal(price or 0),
            **more,
        )
        order, events = self.exchange.place(self._tick(), request)
        self._keep(events)
        return self.look(order)

    def buy(self, quantity: str, price: str | None = None, **more: Any) -> Order:
        """Buy."""
        return self.order("BUY", quantity, price, **more)

    def sell(self, quantity: str, price: str | None = None, **more: Any) -> Order:
        """Sell."""
        return self.order("SELL", quantity, price, **more)

    def algo(self, side: str, kind: str, quantity: str = "0", trigger: str = "0", **more: Any) -> AlgoOrder:
        """Rest a conditional order."""
        request = NewAlgo(
            symbol=BTC,
            side=side,  # type: ignore[arg-type]
            kind=kind,  # type: ignore[arg-type]
            quantity=Decimal(quantity),
            trigger_price=Decimal(trigger),
            **{key: Decimal(value) if key in DECIMALS else value for key, value in more.items()},
        )
        algo, events = self.exchange.place_algo(self._tick(), request)
        self._keep(events)
        return algo

    def look(self, order: Order) -> Order:
        """Return an order as it stands now."""
        return self.exchange.store.orders[order.order_id]

    def look_algo(self, algo: AlgoOrder) -> AlgoOrder:
        """Return a conditional order as it stands now."""
        return self.exchange.store.algos[algo.algo_id]

    @property
    def held(self) -> Decimal:
        """The BTCUSDT position."""
        return self.exchange.store.position(BTC).quantity

    @property
    def wallet(self) -> Decimal:
        """The wallet balance."""
        return self.exchange.account.wallet

    def fills(self, order: Order | None = None) -> list[Fill]:
        """Return fills, of one order where it is given."""
        found = list(self.exchange.store.fills.values())
        return [fill for fill in found if order is None or fill.order_id == order.order_id]

    def said(self) -> list[str]:
        """Return in a word each what happened since the last call."""
        words = [_word(event) for event in self.events]
        self.events.clear()
        return words

    def _keep(self, events: list[EngineEvent]) -> None:
        self.events.extend(events)

    def _tick(self) -> int:
        self.now_ns += 1_000_000
        return self.now_ns


DECIMALS = ("price", "activation_price", "callback_percent")


def _word(event: EngineEvent) -> str:
    if isinstance(event, OrderChanged):
        return f"order {event.execution} {event.order.status}"
    if isinstance(event, AlgoChanged):
        return f"algo {event.algo.status}"
    if isinstance(event, AccountChanged):
        return f"account {event.reason}"
    return type(event).__name__
