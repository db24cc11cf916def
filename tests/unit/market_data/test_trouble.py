"""A stream that freezes, is refused or is away: subscribed anew, stood in for, and trusted only when good."""

from __future__ import annotations

import msgspec

from seawall_market_data.commands import FetchTrades, PollBook, Renew
from seawall_market_data.facts import BookPolled, SubscriptionRefused
from seawall_market_data.feed_pace import LONGEST_NS, SHORTEST_NS, FeedPace
from seawall_proto import BookChanged, FeedChanged, QuoteTicked
from tests.worlds.feed_frames import GeneratedMarket
from tests.worlds.feed_story import MS, SYMBOL, VENUE, FeedStory


def live(market: GeneratedMarket, **config: int) -> FeedStory:
    told = FeedStory(**config)  # type: ignore[arg-type]
    told.now_ns = market.now_ms * MS
    told.frame(market.depth())
    told.snapshot(market.snapshot())
    for _ in range(40):
        told.frame(market.depth(), after_ms=100)
    assert told.feeds() == ["syncing", "live"]
    return told


def renewals(said: list[msgspec.Struct]) -> list[tuple[str, int]]:
    return [(item.channel, item.attempt) for item in said if isinstance(item, Renew)]


def polled(told: FeedStory, payload: bytes) -> list[msgspec.Struct]:
    return told.tell(BookPolled(venue=VENUE, symbol=SYMBOL, payload=payload, ts_received_ns=told.now_ns + MS))


def test_how_long_a_silence_is_too_long_follows_from_the_usual_pace() -> None:
    quick, slow, new = FeedPace(), FeedPace(), FeedPace()
    for number in range(200):
        quick.note(1 + number * 10 * MS)
        slow.note(1 + number * 900 * MS)
    assert quick.limit_ns(5_000 * MS) == SHORTEST_NS
    assert slow.limit_ns(5_000 * MS) == 45_000 * MS
    assert new.limit_ns(5_000 * MS) == 5_000 * MS
    for number in range(200):
        slow.note(200_000 * MS + number * 5_000 * MS)
    assert slow.limit_ns(5_000 * MS) == LONGEST_NS


def test_a_frozen_stream_is_stale_after_fifty_times_its_pace_and_subscribed_anew_again_and_again() -> None:
    market = GeneratedMarket(21)
    told = live(market)
    assert not renewals(told.wait(4_990))
    said = told.wait(20)
    assert told.feeds()[-1] == "stale"
    assert "no frame for 50" in told.last(FeedChanged).reason
    others = [("trade", 1), ("quote", 1)]  # these fell silent too
    assert renewals(said) == [*others, ("depth", 1)]
    assert renewals(told.wait(5_010)) == [*others, ("depth", 2)]
    assert renewals(told.wait(5_010)) == []  # spaced ever wider
    told.frame(market.quote())
    assert renewals(told.wait(5_010)) == [("trade", 1), ("depth", 3)]
    told.frame(market.depth())
    assert told.feeds()[-1] == "live"
    assert renewals(told.wait(9_500)) == [*others, ("depth", 1)]  # counted from the start again


def test_a_refused_subscription_is_asked_for_again_unless_that_cannot_help() -> None:
    told = FeedStory()
    refusal = SubscriptionRefused(
        venue=VENUE,
        symbol=SYMBOL,
        channel="depth",
        reason="refused: 10006 too fast",
        is_final=False,
        ts_received_ns=told.now_ns,
    )
    assert renewals(told.tell(refusal)) == [("depth", 1)]
    assert told.feeds()[-1] == "down"
    assert "too fast" in told.last(FeedChanged).reason
    assert not renewals(told.tell(msgspec.structs.replace(refusal, is_final=True)))
    assert told.troubles() == ["refused", "refused"]


def test_while_the_stream_is_away_book_and_trades_are_polled_and_said_as_such() -> None:
    market = GeneratedMarket(22)
    told = live(market)
    told.connect(False)
    assert not [item for item in told.wait(1_900) if isinstance(item, PollBook)]
    said = told.wait(200)
    assert [type(item) for item in said if isinstance(item, PollBook | FetchTrades)] == [PollBook, FetchTrades]
    assert not [item for item in told.wait(1_900) if isinstance(item, PollBook)]
    market.depth()
    quote, book = polled(told, market.snapshot())
    assert isinstance(quote, QuoteTicked)
    assert isinstance(book, BookChanged)
    assert quote.polled
    assert book.polled
    bids, asks = market.top(20)
    assert (list(book.bids), list(book.asks)) == (bids, asks)
    assert told.feeds()[-1] == "down"  # nobody opens a position on it


def test_polling_is_left_as_soon_as_the_stream_is_good() -> None:
    market = GeneratedMarket(23)
    told = live(market)
    told.connect(False)
    told.wait(2_100)
    told.connect(True)
    told.frame(market.depth())
    told.snapshot(market.snapshot())
    assert told.feeds()[-1] == "live"
    assert not polled(told, market.snapshot())
    assert not [item for item in told.wait(3_000) if isinstance(item, PollBook)]


def test_a_polled_book_that_no_market_can_look_like_is_not_said() -> None:
    told = FeedStory()
    crossed = b'{"lastUpdateId":1,"E":1,"T":1,"bids":[["101","1"]],"asks":[["100","1"]]}'
    assert not polled(told, crossed)
    assert [type(item).__name__ for item in polled(told, b"<html>")] == ["NoteTrouble"]
