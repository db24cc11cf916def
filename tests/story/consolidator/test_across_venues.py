"""One view of an asset: the best of the venues that may be believed, in dollars, and who holds it."""

from __future__ import annotations

import itertools

import pytest

from seawall_proto import AssetQuoted, FeedState
from tests.worlds.consolidator_world import BEHIND_NS, MS, SECOND, Venues, of

BINANCE, KRAKEN, COINBASE = ("binance-spot", "BTC-USDT"), ("kraken-spot", "BTC-USD"), ("coinbase", "BTC-USDC")
USDT = ("kraken-spot", "USDT-USD")


def market(**options: object) -> Venues:
    """Three venues with live feeds, a Tether worth 0.999 dollars, and a pause."""
    venues = Venues(**options)
    venues.live(BINANCE, KRAKEN, COINBASE, USDT)
    venues.tell(venues.quote(*USDT, 0.9989, 0.9991))
    venues.wait(200)
    return venues


def test_the_best_prices_come_from_whoever_has_them_in_dollars() -> None:
    venues = market()
    venues.tell(venues.quote(*BINANCE, 60_000.0, 60_010.0))
    venues.wait(100)
    venues.tell(venues.quote(*KRAKEN, 59_930.0, 59_945.0))
    view = venues.view()
    assert (view.bid_venue, view.bid_symbol, view.bid_price_usd) == (*BINANCE, pytest.approx(60_000 * 0.999))
    assert (view.ask_venue, view.ask_symbol, view.ask_price_usd) == (*KRAKEN, 59_945.0)
    assert not view.crossed
    tether = of(view, *BINANCE)
    assert (tether.currency, tether.bid_price, tether.ask_price) == ("USDT", 60_000.0, 60_010.0)
    assert tether.ask_price_usd == pytest.approx(60_010 * 0.999)
    assert (tether.counted, tether.age_ns, tether.feed) == (True, 100 * MS, "live")
    assert tether.ts_venue_ns == venues.now - 100 * MS - BEHIND_NS
    assert (of(view, *COINBASE).counted, of(view, *COINBASE).bid_price) == (False, None)


def test_a_market_crossed_between_venues_is_said_as_it_is() -> None:
    venues = market()
    venues.tell(venues.quote(*KRAKEN, 60_000.0, 60_001.0), venues.quote(*COINBASE, 60_005.0, 60_006.0))
    venues.wait(100)
    venues.tell(venues.quote(*COINBASE, 60_005.0, 60_006.0))
    view = venues.view()
    assert view.crossed
    assert (view.bid_venue, view.ask_venue) == ("coinbase", "kraken-spot")


def test_a_market_crossed_in_itself_is_no_market() -> None:
    venues = market()
    venues.tell(venues.quote(*KRAKEN, 60_000.0, 60_001.0))
    venues.wait(100)
    venues.tell(venues.quote(*KRAKEN, 60_002.0, 60_001.0))
    assert venues.view().bid_price_usd is None
    venues.wait(100)
    venues.tell(venues.quote(*KRAKEN, 60_002.0, 60_003.0))
    assert venues.view().bid_price_usd == 60_002.0


def test_depth_is_what_stands_within_a_hundredth_of_the_mid_in_dollars() -> None:
    venues = market()
    bids = ((99.5, 2.0), (99.1, 1.0), (98.9, 500.0))
    asks = ((100.5, 3.0), (101.0, 1.0), (101.1, 500.0))
    venues.tell(venues.book(*BINANCE, bids, asks))
    venues.wait(100)
    venues.tell(venues.book(*KRAKEN, ((100.0, 10.0),), ((100.2, 20.0),)))
    view = venues.view()
    assert of(view, *BINANCE).bid_depth_usd == pytest.approx((2 * 99.5 + 99.1) * 0.999)
    assert of(view, *BINANCE).ask_depth_usd == pytest.approx((3 * 100.5 + 101.0) * 0.999)
    assert view.bid_depth_usd == pytest.approx((2 * 99.5 + 99.1) * 0.999 + 1_000.0)
    assert view.ask_depth_usd == pytest.approx((3 * 100.5 + 101.0) * 0.999 + 2_004.0)
    assert (view.bid_venue, view.ask_venue) == ("kraken-spot", "kraken-spot"), "a book's top is a price as well"


