"""Stream names, and which endpoint carries which."""

from __future__ import annotations

import pytest

from seawall_paper_venue.streams import is_carried, is_market_stream

GOOD = [
    "btcusdt@depth",
    "btcusdt@depth@0ms",
    "btcusdt@depth@100ms",
    "btcusdt@depth@500ms",
    "btcusdt@depth5",
    "btcusdt@depth20@100ms",
    "btcusdt@trade",
    "btcusdt@aggTrade",
    "btcusdt@bookTicker",
    "!bookTicker",
    "btcusdt@markPrice",
    "btcusdt@markPrice@1s",
    "!markPrice@arr",
    "!markPrice@arr@1s",
    "btcusdt@kline_1m",
    "btcusdt@kline_1M",
    "btcusdt_perpetual@continuousKline_1h",
    "btcusdt@ticker",
    "btcusdt@miniTicker",
    "!ticker@arr",
    "!miniTicker@arr",
]
BAD = [
    "",
    "btcusdt",
    "BTCUSDT@trade",
    "btcusdt@depth7",
    "btcusdt@depth@50ms",
    "btcusdt@kline_2m",
    "!trade",
    "a@b",
    "x y@trade",
]


@pytest.mark.parametrize("name", GOOD)
def test_names_of_the_venue_are_known(name: str) -> None:
    assert is_market_stream(name)


@pytest.mark.parametrize("name", BAD)
def test_other_names_are_not(name: str) -> None:
    assert not is_market_stream(name)


@pytest.mark.parametrize("name", GOOD)
def test_every_stream_has_an_endpoint_and_the_root_has_all(name: str) -> None:
    assert is_carried("", name)
    assert is_carried("/public", name) or is_carried("/market", name)


def test_books_and_quotes_are_public_and_prices_are_market() -> None:
    assert is_carried("/public", "btcusdt@depth@100ms")
    assert not is_carried("/market", "btcusdt@depth@100ms")
    assert not is_carried("/market", "!bookTicker")
    assert is_carried("/market", "btcusdt@markPrice@1s")
    assert not is_carried("/public", "!markPrice@arr")
    assert not is_carried("/public", "btcusdt@kline_1m")
