"""The seeded market: reproducible, consistent with itself, and shaped like a market."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise, takewhile
from math import log
from random import Random

import msgspec
import pytest

from seawall_sim.instruments import rules_for
from seawall_sim.market import MarketOptions, SyntheticMarket
from seawall_sim.market_messages import BookMoved, BookStarted, MarkMoved, QuoteMoved, SyntheticMessage, TradeMade

SYMBOLS = ("BTCUSDT", "ETHUSDT")
SECOND_NS = 1_000_000_000


def play(seconds: float, seed: int = 1, options: MarketOptions | None = None) -> Iterator[SyntheticMessage]:
    market = SyntheticMarket(rules_for(SYMBOLS).values(), Random(seed), options)
    return takewhile(lambda message: message.ts_ns <= seconds * SECOND_NS, market.messages())


@pytest.fixture(scope="module")
def five_minutes() -> list[SyntheticMessage]:
    return list(play(300))


@pytest.fixture(scope="module")
def quarter_hour() -> list[SyntheticMessage]:
    return [message for message in play(900, seed=5) if isinstance(message, QuoteMoved)]


class Book:
    """A book rebuilt from messages alone."""

    def __init__(self, started: BookStarted) -> None:
        self.bids = dict(started.bids)
        self.asks = dict(started.asks)
        self.update_id = started.update_id

    def apply(self, moved: BookMoved) -> None:
        for side, changes in ((self.bids, moved.bids), (self.asks, moved.asks)):
            for price, quantity in changes:
                if float(quantity) == 0:
                    side.pop(price, None)
                else:
                    side[price] = quantity
        self.update_id = moved.last_update_id

    def best(self) -> tuple[tuple[str, str], tuple[str, str]]:
        bid, ask = max(self.bids, key=float), min(self.asks, key=float)
        return (bid, self.bids[bid]), (ask, self.asks[ask])


def one_second_returns(messages: list[SyntheticMessage], symbol: str) -> list[float]:
    middle: dict[int, float] = {}
    for message in messages:
        if isinstance(message, QuoteMoved) and message.symbol == symbol:
            middle[message.ts_ns // SECOND_NS] = (float(message.bid_price) + float(message.ask_price)) / 2
    return [log(later / earlier) for earlier, later in pairwise(middle.values())]


def correlation(one: list[float], other: list[float]) -> float:
    return statistics.correlation(one, other)


def test_same_seed_gives_the_same_market_byte_for_byte() -> None:
    encode = msgspec.json.encode
    assert [encode(message) for message in play(20, seed=7)] == [encode(message) for message in play(20, seed=7)]


def test_another_seed_gives_another_market() -> None:
    assert [msgspec.json.encode(message) for message in play(2, seed=7)] != [
        msgspec.json.encode(message) for message in play(2, seed=8)
    ]


def test_time_never_goes_back(five_minutes: list[SyntheticMessage]) -> None:
    assert all(earlier.ts_ns <= later.ts_ns for earlier, later in pairwise(five_minutes))


def test_every_change_of_the_book_follows_the_one_before(five_minutes: list[SyntheticMessage]) -> None:
    last: dict[str, int] = {}
    for message in five_minutes:
        if isinstance(message, BookStarted):
            last[message.symbol] = message.update_id
        elif isinstance(message, BookMoved):
            assert message.previous_update_id == last[message.symbol]
            assert message.first_update_id == message.previous_update_id + 1 <= message.last_update_id
            last[message.symbol] = message.last_update_id


def test_book_is_never_crossed_and_keeps_fifty_levels_a_side(five_minutes: list[SyntheticMessage]) -> None:
    books: dict[str, Book] = {}
    for message in five_minutes[: len(five_minutes) // 4]:
        if isinstance(message, BookStarted):
            books[message.symbol] = Book(message)
        elif isinstance(message, BookMoved):
            book = books[message.symbol]
            book.apply(message)
            (bid, _), (ask, _) = book.best()
            assert float(bid) < float(ask)
            assert min(len(book.bids), len(book.asks)) >= 50


def test_quote_at_a_books_version_is_the_top_of_that_book(five_minutes: list[SyntheticMessage]) -> None:
    """The oracle that real recordings pass too."""
    books: dict[str, Book] = {}
    quotes: dict[tuple[str, int], QuoteMoved] = {}
    compared = 0
    for message in five_minutes[: len(five_minutes) // 4]:
        match message:
            case BookStarted():
                books[message.symbol] = Book(message)
            case QuoteMoved():
                quotes[message.symbol, message.update_id] = message
            case BookMoved():
                book = books[message.symbol]
                book.apply(message)
                quote = quotes.get((message.symbol, message.last_update_id))
                if quote is not None:
                    compared += 1
                    assert book.best() == (
                        (quote.bid_price, quote.bid_quantity),
                        (quote.ask_price, quote.ask_quantity),
                    )
    assert compared > 1_000


def test_prices_and_quantities_are_whole_steps(five_minutes: list[SyntheticMessage]) -> None:
    rules = rules_for(SYMBOLS)
    for message in five_minutes[:20_000]:
        if isinstance(message, TradeMade):
            rule = rules[message.symbol]
            assert message.price == rule.price_text(
                rule.floor_price(msgspec.convert(message.price, type(rule.tick_size), strict=False))
            )
            assert float(message.quantity) >= float(rule.lot_size)


def test_trade_ids_rise_by_one(five_minutes: list[SyntheticMessage]) -> None:
    ids: dict[str, list[int]] = defaultdict(list)
    for message in five_minutes:
        if isinstance(message, TradeMade):
            ids[message.symbol].append(message.trade_id)
    for row in ids.values():
        assert row == list(range(row[0], row[0] + len(row)))


def test_default_pace_is_that_of_a_busy_symbol(five_minutes: list[SyntheticMessage]) -> None:
    counts: dict[type, int] = defaultdict(int)
    for message in five_minutes:
        if message.symbol == "BTCUSDT":
            counts[type(message)] += 1
    assert counts[BookMoved] / 300 == pytest.approx(20, rel=0.01)
    assert 5 <= counts[TradeMade] / 300 <= 60
    assert counts[MarkMoved] / 300 == pytest.approx(1, rel=0.02)


def test_rate_gives_thousands_of_events_a_second() -> None:
    assert sum(1 for _ in play(1, options=MarketOptions(rate=50))) > 3_000


def test_spread_is_a_few_ticks(five_minutes: list[SyntheticMessage]) -> None:
    spreads = [
        round((float(message.ask_price) - float(message.bid_price)) / 0.1)
        for message in five_minutes
        if isinstance(message, QuoteMoved) and message.symbol == "BTCUSDT"
    ]
    assert min(spreads) == 1
    assert statistics.median(spreads) == 1
    assert statistics.quantiles(spreads, n=100)[-1] <= 10


def test_volatility_is_clustered(quarter_hour: list[SyntheticMessage]) -> None:
    """Large moves follow large moves: the size of a move tells of the next one's (Engle 1982)."""
    returns = [abs(each) for each in one_second_returns(quarter_hour, "BTCUSDT")]
    assert correlation(returns[:-1], returns[1:]) > 0.08