def test_spot_and_perpetuals_are_apart_and_dated_futures_are_left_out() -> None:
    venues = market()
    perpetual, future = ("binance-usdm", "BTC-USDT-PERP"), ("binance-usdm", "BTC-USDT-251226")
    venues.live(perpetual, future)
    venues.tell(
        venues.quote(*KRAKEN, 60_000.0, 60_001.0),
        venues.quote(*perpetual, 61_000.0, 61_001.0),
        venues.quote(*future, 65_000.0, 65_001.0),
        venues.quote("binance-usdm", "NOSYMBOL", 1.0, 2.0),
    )
    assert venues.view().bid_price_usd == 60_000.0
    assert venues.view(market="perpetual").bid_price_usd == pytest.approx(61_000 * 0.999)
    assert {event.market for event in venues.said if isinstance(event, AssetQuoted)} == {"spot", "perpetual"}


def test_a_price_whose_currency_nobody_can_tell_is_shown_and_does_not_count() -> None:
    venues = market()
    venues.live(("binance-spot", "BTC-TRY"))
    venues.tell(venues.quote("binance-spot", "BTC-TRY", 2_500_000.0, 2_500_100.0))
    venues.wait(100)
    venues.tell(venues.quote(*KRAKEN, 60_000.0, 60_001.0))
    lira = of(venues.view(), "binance-spot", "BTC-TRY")
    assert (lira.bid_price, lira.bid_price_usd, lira.counted) == (2_500_000.0, None, False)
    assert venues.view().bid_price_usd == 60_000.0


def test_only_a_live_feed_counts_and_one_not_heard_of_is_not_live() -> None:
    venues = Venues()
    venues.tell(venues.quote(*KRAKEN, 60_000.0, 60_001.0))
    assert not venues.said
    venues.wait(100)
    venues.live(KRAKEN)
    assert venues.view().bid_price_usd == 60_000.0


@pytest.mark.parametrize("state", ["syncing", "stale", "down"])
def test_the_best_venues_feed_is_gone_at_once_whatever_the_pace(state: FeedState) -> None:
    venues = market()
    venues.tell(venues.quote(*BINANCE, 60_100.0, 60_110.0))
    venues.wait(100)
    venues.tell(venues.quote(*KRAKEN, 59_930.0, 60_500.0))
    assert venues.view().bid_venue == "binance-spot"
    venues.wait(1)
    (said,) = venues.tell(venues.feed(*BINANCE, state))
    assert isinstance(said, AssetQuoted)
    assert (said.bid_venue, said.bid_price_usd, said.ask_price_usd) == ("kraken-spot", 59_930.0, 60_500.0)
    assert (of(said, *BINANCE).bid_price, of(said, *BINANCE).feed) == (None, state)


def test_a_feed_that_never_was_the_best_leaves_in_its_own_time() -> None:
    venues = market()
    venues.tell(venues.quote(*BINANCE, 59_000.0, 61_000.0))
    venues.wait(100)
    venues.tell(venues.quote(*KRAKEN, 59_930.0, 60_500.0))
    venues.wait(1)
    assert not venues.tell(venues.feed(*BINANCE, "stale"))
    venues.wait(99)
    (said,) = venues.tell(venues.quote(*KRAKEN, 59_930.0, 60_500.0))
    assert isinstance(said, AssetQuoted)
    assert not of(said, *BINANCE).counted


def test_what_a_feed_said_before_it_broke_never_comes_back() -> None:
    venues = market()
    before = venues.quote(*KRAKEN, 70_000.0, 70_001.0)
    venues.wait(10)
    venues.tell(venues.feed(*KRAKEN, "stale"))
    venues.tell(before)
    venues.wait(10)
    venues.tell(venues.feed(*KRAKEN, "live"), before)
    venues.wait(100)
    venues.tell(venues.quote(*BINANCE, 60_000.0, 60_010.0))
    assert venues.view().bid_venue == "binance-spot"
    venues.wait(100)
    venues.tell(venues.quote(*KRAKEN, 60_100.0, 60_101.0))
    assert venues.view().bid_venue == "kraken-spot"


def test_what_was_said_while_the_feed_was_broken_does_not_count_when_it_is_live_again() -> None:
    venues = market()
    venues.tell(venues.feed(*KRAKEN, "stale"))
    venues.wait(10)
    meanwhile = venues.quote(*KRAKEN, 70_000.0, 70_001.0)
    venues.tell(meanwhile)
    venues.wait(10)
    venues.live(KRAKEN)
    venues.tell(meanwhile)  # and once more, late on the way
    venues.wait(100)
    venues.tell(venues.quote(*BINANCE, 60_000.0, 60_010.0))
    assert venues.view().bid_venue == "binance-spot"
    assert of(venues.view(), *KRAKEN).bid_price is None


def test_an_older_word_on_a_feed_does_not_undo_a_newer_one() -> None:
    venues = market()
    late = venues.feed(*KRAKEN, "stale")
    venues.wait(10)
    venues.live(KRAKEN)
    venues.tell(late, venues.quote(*KRAKEN, 60_000.0, 60_001.0))
    assert venues.view().bid_price_usd == 60_000.0


