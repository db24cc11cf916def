"""A feed is live only while its book is verified at every update, and nothing unverified is ever said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seawall_market_data.commands import FetchSnapshot, NoteTrouble
from seawall_market_data.facts import FrameLost, InstrumentFetched
from seawall_proto import BarClosed, BookChanged, FeedChanged, FundingPosted, InstrumentListed, QuoteTicked
from seawall_venues.binance.symbols import parse_exchange_info
from tests.worlds.feed_frames import GeneratedMarket
from tests.worlds.feed_story import MS, SYMBOL, VENUE, FeedStory


def live(market: GeneratedMarket, **config: int) -> FeedStory:
    told = FeedStory(**config)  # type: ignore[arg-type]
    told.now_ns = market.now_ms * MS
    told.frame(market.depth())
    told.snapshot(market.snapshot())
    told.frame(market.depth(), after_ms=100)
    assert told.feeds() == ["syncing", "live"]
    return told


def ticks(said: list[Any]) -> list[Any]:
    return [item for item in said if isinstance(item, BookChanged | QuoteTicked)]


def test_nothing_of_the_book_is_said_before_it_is_synchronised() -> None:
    market = GeneratedMarket(1)
    told = FeedStory()
    said = [*told.frame(market.depth()), *told.frame(market.quote()), *told.frame(market.depth())]
    assert not ticks(said)
    assert told.feeds() == ["syncing"]
    assert len(told.all(FetchSnapshot)) == 1
    said = told.snapshot(market.snapshot())
    assert [type(item) for item in said] == [FeedChanged, BookChanged]
    assert told.frame(market.quote())


def test_the_book_said_is_the_markets_own_top() -> None:
    market = GeneratedMarket(2)
    told = live(market)
    for _ in range(50):
        (book,) = told.frame(market.depth(), after_ms=100)
        assert isinstance(book, BookChanged)
        bids, asks = market.top(20)
        assert (list(book.bids), list(book.asks)) == (bids, asks)
        assert book.id == f"{VENUE}.{SYMBOL}.book.{market.update_id}"
        assert (book.ts_venue_ns, book.ts_received_ns) == (market.now_ms * MS, told.now_ns)
        (quote,) = told.frame(market.quote())
        assert isinstance(quote, QuoteTicked)
        assert ((quote.bid_price, quote.bid_quantity), (quote.ask_price, quote.ask_quantity)) == (bids[0], asks[0])


def test_a_gap_silences_book_and_quotes_until_the_book_is_synchronised_anew() -> None:
    market = GeneratedMarket(3)
    told = live(market)
    market.depth()  # lost on the way
    said = told.frame(market.depth())
    assert [item.state for item in said if isinstance(item, FeedChanged)] == ["stale"]
    assert "gap" in told.last(FeedChanged).reason
    assert told.troubles() == ["book_gap"]
    assert not ticks(told.frame(market.quote()))
    assert not ticks(told.frame(market.depth()))
    said = told.snapshot(market.snapshot())
    assert told.feeds()[-1] == "live"
    assert ticks(said)
    assert ticks(told.frame(market.quote()))


def test_dropping_any_one_frame_is_said_at_the_very_next() -> None:
    for dropped in range(12):
        market = GeneratedMarket(4)
        told = live(market)
        for position in range(14):
            frame = market.depth()
            if position == dropped:
                continue
            told.frame(frame)
            if position > dropped:
                assert told.feeds()[-1] == "stale"
                break
            assert told.feeds()[-1] == "live"


def test_a_snapshot_older_than_the_updates_is_asked_for_again_a_little_later() -> None:
    market = GeneratedMarket(5)
    old = market.snapshot()
    told = FeedStory()
    market.depth()
    told.frame(market.depth())
    said = told.snapshot(old)
    assert [item.attempt for item in said if isinstance(item, FetchSnapshot)] == [1]
    assert told.feeds() == ["syncing"]
    told.snapshot(market.snapshot())
    assert told.feeds() == ["syncing", "live"]


def test_a_snapshot_that_cannot_be_read_is_asked_for_again() -> None:
    market = GeneratedMarket(5)
    told = FeedStory()
    told.frame(market.depth())
    told.snapshot(b"<html>502</html>")
    assert told.troubles() == ["malformed_frame"]
    told.snapshot(market.snapshot())
    assert told.feeds() == ["syncing", "live"]


def test_the_answer_to_a_question_of_an_earlier_connection_is_ignored() -> None:
    market = GeneratedMarket(6)
    told = FeedStory()
    told.frame(market.depth())
    asked = told.last(FetchSnapshot).request
    told.connect(False)
    told.connect(True)
    assert not told.snapshot(market.snapshot(), request=asked)
    assert told.feeds() == ["syncing", "down", "syncing"]


def test_a_lost_connection_takes_everything_with_it() -> None:
    market = GeneratedMarket(7)
    told = live(market)
    told.connect(False)
    assert told.feeds()[-1] == "down"
    told.connect(True)
    assert not ticks(told.frame(market.depth()))
    assert not ticks(told.frame(market.quote()))
    told.snapshot(market.snapshot())
    assert told.feeds() == ["syncing", "live", "down", "syncing", "live"]


def test_the_mark_prices_connection_does_not_touch_the_book() -> None:
    told = live(GeneratedMarket(7))
    told.connect(False, channels=("funding",))
    assert told.feeds()[-1] == "live"


def crossing(market: GeneratedMarket) -> bytes:
    """An update in sequence whose best bid stands above the asks."""
    data = json.loads(market.depth())
    data["data"]["b"].append(["99999.90", "1.0"])
    return json.dumps(data, separators=(",", ":")).encode()


def test_a_crossed_book_is_no_book() -> None:
    market = GeneratedMarket(8)
    told = live(market)
    assert not ticks(told.frame(crossing(market)))
    assert "crossed" in told.last(FeedChanged).reason
    assert told.feeds()[-1] == "stale"


def test_a_book_that_contradicts_the_best_quote_of_the_same_update_is_dropped() -> None:
    market = GeneratedMarket(9)
    told = live(market)
    data = json.loads(market.quote())
    data["data"]["B"] = "123.456"
    told.state.last_quote_id = 0
    assert not ticks(told.frame(json.dumps(data, separators=(",", ":")).encode()))
    assert "differ" in told.last(FeedChanged).reason


def test_a_quote_that_came_before_its_update_is_held_against_the_book_when_that_comes() -> None:
    for wrong in (False, True):
        market = GeneratedMarket(10)
        told = live(market)
        update, quote = market.depth(), json.loads(market.quote())
        if wrong:
            quote["data"]["a"], quote["data"]["A"] = "60009.90", "0.001"
        assert ticks(told.frame(json.dumps(quote, separators=(",", ":")).encode()))
        told.frame(update)
        assert told.feeds()[-1] == ("stale" if wrong else "live")


def test_an_impossible_or_older_quote_is_not_said() -> None:
    market = GeneratedMarket(11)
    told = live(market)
    assert ticks(told.frame(market.quote()))
    assert not told.frame(market.quote())
    market.depth()
    data = json.loads(market.quote())
    data["data"]["b"] = data["data"]["a"]
    assert [type(item) for item in told.frame(json.dumps(data, separators=(",", ":")).encode())] == [NoteTrouble]
    assert told.feeds()[-1] == "live"


@pytest.mark.parametrize(
    "damage",
    [
        lambda frame: frame[:-40],
        lambda frame: frame.replace(b'"pu":', b'"px":'),
        lambda frame: frame.replace(b'"b":[["', b'"b":[["x'),
        lambda frame: b'{"stream":"btcusdt@depth@100ms","data":null}',
    ],
)
def test_a_depth_frame_that_cannot_be_read_is_a_gap(damage: Any) -> None:
    market = GeneratedMarket(12)
    told = live(market)
    told.frame(damage(market.depth()), channel="depth")
    assert told.troubles() == ["malformed_frame", "book_gap"]
    assert told.feeds()[-1] == "stale"
    told.frame(market.depth())
    told.snapshot(market.snapshot())
    assert told.feeds()[-1] == "live"


@pytest.mark.parametrize("channel", ["quote", "trade", "funding"])
def test_another_frame_that_cannot_be_read_is_counted_and_the_book_stays(channel: str) -> None:
    told = live(GeneratedMarket(13))
    assert [type(item) for item in told.frame(b'{"stream":"x","data":{"e":', channel=channel)] == [NoteTrouble]
    assert told.feeds()[-1] == "live"


def test_a_frame_that_may_have_been_depth_is_a_gap() -> None:
    told = live(GeneratedMarket(14))
    lost = FrameLost(
        venue=VENUE, symbol=SYMBOL, channels=("depth", "quote"), reason="garbage", ts_received_ns=told.now_ns
    )
    told.tell(lost)
    assert told.troubles() == ["lost_frame", "book_gap"]
    assert told.feeds()[-1] == "stale"


def test_a_feed_that_falls_silent_is_stale_and_live_again_with_the_next_update() -> None:
    market = GeneratedMarket(15)
    told = live(market, stale_after_ms=2_000)
    told.wait(1_990)
    assert told.feeds()[-1] == "live"
    told.wait(20)
    assert told.feeds()[-1] == "stale"
    assert "2000 ms" in told.last(FeedChanged).reason
    assert not ticks(told.frame(market.quote()))
    assert ticks(told.frame(market.depth()))
    assert told.feeds()[-1] == "live"
    assert told.troubles() == ["frozen"]


def test_a_book_that_stands_still_under_moving_quotes_is_stale() -> None:
    market = GeneratedMarket(16)
    told = live(market, stale_after_ms=2_000)
    for _ in range(25):
        market.depth()  # the depth stream hangs, the quotes go on
        told.frame(market.quote(), after_ms=100)
        told.wait(1)
    assert told.feeds()[-1] == "stale"
    assert "no depth" in told.last(FeedChanged).reason


def test_bars_do_not_end_by_the_clock_while_nothing_is_heard() -> None:
    market = GeneratedMarket(17)
    told = live(market, stale_after_ms=2_000)
    told.trades(b"[]")
    told.frame(market.trade())
    before = len(told.said)
    told.now_ns += 60_000 * MS
    told.wait(0)
    said = told.said[before:]
    assert [item.state for item in said if isinstance(item, FeedChanged)] == ["stale"]
    assert not [item for item in said if isinstance(item, BarClosed)]


def test_books_come_at_most_once_a_pace_of_venue_time_and_the_last_one_is_not_kept_back() -> None:
    market = GeneratedMarket(18)
    told = live(market, book_every_ms=1_000)
    count = len(told.all(BookChanged))
    for _ in range(30):
        told.frame(market.depth(step_ms=100), after_ms=100)
    assert len(told.all(BookChanged)) - count == 3
    told.wait(2_000)
    assert told.last(BookChanged).update_id == market.update_id


def test_quotes_come_at_most_once_a_pace_and_the_last_one_is_not_kept_back() -> None:
    market = GeneratedMarket(19)
    told = live(market, quote_every_ms=1_000)
    for _ in range(30):
        told.frame(market.depth(step_ms=100), after_ms=100)
        told.frame(market.quote())
    assert len(told.all(QuoteTicked)) in (3, 4)
    told.wait(2_000)
    assert told.last(QuoteTicked).update_id == market.update_id


def test_a_book_about_to_run_thin_is_deepened_beside_the_live_one() -> None:
    market = GeneratedMarket(20, levels=1_100)
    told = live(market)
    told.state.book.levels.bids.edge = market.top(60)[0][-1][0]  # the market walked down to 60 known levels
    told.now_ns += 20_000 * MS
    told.frame(market.depth(), after_ms=100)
    assert told.last(BookChanged).bids == tuple(market.top(20)[0])
    asked = len(told.all(FetchSnapshot))
    told.frame(market.depth(), after_ms=100)
    assert len(told.all(FetchSnapshot)) == asked + 1
    told.snapshot(market.snapshot())
    (book,) = told.frame(market.depth(), after_ms=100)
    assert isinstance(book, BookChanged)
    assert told.state.book.levels.reaches(500)
    assert told.feeds() == ["syncing", "live"]
    assert told.troubles() == []


def test_beyond_the_snapshots_depth_quotes_go_on_and_books_wait_for_a_deeper_one() -> None:
    market = GeneratedMarket(21, levels=1_100)
    told = live(market)
    told.state.book.levels.asks.edge = 1.0  # a leap past everything the snapshot held
    told.now_ns += 20_000 * MS
    assert not [item for item in told.frame(market.depth(), after_ms=100) if isinstance(item, BookChanged)]
    assert ticks(told.frame(market.quote()))
    told.frame(market.depth(), after_ms=100)
    assert [type(item) for item in told.snapshot(market.snapshot())] == [BookChanged]
    assert told.feeds() == ["syncing", "live"]


def test_mark_price_and_funding_are_said_whatever_the_book() -> None:
    told = FeedStory()
    frame = {"e": "markPriceUpdate", "E": 1, "s": "BTCUSDT", "p": "10", "i": "10", "P": "10", "r": "0.0001", "T": 9}
    said = told.frame(json.dumps({"stream": "btcusdt@markPrice@1s", "data": frame}).encode(), channel="funding")
    assert [type(item) for item in said] == [FundingPosted]


def test_rules_and_state_are_repeated_for_whoever_comes_late() -> None:
    contract = {
        "symbol": "BTCUSDT",
        "contractType": "PERPETUAL",
        "status": "TRADING",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        ],
    }
    (instrument,) = parse_exchange_info(json.dumps({"symbols": [contract]}).encode())
    market = GeneratedMarket(22)
    told = live(market)
    fact = InstrumentFetched(venue=VENUE, symbol=SYMBOL, instrument=instrument, ts_received_ns=told.now_ns)
    assert [type(item) for item in told.tell(fact)] == [InstrumentListed, FeedChanged]
    listed = told.last(InstrumentListed)
    assert (str(listed.tick_size), str(listed.lot_size)) == ("0.10", "0.001")
    for _ in range(100):
        told.frame(market.depth(), after_ms=100)
        told.wait(1)
    assert len(told.all(InstrumentListed)) == 2
    assert told.feeds() == ["syncing", "live", "live", "live"]


def test_quotes_of_a_venue_that_counts_afresh_are_followed() -> None:
    market = GeneratedMarket(31)
    told = live(market)
    assert ticks(told.frame(market.quote()))
    market.update_id -= 500_000
    assert not ticks(told.frame(market.quote()))  # as it stands: a repeat
    market.now_ms += 1_500
    told.frame(market.quote())
    assert told.state.last_quote_id == market.update_id


def test_a_funding_rate_that_was_not_told_yet_is_not_said_as_none() -> None:
    told = FeedStory()
    data = {"e": "markPriceUpdate", "E": 5, "s": "BTCUSDT", "p": "100", "i": "100", "P": "0", "r": "", "T": 0}
    frame = json.dumps({"stream": "btcusdt@markPrice@1s", "data": data}, separators=(",", ":")).encode()
    assert not [item for item in told.frame(frame) if isinstance(item, FundingPosted)]
