"""Whatever happens to a feed, in whatever order, what is said of it is true."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as some

from seawall_market_data.commands import FetchSnapshot
from seawall_proto import BookChanged, FeedChanged, QuoteTicked
from tests.worlds.feed_frames import GeneratedMarket
from tests.worlds.feed_story import FeedStory


@settings(max_examples=60, deadline=None)
@given(
    some.lists(
        some.sampled_from(["depth", "quote", "trade", "drop", "repeat", "garbage", "snapshot", "cut", "wait"]),
        max_size=60,
    )
)
def test_whatever_happens_a_book_that_is_said_is_the_markets_own(happenings: list[str]) -> None:
    market = GeneratedMarket(23, levels=40)
    told = FeedStory()
    tops = {market.update_id: market.top(20)}

    def move() -> bytes:
        frame = market.depth()
        tops[market.update_id] = market.top(20)
        return frame

    last = move()
    told.frame(last)
    for happening in happenings:
        match happening:
            case "depth":
                last = move()
                told.frame(last)
            case "quote":
                told.frame(market.quote())
            case "trade":
                told.frame(market.trade())
            case "drop":
                move()
            case "repeat":
                told.frame(last)
            case "garbage":
                told.frame(last[: len(last) // 2], channel="depth")
            case "snapshot" if told.all(FetchSnapshot):
                told.snapshot(market.snapshot())
            case "cut":
                told.connect(False)
                told.connect(True)
            case "wait":
                told.wait(700)
    for book in told.all(BookChanged):
        assert (list(book.bids), list(book.asks)) == tops[book.update_id]
    for quote in told.all(QuoteTicked):
        bids, asks = tops[quote.update_id]
        assert ((quote.bid_price, quote.bid_quantity), (quote.ask_price, quote.ask_quantity)) == (bids[0], asks[0])
    said = [item for item in told.said if isinstance(item, FeedChanged | BookChanged | QuoteTicked)]
    state = ""
    for item in said:
        if isinstance(item, FeedChanged):
            state = item.state
        else:
            assert state == "live"