def test_polled_prices_are_not_the_views() -> None:
    venues = market()
    venues.tell(venues.quote(*KRAKEN, 60_000.0, 60_001.0, polled=True))
    venues.tell(venues.book(*KRAKEN, ((60_000.0, 1.0),), ((60_001.0, 1.0),), polled=True))
    assert not venues.views()


def test_a_venue_that_falls_silent_leaves_the_view() -> None:
    venues = market()
    venues.tell(venues.quote(*KRAKEN, 60_000.0, 60_001.0))
    for _ in range(5):
        venues.second()
        venues.tell(venues.quote(*COINBASE, 59_000.0, 61_000.0))
    assert venues.view().bid_venue == "kraken-spot", "five seconds are not too old"
    said = [event for event in venues.second() if isinstance(event, AssetQuoted) and event.asset == "BTC"]
    assert len(said) == 1
    assert (said[0].bid_venue, said[0].bid_price_usd) == ("coinbase", 59_000.0)
    assert (of(said[0], *KRAKEN).counted, of(said[0], *KRAKEN).bid_price) == (False, 60_000.0)


def test_silence_of_the_best_is_said_at_once_whatever_the_pace() -> None:
    venues = market(every_ms=20_000)
    venues.tell(venues.quote(*KRAKEN, 60_000.0, 60_001.0))
    for _ in range(6):
        venues.second()
    (full, empty) = venues.views()
    assert empty.ts_received_ns - full.ts_received_ns == 6 * SECOND
    assert empty.bid_price_usd is None


def test_when_all_are_silent_the_view_is_said_to_be_empty_once() -> None:
    venues = market()
    venues.tell(venues.quote(*KRAKEN, 60_000.0, 60_001.0), venues.quote(*COINBASE, 59_000.0, 61_000.0))
    for _ in range(30):
        venues.second()
    (_, full, empty) = venues.views()
    assert (full.bid_price_usd, of(full, *COINBASE).counted) == (60_000.0, True)
    assert (empty.bid_price_usd, empty.ask_price_usd, empty.bid_venue, empty.ask_symbol) == (None, None, "", "")
    assert (empty.bid_depth_usd, empty.crossed) == (0.0, False)


def test_a_market_that_nobody_follows_any_more_is_not_listed() -> None:
    venues = market()
    venues.tell(venues.quote(*KRAKEN, 60_000.0, 60_001.0))
    assert {quote.venue for quote in venues.view().venues} == {"binance-spot", "kraken-spot", "coinbase"}
    venues.wait(61_000)
    venues.tell(venues.quote(*KRAKEN, 60_000.0, 60_001.0))
    assert {quote.venue for quote in venues.view().venues} == {"kraken-spot"}


def test_a_view_is_said_at_most_once_in_its_pace_and_its_last_state_is_not_lost() -> None:
    venues = market()
    for step in range(60):
        venues.wait(5)
        venues.tell(venues.quote(*KRAKEN, 60_000.0 + step, 60_100.0 + step))
    times = [view.ts_received_ns for view in venues.views()]
    assert len(times) == 3
    assert all(later - earlier >= 100 * MS for earlier, later in itertools.pairwise(times))
    venues.wait(100)
    venues.tell(venues.quote("kraken-spot", "ETH-USD", 3_000.0, 3_001.0))
    assert venues.view().bid_price_usd == 60_059.0, "another asset's event says what waited"


def test_causes_are_the_prices_it_rests_on_and_ids_are_derived() -> None:
    def told() -> Venues:
        venues = market()
        first = venues.quote(*BINANCE, 60_000.0, 60_010.0)
        venues.tell(first)
        venues.wait(100)
        second = venues.quote(*KRAKEN, 59_930.0, 59_945.0)
        venues.tell(second)
        assert venues.view().causes == (first.id, second.id)
        assert venues.view().ts_received_ns == second.ts_received_ns
        venues.second()
        return venues

    once, again = told(), told()
    assert [event.id for event in once.said] == [event.id for event in again.said]
    assert len({event.id for event in once.said}) == len(once.said)


def test_the_pace_and_the_age_are_the_configurations() -> None:
    venues = market(every_ms=1_000, max_age_ms=30_000)
    venues.tell(venues.quote(*KRAKEN, 60_000.0, 60_001.0))
    venues.wait(500)
    assert not venues.tell(venues.quote(*KRAKEN, 60_000.0, 60_001.0))
    for _ in range(29):
        venues.second()
    assert venues.view().bid_price_usd == 60_000.0
    venues.wait(2_000)
    venues.second()
    assert venues.view().bid_price_usd is None
    assert venues.now - venues.views()[0].ts_received_ns > 30 * SECOND
