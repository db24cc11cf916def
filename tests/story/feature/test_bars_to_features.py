"""Given bars and books, when a bar closes, then its features are said: once, in order, without a hole."""

from __future__ import annotations

import pytest

from seawall_feature.service import SERVICE, initial
from seawall_features import FeatureStream
from seawall_proto import BarClosed, BookChanged, Event, FeaturesComputed, FeedChanged, FeedState
from seawall_runtime.config import Config
from seawall_runtime.testing import play

SECOND = 1_000_000_000
VENUE, SYMBOL = "binance-usdm", "BTC-USDT-PERP"


def bar(number: int, close: float = 100.0, *, symbol: str = SYMBOL, repaired: bool = False) -> BarClosed:
    return BarClosed(
        id=f"{VENUE}.{symbol}.bar.{SECOND}.{number * SECOND}",
        causes=("trade",),
        ts_received_ns=(number + 1) * SECOND + 7,
        venue=VENUE,
        symbol=symbol,
        ts_venue_ns=(number + 1) * SECOND,
        interval_ns=SECOND,
        ts_open_ns=number * SECOND,
        ts_close_ns=(number + 1) * SECOND,
        open=close,
        high=close,
        low=close,
        close=close,
        volume=2.0,
        quote_volume=2 * close,
        buy_volume=1.5,
        trade_count=3,
        repaired=repaired,
    )


def book(ts_venue_ns: int, bid_quantity: float = 3.0, symbol: str = SYMBOL) -> BookChanged:
    return BookChanged(
        id=f"book.{ts_venue_ns}",
        ts_received_ns=ts_venue_ns,
        venue=VENUE,
        symbol=symbol,
        ts_venue_ns=ts_venue_ns,
        update_id=ts_venue_ns,
        bids=((99.0, bid_quantity),),
        asks=((101.0, 1.0),),
    )


def feed(state: FeedState) -> FeedChanged:
    return FeedChanged(id=f"feed.{state}", venue=VENUE, symbol=SYMBOL, ts_venue_ns=0, state=state)


def said(*events: Event) -> list[FeaturesComputed]:
    return [item for item in play(SERVICE, initial(Config()), events) if isinstance(item, FeaturesComputed)]


def test_every_closed_bar_has_its_features_and_names_its_causes() -> None:
    first, second = said(bar(0, 100.0), book(2 * SECOND - 5), bar(1, 101.0))
    assert first.causes == (bar(0).id,)
    assert second.causes == (bar(1).id, book(2 * SECOND - 5).id)
    assert second.values["returns"] == pytest.approx(0.01)
    assert second.values["book_imbalance_5"] == pytest.approx(0.5)
    assert second.values["spread_bps"] == pytest.approx(200.0)
    assert (second.close, second.ts_bar_close_ns, second.interval_ns) == (101.0, 2 * SECOND, SECOND)
    assert second.ts_received_ns == bar(1).ts_received_ns
    assert second.expires_at_ns == bar(1).ts_received_ns + SECOND
    assert second.version == FeatureStream().version


def test_ids_are_the_same_when_the_same_bars_are_decided_on_again() -> None:
    bars = [bar(number) for number in range(5)]
    assert [one.id for one in said(*bars)] == [one.id for one in said(*bars)]
    assert len({one.id for one in said(*bars)}) == 5


def test_a_bar_heard_twice_or_late_says_nothing() -> None:
    assert len(said(bar(0), bar(1), bar(1), bar(0), bar(2))) == 3


def test_a_missing_bar_starts_every_window_anew() -> None:
    events = said(*[bar(number, 100.0 + number) for number in range(30)], bar(31, 140.0), bar(32, 141.0))
    assert events[29].values["volatility_15"] is not None
    after_hole, next_one = events[30], events[31]
    assert after_hole.values["returns"] is None
    assert next_one.values["returns"] == pytest.approx(141 / 140 - 1)
    assert next_one.values["volatility_5"] is None


def test_a_repaired_bar_fills_the_windows_and_says_nothing() -> None:
    events = said(*[bar(number, 100.0 + number, repaired=True) for number in range(70)], bar(70, 170.0))
    assert len(events) == 1
    assert None not in {events[0].values[name] for name in ("volatility_60", "rsi_21", "momentum_30", "volume_ratio")}


def test_a_book_of_a_feed_that_is_not_live_is_not_used() -> None:
    untrusted: tuple[FeedState, ...] = ("stale", "syncing", "down")
    for state in untrusted:
        (only,) = said(book(SECOND - 5), feed(state), bar(0))
        assert only.values["book_imbalance_5"] is None
    (only,) = said(book(SECOND - 5), feed("live"), bar(0))
    assert only.values["book_imbalance_5"] is not None


def test_a_book_much_older_than_the_bar_is_not_the_bars() -> None:
    _, last = said(book(SECOND), bar(0), bar(1), bar(2), bar(3))[::3]
    assert last.values["spread_bps"] is None


def test_an_older_book_never_replaces_a_newer_one() -> None:
    (only,) = said(book(SECOND - 5, 3.0), book(SECOND - 9, 1.0), bar(0))
    assert only.values["book_imbalance_5"] == pytest.approx(0.5)


def test_instruments_know_nothing_of_each_other() -> None:
    events = said(
        bar(0, 100.0), bar(0, 5.0, symbol="ETH-USDT-PERP"), book(2 * SECOND, symbol="ETH-USDT-PERP"), bar(1, 101.0)
    )
    assert events[-1].values["returns"] == pytest.approx(0.01)
    assert events[-1].values["spread_bps"] is None
