"""What the venue sends by the clock, with the clock in the test's hand."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from seawall_paper_venue.book import VenueBook
from seawall_paper_venue.broadcast import Broadcaster
from seawall_paper_venue.mark_price import FUNDING_INTERVAL_MS
from seawall_paper_venue.market_frames import BookSnapshot, DepthUpdate, Trade
from seawall_paper_venue.market_hub import MarketHub
from seawall_paper_venue.sources import Sink
from seawall_sim.instruments import rules_for

NOON_MS = 1_795_348_800_000
MS = 1_000_000


class Silence:
    """A source that says nothing: the test feeds the hub itself."""

    async def run(self, sink: Sink, speed: float) -> None: ...


class Marks:
    """A listener that notes mark prices."""

    def __init__(self) -> None:
        self.marks: list[Decimal] = []

    def on_book(self, symbol: str, ts_ns: int, book: VenueBook) -> None: ...

    def on_trade(self, symbol: str, ts_ns: int, price: Decimal, quantity: Decimal, buyer_is_maker: bool) -> None: ...

    def on_mark(self, symbol: str, ts_ns: int, mark: Decimal, index: Decimal, funding_rate: Decimal) -> None:
        self.marks.append(mark)


class Tape(Broadcaster):
    """A broadcaster that all the world listens to, and that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, Any]] = []

    def wanted(self, stream: str) -> bool:
        return True

    def send(self, stream: str, payload: bytes) -> None:
        self.sent.append((stream, json.loads(payload)))

    def of(self, stream: str) -> list[Any]:
        return [data for name, data in self.sent if name == stream]


class Stage:
    """A hub with one symbol, fed and beaten by hand."""

    def __init__(self) -> None:
        self.now_ms = NOON_MS
        self.listener = Marks()
        self.hub = MarketHub(rules_for(["BTCUSDT"]), Silence(), self.listener, clock=lambda: self.now_ms * MS)
        self.tape = Tape()
        self.hub.broadcaster = self.hub._pulse._caster = self.tape
        self._trade_id = 0
        book = BookSnapshot(10, NOON_MS, NOON_MS, [("100.00", "1.000")], [("100.10", "1.000")], "BTCUSDT")
        self.hub.accept(NOON_MS * MS, book)

    def beat(self, at_ms: int) -> None:
        self.now_ms = NOON_MS + at_ms
        self.hub._pulse.beat(self.now_ms * MS)

    def trade(self, at_ms: int, price: str, quantity: str = "1.000", *, seller: bool = False) -> None:
        now_ms = NOON_MS + at_ms
        self._trade_id += 1
        trade = Trade(now_ms, now_ms, "BTCUSDT", self._trade_id, price, quantity, "MARKET", seller)
        self.hub.accept(now_ms * MS, trade)

    def depth(self, at_ms: int, update_id: int, bid: str) -> None:
        now_ms = NOON_MS + at_ms
        bids = [(bid, "1.000")]
        self.hub.accept(
            now_ms * MS, DepthUpdate(now_ms, now_ms, "BTCUSDT", update_id, update_id, update_id - 1, bids, [])
        )


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_candle_is_sent_while_it_runs_and_once_more_when_it_is_final(stage: Stage) -> None:
    stage.trade(1_000, "100.00")
    stage.beat(1_250)
    stage.trade(59_000, "101.00")
    stage.beat(59_250)
    stage.beat(60_000)
    stage.beat(60_250)
    candles = [frame["k"] for frame in stage.tape.of("btcusdt@kline_1m")]
    finals = [candle for candle in candles if candle["x"]]
    assert [(candle["o"], candle["c"], candle["n"]) for candle in finals] == [("100.00", "101.00", 2)]
    assert [candle["c"] for candle in candles if not candle["x"]][:2] == ["100.00", "101.00"]
    hour = [frame["k"] for frame in stage.tape.of("btcusdt@kline_1h")]
    assert not any(candle["x"] for candle in hour)


def test_trade_in_the_next_minute_closes_the_candle_at_once(stage: Stage) -> None:
    stage.trade(59_999, "100.00")
    stage.trade(60_000, "102.00")
    (final,) = [frame["k"] for frame in stage.tape.of("btcusdt@kline_1m") if frame["k"]["x"]]
    assert (final["c"], final["T"]) == ("100.00", NOON_MS + 59_999)


