"""Random histories of a market and a trader, small enough to shrink."""

from __future__ import annotations

from collections import OrderedDict
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import strategies as st

from seawall_sim.engine import EngineEvent, Exchange, NewAlgo, NewOrder, Refused
from seawall_sim.instruments import rules_for
from tests.unit.sim_engine.driver import BTC, ETH, SECOND_NS, START_NS

TICKS = st.integers(min_value=-40, max_value=40)
LOTS = st.integers(min_value=1, max_value=1500)
SIDES = st.sampled_from(["BUY", "SELL"])
STEPS = st.one_of(
    st.tuples(st.just("book"), TICKS, st.lists(LOTS, min_size=0, max_size=6)),
    st.tuples(st.just("trade"), TICKS, LOTS, st.booleans()),
    st.tuples(st.just("mark"), TICKS, st.integers(-30, 30)),
    st.tuples(st.just("wait"), st.sampled_from([1, 60, 4 * 3600])),
    st.tuples(st.just("market"), SIDES, LOTS, st.booleans()),
    st.tuples(st.just("limit"), SIDES, LOTS, TICKS, st.sampled_from(["GTC", "IOC", "FOK", "GTX"]), st.booleans()),
    st.tuples(st.just("stop"), SIDES, LOTS, TICKS, st.sampled_from(["MARK_PRICE", "CONTRACT_PRICE"]), st.booleans()),
    st.tuples(st.just("trail"), SIDES, LOTS, st.integers(1, 5)),
    st.tuples(st.just("cancel"), st.integers(0, 5)),
    st.tuples(st.just("amend"), st.integers(0, 5), LOTS, TICKS),
    st.tuples(st.just("leverage"), st.sampled_from([1, 5, 20, 50])),
    st.tuples(st.just("isolate"), st.booleans()),
)
SHORT_HISTORIES = st.lists(STEPS, min_size=5, max_size=40)
MIDDLE = Decimal(60000)
TICK = Decimal("5.0")  # a coarse grid, so that prices meet often


KINDS = ("book", "trade", "mark", "wait", "market", "limit", "stop", "trail", "cancel", "amend", "leverage", "isolate")
WEIGHTS = (20, 20, 6, 2, 25, 25, 6, 2, 3, 3, 1, 1)


