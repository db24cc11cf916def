"""Read this first: one market frame becomes a trade, a bar, features, a signal, an order, and a stop.

The six services are their tables and their pure decisions, nothing else. Here a list stands in for
the bus and a few lines stand in for the exchange; everything between them is the code that trades.
"""

from __future__ import annotations

import json
from collections import deque
from decimal import Decimal
from typing import Any

import msgspec

import seawall_execution.commands as execution_asks
import seawall_execution.facts as execution_facts
import seawall_execution.service
import seawall_execution.state
import seawall_feature.service
import seawall_market_data.commands as market_asks
import seawall_market_data.facts as market_facts
import seawall_market_data.service
import seawall_risk.facts as risk_facts
import seawall_risk.main
import seawall_risk.service
import seawall_signal.hosting
import seawall_signal.service
import seawall_stop_guardian.commands as guardian_asks
import seawall_stop_guardian.facts as guardian_facts
import seawall_stop_guardian.service
import seawall_stop_guardian.state
from seawall_proto import (
    Balance,
    Event,
    OrderApproved,
    OrderFilled,
    OrderState,
    ProtectionChanged,
    SignalRaised,
    StopChanged,
    TradePrinted,
)
from seawall_runtime.config import check_config
from seawall_runtime.service import TimerElapsed, step
from seawall_venues.port import Instrument, Outcome, Result, VenueFill, VenueOrder, VenueStop

MS = 1_000_000
SECOND = 1_000 * MS
START = 1_723_161_600 * SECOND
SYMBOL = "BTC-USDT-PERP"
MARKET = {"venue": "binance-usdm", "symbol": SYMBOL}
ACCOUNT = {"venue": "binance-usdm", "account": "paper"}
GUARDED = {**ACCOUNT, "symbol": SYMBOL}
ZERO = Decimal(0)

CONFIG = check_config(
    {
        "market_data": {"bar_interval_ms": 1_000, "book_every_ms": 100},
        "strategies": {"momentum": {}},
        "venues": [
            {
                "name": "binance-usdm",
                "account": "paper",
                "symbols": [SYMBOL],
                "rest_url": "http://127.0.0.1:1",
                "websocket_url": "ws://127.0.0.1:1",
                "trade_key": {"key_file": "key", "secret_file": "secret"},
            }
        ],
    },
    "the story",
)

RULES = Instrument(
    **MARKET,
    venue_symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    settle="USDT",
    tick_size=Decimal("0.1"),
    lot_size=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    max_quantity=Decimal(1000),
    market_max_quantity=Decimal(120),
    min_notional=Decimal(100),
)