def test_aggregate_ends_with_another_price_side_or_a_tenth_of_a_second(stage: Stage) -> None:
    stage.trade(0, "100.00", "1.000")
    stage.trade(50, "100.00", "0.500")
    assert stage.tape.of("btcusdt@aggTrade") == []
    stage.trade(60, "100.10", "2.000")
    stage.trade(70, "100.10", "3.000", seller=True)
    stage.trade(171, "100.10", "4.000", seller=True)
    stage.beat(300)
    first, second, third, fourth = stage.tape.of("btcusdt@aggTrade")
    assert (first["q"], first["f"], first["l"]) == ("1.500", 1, 2)
    assert (second["q"], second["m"]) == ("2.000", False)
    assert (third["q"], third["m"], third["a"]) == ("3.000", True, first["a"] + 2)
    assert fourth["q"] == "4.000"


def test_entries_without_a_price_are_no_market(stage: Stage) -> None:
    stage.trade(0, "0", "0")
    assert len(stage.tape.of("btcusdt@trade")) == 1
    assert not stage.hub.markets["BTCUSDT"].trades


def test_mark_is_sent_every_second_and_told_four_times_as_often(stage: Stage) -> None:
    for at_ms in range(250, 6_001, 250):
        stage.beat(at_ms)
    marks = stage.tape.of("btcusdt@markPrice@1s")
    assert [frame["E"] - NOON_MS for frame in marks] == [250, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000]
    assert len(stage.tape.of("btcusdt@markPrice")) == 3
    assert len(stage.listener.marks) == 24
    assert float(marks[-1]["p"]) == pytest.approx(100.05, abs=0.02)
    assert marks[-1]["T"] > marks[-1]["E"]


def test_late_beat_sends_what_it_missed(stage: Stage) -> None:
    stage.beat(900)
    stage.beat(1_970)  # the beats at 1 000 and after did not come
    stage.beat(2_000)
    assert [frame["E"] - NOON_MS for frame in stage.tape.of("btcusdt@markPrice@1s")] == [900, 1_970, 2_000]


def test_funding_is_posted_when_its_time_comes(stage: Stage) -> None:
    stage.beat(250)
    market = stage.hub.markets["BTCUSDT"]
    until_funding = market.next_funding_ms - NOON_MS
    stage.beat(until_funding - 250)
    assert not market.fundings
    stage.beat(until_funding)
    (posted,) = market.fundings
    assert posted.at_ms == NOON_MS + until_funding
    assert posted.at_ms % FUNDING_INTERVAL_MS == 0
    assert posted.rate == pytest.approx(0.0001, abs=1e-5)
    stage.beat(until_funding + 250)
    assert len(market.fundings) == 1


def test_paced_depth_is_sent_only_when_something_changed(stage: Stage) -> None:
    stage.depth(10, 11, "99.90")
    stage.depth(60, 12, "99.80")
    stage.beat(100)
    stage.beat(200)
    (frame,) = stage.tape.of("btcusdt@depth@100ms")
    assert (frame["U"], frame["u"], frame["pu"]) == (11, 12, 10)
    assert frame["b"] == [["99.90", "1.000"], ["99.80", "1.000"]]
    assert len(stage.tape.of("btcusdt@depth@0ms")) == 2


def test_top_of_the_book_is_sent_only_when_the_book_changed(stage: Stage) -> None:
    stage.depth(10, 11, "99.90")
    stage.beat(100)
    stage.beat(200)
    stage.depth(210, 12, "99.80")
    stage.beat(300)
    versions = [frame["u"] for frame in stage.tape.of("btcusdt@depth5@100ms")]
    assert versions == [11, 12]


def test_quotes_are_made_from_the_book_where_the_source_has_none(stage: Stage) -> None:
    stage.depth(10, 11, "100.05")
    (quote,) = stage.tape.of("btcusdt@bookTicker")
    assert (quote["b"], quote["a"], quote["u"]) == ("100.05", "100.10", 11)
