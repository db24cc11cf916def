"""Whatever is heard in whatever order: no figure is none, only what may be believed counts, and the pace holds."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from seawall_proto import AssetQuoted, BookChanged, CurrencyRated, Event, FeedChanged, FeedState, QuoteTicked
from seawall_runtime.service import TimerElapsed
from tests.worlds.consolidator_world import MS, SECOND, START, Venues

PLACES = [
    (venue, symbol)
    for venue in ("binance-spot", "kraken-spot", "coinbase")
    for symbol in ("BTC-USDT", "BTC-USD", "ETH-USDC", "USDT-USD", "USDC-USDT", "EUR-USD", "BTC-USDT-PERP", "ETH-BTC")
]
ODD = (float("nan"), float("inf"), 0.0, -1.0, 1e300, 5e-324)
STATES: tuple[FeedState, ...] = ("syncing", "live", "live", "live", "stale", "down")
MAX_AGE_NS, EVERY_NS = 5 * SECOND, 100 * MS
PRICE = {"BTC": 60_000.0, "ETH": 3_000.0, "EUR": 1.1}


def story(seed: int, steps: int = 300) -> list[Event]:
    """Return what three venues might say: mostly sound, at times late, odd, or of a broken feed."""
    chance = Random(seed)
    said: list[Event] = []
    now = START
    for number in range(steps):
        now += chance.choice((0, 1, 30, 90, 300)) * MS
        venue, symbol = chance.choice(PLACES)
        at = now - chance.choice((0, 0, 0, 40, 2_000)) * MS
        head: dict[str, Any] = {"id": f"{venue}.{symbol}.{number}", "ts_received_ns": at, "ts_venue_ns": at - 5 * MS}
        head |= {"venue": venue, "symbol": symbol}
        said.append(_event(chance, head, symbol, number, now))
    return said


def _event(chance: Random, head: dict[str, Any], symbol: str, number: int, now: int) -> Event:
    bid = PRICE.get(symbol.split("-")[0], 1.0) * chance.uniform(0.99, 1.01)
    ask = bid * chance.uniform(0.9999, 1.001)
    if chance.random() < 0.05:
        bid, ask = chance.choice(ODD), chance.choice((ask, *ODD))
    match chance.choice(("quote", "quote", "quote", "book", "feed", "timer")):
        case "quote":
            prices = {"bid_price": bid, "bid_quantity": 1.0, "ask_price": ask, "ask_quantity": 1.0}
            return QuoteTicked(**head, **prices, update_id=number, polled=chance.random() < 0.1)
        case "book":
            count, quantity = chance.choice((0, 1, 20)), chance.choice((1.0, 7.0, *ODD))
            bids = tuple((bid * (1 - level / 1_000), quantity) for level in range(count))
            asks = tuple((ask * (1 + level / 1_000), quantity) for level in range(chance.choice((count, 0))))
            return BookChanged(**head, update_id=number, bids=bids, asks=asks)
        case "feed":
            return FeedChanged(**head, state=chance.choice(STATES))
    return TimerElapsed(id=f"timer-{number}", ts_received_ns=now)


def check(view: AssetQuoted, feeds: dict[tuple[str, str], str]) -> None:
    """Hold one view to its own entries and to what is known of the feeds."""
    counted = [quote for quote in view.venues if quote.counted]
    bids = {quote.bid_price_usd for quote in counted}
    asks = {quote.ask_price_usd for quote in counted}
    assert None not in bids | asks
    assert view.bid_price_usd == max(bids, default=None)  # type: ignore[type-var]
    assert view.ask_price_usd == min(asks, default=None)  # type: ignore[type-var]
    assert sum(quote.bid_depth_usd for quote in counted) == view.bid_depth_usd
    assert sum(quote.ask_depth_usd for quote in counted) == view.ask_depth_usd
    if counted:
        assert view.crossed == (view.bid_price_usd > view.ask_price_usd)  # type: ignore[operator]
        assert (view.bid_venue, view.bid_symbol) in {(quote.venue, quote.symbol) for quote in counted}
    for quote in counted:
        assert feeds[quote.venue, quote.symbol] == quote.feed == "live"
        assert quote.age_ns is not None
        assert 0 <= quote.age_ns <= MAX_AGE_NS
        assert quote.bid_price is not None
        assert quote.ask_price is not None
        assert 0 < quote.bid_price <= quote.ask_price


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_only_what_may_be_believed_counts_and_no_figure_is_none(seed: int) -> None:
    venues = Venues()
    feeds: dict[tuple[str, str], str] = {}
    told_ns: dict[tuple[str, str], int] = {}
    for event in story(seed):
        if isinstance(event, FeedChanged) and event.ts_received_ns >= told_ns.get((event.venue, event.symbol), 0):
            feeds[event.venue, event.symbol] = event.state
            told_ns[event.venue, event.symbol] = event.ts_received_ns
        for said in venues.tell(event):
            assert said.ts_received_ns == venues.state.now_ns
            if isinstance(said, AssetQuoted):
                check(said, feeds)
            else:
                assert isinstance(said, CurrencyRated)
                assert said.rate_usd is None or 0.0 < said.rate_usd < 1e9


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_no_view_is_early_unless_its_best_was_lost_and_none_is_said_twice_empty(seed: int) -> None:
    venues = Venues()
    last: dict[tuple[str, str], AssetQuoted] = {}
    for event in story(seed):
        for said in venues.tell(event):
            if not isinstance(said, AssetQuoted):
                continue
            before = last.get((said.asset, said.market))
            last[said.asset, said.market] = said
            if before is None:
                assert said.bid_venue
                continue
            assert said.bid_venue or before.bid_venue
            if said.ts_received_ns - before.ts_received_ns < EVERY_NS:
                best = {(before.bid_venue, before.bid_symbol), (before.ask_venue, before.ask_symbol)}
                gone = {(quote.venue, quote.symbol) for quote in said.venues if not quote.counted}
                assert best & gone, "it could have waited"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_the_same_story_is_told_again_with_the_same_ids(seed: int) -> None:
    once, again = Venues(), Venues()
    first, second = once.tell(*story(seed)), again.tell(*story(seed))
    assert first == second
    assert len({event.id for event in first}) == len(first)


def test_an_event_costs_nothing_for_the_assets_it_is_not_about() -> None:
    venues = Venues()
    for number in range(500):
        venues.live(("binance-spot", f"A{number}-USD"))
        venues.tell(venues.quote("binance-spot", f"A{number}-USD", 1.0, 1.1))
    venues.wait(200)
    (said,) = venues.tell(venues.quote("binance-spot", "A7-USD", 1.0, 1.1))
    assert isinstance(said, AssetQuoted)
    assert (said.asset, len(said.venues)) == ("A7", 1)
    assert not venues.state.waiting, "what was said waits no longer"