class System:
    """The six services, joined by a list; and an exchange of a few lines that fills and rests at once."""

    def __init__(self) -> None:
        self.now = START
        self.facts = 0
        self.said: list[Event] = []
        self.waiting: deque[Event] = deque()
        self.position, self.entry_price = ZERO, ZERO
        self.stops: dict[str, VenueStop] = {}
        self.price = 60_000.0
        self.update_id = 1_000
        makers = (
            (seawall_market_data.service.SERVICE, seawall_market_data.service.initial),
            (seawall_feature.service.SERVICE, seawall_feature.service.initial),
            (seawall_signal.service.SERVICE, seawall_signal.hosting.initial),
            (seawall_risk.service.SERVICE, seawall_risk.main.initial),
            (seawall_execution.service.SERVICE, seawall_execution.state.initial),
            (seawall_stop_guardian.service.SERVICE, seawall_stop_guardian.state.initial),
        )
        self.services = [(service, make(CONFIG), {}) for service, make in makers]

    def tell(self, event: Event) -> None:
        """Let everybody who listens decide, and go on until nobody has anything left to say."""
        self.waiting.append(event)
        while self.waiting:
            event = self.waiting.popleft()
            if not event.ts_received_ns:
                msgspec.structs.force_setattr(event, "ts_received_ns", self.now)
            if not event.id:
                self.facts += 1
                msgspec.structs.force_setattr(event, "id", f"fact-{self.facts}")
            for service, initial, states in self.services:
                if type(event) in service.on:
                    for item in step(service, states, initial, event):
                        self.take(item)

    def take(self, item: Any) -> None:
        if isinstance(item, Event):
            self.said.append(item)
            self.waiting.append(item)
        else:
            self.perform(item)

    def perform(self, command: Any) -> None:
        """What shells do with sockets and a database, the story does with its own exchange."""
        match command:
            case market_asks.FetchSnapshot():
                payload = json.dumps({"lastUpdateId": self.update_id, "T": self.now // MS, **self.book()}).encode()
                self.answer(market_facts.SnapshotFetched(**MARKET, request=command.request, payload=payload))
            case market_asks.FetchTrades():
                self.answer(market_facts.TradesFetched(**MARKET, request=command.request, payload=b"[]"))
            case market_asks.NoteTrouble():
                raise AssertionError(command.detail)
            case execution_asks.PlaceOrder():
                self.fill(command)
            case execution_asks.ReadAccount():
                self.answer(self.account())
            case guardian_asks.PlaceStop():
                self.rest(command)
            case guardian_asks.CancelStop():
                del self.stops[command.client_stop_id]
                self.answer(
                    guardian_facts.CancelAnswered(
                        **GUARDED, client_stop_id=command.client_stop_id, outcome=Outcome.ACCEPTED
                    )
                )
            case guardian_asks.ReadAccount():
                self.answer(self.stops_read())

    def answer(self, fact: Event) -> None:
        self.waiting.append(fact)

    def account(self) -> execution_facts.AccountRead:
        wallet = Balance(asset="USDT", wallet=Decimal(10_000), available=Decimal(10_000))
        nothing: dict[str, Any] = dict.fromkeys(("orders", "history", "stops", "fills", "positions"), ())
        return execution_facts.AccountRead(
            **ACCOUNT, **nothing, ts_started_ns=self.now, symbols=frozenset({SYMBOL}), balances=(wallet,)
        )

    def fill(self, order: execution_asks.PlaceOrder) -> None:
        """The exchange takes a market order and fills it at the touch."""
        price = Decimal(str(self.price))
        common: dict[str, Any] = {"client_order_id": order.client_order_id, "venue_order_id": "17", "symbol": SYMBOL}
        placed = VenueOrder(
            **common,
            side=order.side,
            order_type="MARKET",
            quantity=order.quantity,
            filled_quantity=ZERO,
            average_price=None,
            limit_price=None,
            reduce_only=order.reduce_only,
            state=OrderState.OPEN,
            ts_venue_ns=self.now,
        )
        filled = msgspec.structs.replace(
            placed, state=OrderState.FILLED, filled_quantity=order.quantity, average_price=price
        )
        fill = VenueFill(
            **common,
            fill_id="4711",
            side=order.side,
            price=price,
            quantity=order.quantity,
            fee=Decimal("0.3"),
            fee_asset="USDT",
            maker=False,
            realised_pnl=ZERO,
            ts_venue_ns=self.now,
        )
        self.position, self.entry_price = order.quantity, price
        accepted = Result(outcome=Outcome.ACCEPTED, order=placed)
        self.answer(execution_facts.OrderAnswered(**ACCOUNT, client_order_id=order.client_order_id, result=accepted))
        self.answer(execution_facts.OrderReported(**ACCOUNT, order=filled, fill=fill))
        self.answer(
            guardian_facts.PositionSeen(
                **GUARDED, quantity=self.position, entry_price=price, source="stream", ts_asked_ns=self.now
            )
        )

    def rest(self, wish: guardian_asks.PlaceStop) -> None:
        """The exchange rests a stop; that it does, the guardian must read for itself."""
        self.stops[wish.client_stop_id] = VenueStop(
            client_stop_id=wish.client_stop_id,
            venue_stop_id="99",
            symbol=SYMBOL,
            side=wish.side,
            quantity=wish.quantity,
            trigger_price=wish.trigger_price,
            reduce_only=True,
            active=True,
            state="NEW",
            ts_venue_ns=self.now,
        )
        self.answer(
            guardian_facts.StopAnswered(
                **GUARDED, client_stop_id=wish.client_stop_id, outcome=Outcome.ACCEPTED, venue_stop_id="99"
            )
        )

    def stops_read(self) -> guardian_facts.StopsRead:
        return guardian_facts.StopsRead(**GUARDED, stops=tuple(self.stops.values()), ts_asked_ns=self.now)

    # --- the market

    def book(self) -> dict[str, list[list[str]]]:
        """More buyers than sellers, a tick apart, forty levels deep."""
        return {
            "bids": [[f"{self.price - 0.1 * level:.1f}", "30.000"] for level in range(40)],
            "asks": [[f"{self.price + 0.1 * (level + 1):.1f}", "10.000"] for level in range(40)],
        }

    def frame(self, channel: Any, stream: str, data: dict[str, Any]) -> None:
        payload = json.dumps({"stream": f"btcusdt@{stream}", "data": data}).encode()
        self.tell(market_facts.FrameReceived(**MARKET, channel=channel, payload=payload))

    def begin(self) -> None:
        """The exchange is connected, the account is flat, and risk has read the ledger."""
        self.tell(market_facts.InstrumentFetched(**MARKET, instrument=RULES))
        self.tell(
            market_facts.ConnectionChanged(**MARKET, channels=("depth", "quote", "trade"), connected=True, reason="")
        )
        self.tell(
            guardian_facts.RulesKnown(
                **GUARDED,
                tick_size=RULES.tick_size,
                lot_size=RULES.lot_size,
                min_quantity=RULES.min_quantity,
                market_max_quantity=RULES.market_max_quantity,
            )
        )
        self.tell(execution_facts.LedgerRead(**ACCOUNT, open_orders=(), positions=(), fills=(), last_reconciled=None))
        self.tell(execution_facts.UserStreamChanged(**ACCOUNT, connected=True, reason="connected"))
        self.tell(self.account())
        self.tell(risk_facts.LedgerRead())

    def second(self, number: int) -> None:
        """A second in which the price climbs two dollars on eager buying."""
        for quarter in range(4):
            self.now = START + number * SECOND + quarter * 250 * MS
            time_ms = self.now // MS
            old = self.book()
            self.price = round(self.price + 0.5, 1)
            previous, self.update_id = self.update_id, self.update_id + 10
            gone = [[price, "0.000"] for price, _ in old["asks"]]
            book = self.book()
            ids = {"U": previous + 1, "u": self.update_id, "pu": previous}
            depth = {"e": "depthUpdate", "E": time_ms, "T": time_ms, "s": "BTCUSDT", **ids}
            self.frame("depth", "depth@100ms", {**depth, "b": book["bids"], "a": [*gone, *book["asks"]]})
            (bid, bid_size), (ask, ask_size) = book["bids"][0], book["asks"][0]
            touch = {"b": bid, "B": bid_size, "a": ask, "A": ask_size}
            quote = {"e": "bookTicker", "u": self.update_id, "s": "BTCUSDT", "T": time_ms, "E": time_ms}
            self.frame("quote", "bookTicker", {**quote, **touch})
            trade = {"e": "trade", "E": time_ms, "T": time_ms, "s": "BTCUSDT", "X": "MARKET", "m": False}
            identity = {"t": number * 4 + quarter + 1, "p": f"{self.price:.1f}", "q": "0.500"}
            self.frame("trade", "trade", {**trade, **identity})
        self.now = START + (number + 1) * SECOND
        self.tell(market_facts.MomentPassed(**MARKET))
        self.tell(risk_facts.HaltsRead())
        self.tell(execution_facts.HaltsRead(halts=()))
        self.tell(TimerElapsed(ts_received_ns=self.now))
        self.tell(guardian_facts.MomentPassed(**GUARDED))

    def all(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.said if isinstance(event, kind)]


def test_a_rising_market_becomes_an_order_and_the_position_gets_a_stop() -> None:
    system = System()
    system.begin()
    for number in range(40):
        system.second(number)
        if system.all(ProtectionChanged):
            break

    signal = system.all(SignalRaised)[0]
    assert signal.direction == "long"

    approval = system.all(OrderApproved)[0]
    assert approval.side == "buy"
    assert approval.quantity * approval.reference_price <= Decimal(1_000), "at most a tenth of the equity"

    fill = system.all(OrderFilled)[0]
    assert fill.quantity == approval.quantity

    verified = next(stop for stop in system.all(StopChanged) if stop.verified)
    assert (verified.side, verified.quantity) == ("sell", fill.quantity)
    assert verified.trigger_price < fill.price

    protected = system.all(ProtectionChanged)[-1]
    assert protected.state == "protected"
    assert protected.unprotected_ms <= 2_000


def test_every_decision_names_its_causes_down_to_the_tick() -> None:
    system = System()
    system.begin()
    for number in range(40):
        system.second(number)
        if system.all(OrderApproved):
            break
    said = {event.id: event for event in system.said}
    chain = [system.all(OrderApproved)[0]]
    while chain[-1].causes[0] in said:
        chain.append(said[chain[-1].causes[0]])
    names = [type(event).__name__ for event in chain]
    assert names == ["OrderApproved", "SignalRaised", "FeaturesComputed", "BarClosed", "TradePrinted"]
    assert isinstance(chain[-1], TradePrinted)


def test_the_same_frames_make_the_same_events_under_the_same_ids() -> None:
    def run() -> list[bytes]:
        system = System()
        system.begin()
        for number in range(25):
            system.second(number)
        return [msgspec.json.encode(event) for event in system.said]

    first = run()
    assert len(first) > 100
    assert run() == first