def long_history(seed: int, length: int = 250) -> list[tuple[Any, ...]]:
    """Return a history in which much is traded: prices wander near the middle, orders are small and many."""
    random = Random(seed)
    steps: list[tuple[Any, ...]] = []
    price = 0
    for kind in random.choices(KINDS, WEIGHTS, k=length):
        price = max(-30, min(30, price + random.choice((-2, -1, 0, 0, 1, 2))))
        side, lots, ticks = random.choice(("BUY", "SELL")), random.randint(2, 300), price + random.randint(-3, 3)
        arguments: tuple[Any, ...] = {
            "book": (price, [random.randint(1, 400) for _level in range(random.randint(0, 6))]),
            "trade": (ticks, lots, random.random() < 0.5),
            "mark": (price // 4, random.randint(-30, 30)),
            "wait": (random.choice((1, 60, 4 * 3600)),),
            "market": (side, lots, random.random() < 0.3),
            "limit": (side, lots, ticks, random.choice(("GTC", "GTC", "IOC", "FOK", "GTX")), random.random() < 0.3),
            "stop": (side, lots, ticks, random.choice(("MARK_PRICE", "CONTRACT_PRICE")), random.random() < 0.5),
            "trail": (side, lots, random.randint(1, 5)),
            "cancel": (random.randint(0, 5),),
            "amend": (random.randint(0, 5), lots, ticks),
            "leverage": (random.choice((1, 5, 20, 50)),),
            "isolate": (random.random() < 0.5,),
        }[kind]
        steps.append((kind, *arguments))
    return steps


HISTORIES = st.one_of(SHORT_HISTORIES, st.integers(0, 10_000).map(long_history))


class History:
    """Plays steps on a fresh exchange and keeps what it said."""

    def __init__(self, funds: int = 30_000) -> None:
        self.exchange = Exchange(rules_for([BTC, ETH]))
        self.now_ns = START_NS
        self.said: list[EngineEvent] = list(self.exchange.deposit(self.now_ns, Decimal(funds)))
        self.play(("book", 0, [400, 800, 1200]))

    def play(self, step: tuple[Any, ...]) -> list[EngineEvent]:
        """Play one step; a refused request says nothing."""
        self.now_ns += SECOND_NS
        try:
            events = getattr(self, f"_{step[0]}")(*step[1:])
        except Refused:
            events = []
        self.said.extend(events)
        return list(events)

    def _book(self, middle: int, sizes: list[int]) -> list[EngineEvent]:
        touch = MIDDLE + middle * TICK
        bids = [(touch - (n + 1) * TICK, Decimal(size) / 1000) for n, size in enumerate(sizes)]
        asks = [(touch + n * TICK, Decimal(size) / 500) for n, size in enumerate(sizes)]
        return self.exchange.on_book(BTC, self.now_ns, bids, asks)

    def _trade(self, ticks: int, lots: int, buyer_is_maker: bool) -> list[EngineEvent]:
        return self.exchange.on_trade(BTC, self.now_ns, MIDDLE + ticks * TICK, Decimal(lots) / 1000, buyer_is_maker)

    def _mark(self, ticks: int, rate: int) -> list[EngineEvent]:
        price = MIDDLE + ticks * TICK * 20
        return self.exchange.on_mark(BTC, self.now_ns, price, price, Decimal(rate) / 10_000)

    def _wait(self, seconds: int) -> list[EngineEvent]:
        self.now_ns += seconds * SECOND_NS
        return self.exchange.on_clock(self.now_ns)

    def _market(self, side: Any, lots: int, reduce_only: bool) -> list[EngineEvent]:
        request = NewOrder(symbol=BTC, side=side, kind="MARKET", quantity=Decimal(lots) / 1000, reduce_only=reduce_only)
        return self.exchange.place(self.now_ns, request)[1]

    def _limit(self, side: Any, lots: int, ticks: int, time: Any, reduce_only: bool) -> list[EngineEvent]:
        request = NewOrder(
            symbol=BTC,
            side=side,
            kind="LIMIT",
            quantity=Decimal(lots) / 1000,
            price=MIDDLE + ticks * TICK,
            time_in_force=time,
            reduce_only=reduce_only,
        )
        return self.exchange.place(self.now_ns, request)[1]

    def _stop(self, side: Any, lots: int, ticks: int, working: Any, reduce_only: bool) -> list[EngineEvent]:
        request = NewAlgo(
            symbol=BTC,
            side=side,
            kind="STOP_MARKET",
            quantity=Decimal(lots) / 1000,
            trigger_price=MIDDLE + ticks * TICK,
            working_type=working,
            reduce_only=reduce_only,
        )
        return self.exchange.place_algo(self.now_ns, request)[1]

    def _trail(self, side: Any, lots: int, tenths: int) -> list[EngineEvent]:
        request = NewAlgo(
            symbol=BTC,
            side=side,
            kind="TRAILING_STOP_MARKET",
            quantity=Decimal(lots) / 1000,
            callback_percent=Decimal(tenths) / 10,
        )
        return self.exchange.place_algo(self.now_ns, request)[1]

    def _cancel(self, number: int) -> list[EngineEvent]:
        orders = self.exchange.store.open_orders()
        return self.exchange.cancel(self.now_ns, orders[number % len(orders)])[1] if orders else []

    def _amend(self, number: int, lots: int, ticks: int) -> list[EngineEvent]:
        orders = self.exchange.store.open_orders()
        if not orders:
            return []
        order = orders[number % len(orders)]
        price = MIDDLE + ticks * TICK
        return self.exchange.amend(self.now_ns, order, order.side, Decimal(lots) / 1000, price)[1]

    def _leverage(self, leverage: int) -> list[EngineEvent]:
        return self.exchange.set_leverage(self.now_ns, BTC, leverage)[1]

    def _isolate(self, isolated: bool) -> list[EngineEvent]:
        return self.exchange.set_margin_type(self.now_ns, BTC, "isolated" if isolated else "cross")


def sorted_memory(exchange: Exchange) -> dict[str, Any]:
    """Return everything the exchange remembers, however it came to remember it."""
    memory = exchange.everything()
    tables = ("orders", "algos", "fills", "incomes", "positions", "settings")
    found: dict[str, Any] = OrderedDict((table, sorted(getattr(memory, table), key=str)) for table in tables)
    found["counters"] = memory.counters
    return found