def test_trades_come_in_bursts_and_runs(five_minutes: list[SyntheticMessage]) -> None:
    """A Poisson process has as much variance as mean; trades that excite each other have more (Hawkes 1971)."""
    trades = [message for message in five_minutes if isinstance(message, TradeMade) and message.symbol == "BTCUSDT"]
    per_second = [0] * 301
    for trade in trades:
        per_second[trade.ts_ns // SECOND_NS] += 1
    assert statistics.pvariance(per_second) > 2 * statistics.mean(per_second)
    sides = [float(trade.buyer_is_maker) for trade in trades]
    assert correlation(sides[:-1], sides[1:]) > 0.3


def test_trends_last_long_enough_for_one_second_bars(five_minutes: list[SyntheticMessage]) -> None:
    """Within five minutes some fifteen seconds move far more than noise of that length would."""
    returns = one_second_returns(five_minutes, "BTCUSDT")
    noise = statistics.pstdev(returns) * 15**0.5
    runs = [abs(sum(returns[start : start + 15])) for start in range(len(returns) - 15)]
    assert max(runs) > 2 * noise


def test_other_symbols_follow_bitcoin_and_not_the_other_way_round(quarter_hour: list[SyntheticMessage]) -> None:
    leader, follower = one_second_returns(quarter_hour, "BTCUSDT"), one_second_returns(quarter_hour, "ETHUSDT")
    assert correlation(leader, follower) > 0.5
    assert correlation(leader[:-1], follower[1:]) > correlation(follower[:-1], leader[1:]) + 0.05


def test_price_stays_within_reach_of_its_start_for_hours() -> None:
    market = SyntheticMarket(
        rules_for(["BTCUSDT"]).values(), Random(11), MarketOptions(depth_updates_per_s=2, trades_per_s=0.2)
    )
    marks = [
        message.mark_price
        for message in takewhile(lambda each: each.ts_ns < 3 * 3600 * SECOND_NS, market.messages())
        if isinstance(message, MarkMoved)
    ]
    assert 50_000 < min(marks) < max(marks) < 72_000


def test_mark_stays_close_to_the_book(five_minutes: list[SyntheticMessage]) -> None:
    quote: QuoteMoved | None = None
    for message in five_minutes:
        if message.symbol != "BTCUSDT":
            continue
        if isinstance(message, QuoteMoved):
            quote = message
        elif isinstance(message, MarkMoved) and quote is not None:
            assert message.mark_price == pytest.approx(float(quote.bid_price), rel=2e-4)
            assert abs(message.funding_rate) <= 0.0006


def test_depth_within_one_percent_carries_millions(five_minutes: list[SyntheticMessage]) -> None:
    started = next(message for message in five_minutes if isinstance(message, BookStarted))
    best = float(started.bids[0][0])
    depth = sum(float(price) * float(quantity) for price, quantity in started.bids if float(price) > best * 0.99)
    assert depth > 5_000_000


def test_start_price_can_be_given() -> None:
    first = next(play(1, options=MarketOptions(start_prices={"BTCUSDT": 100_000.0})))
    assert isinstance(first, BookStarted)
    assert float(first.bids[0][0]) == pytest.approx(100_000, rel=1e-4)
