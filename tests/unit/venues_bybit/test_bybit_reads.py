"""What is asked of Bybit's public reads, what its answers mean, and how often it may be asked."""

from __future__ import annotations

import pytest

from seawall_venues.bybit.errors import refusal
from seawall_venues.bybit.session import LINEAR_FEED, SPOT_FEED
from seawall_venues.bybit.symbols import SPOT

from .bybit_frames import instrument

BTC = instrument()
SPOT_BTC = instrument("BTCUSDT", "BTC-USDT", SPOT)
NS = 1_000_000_000


def test_what_is_asked_for_is_of_the_right_market() -> None:
    assert [(request.path, dict(request.params)) for request in LINEAR_FEED.listing + SPOT_FEED.listing] == [
        ("/v5/market/instruments-info", {"category": "linear", "limit": "1000"}),
        ("/v5/market/instruments-info", {"category": "spot", "limit": "1000"}),
    ]
    book = LINEAR_FEED.snapshot_request(BTC)
    assert (book.path, book.params) == (
        "/v5/market/orderbook",
        {"category": "linear", "symbol": "BTCUSDT", "limit": "200"},
    )
    trades = SPOT_FEED.trades_request(SPOT_BTC)
    assert (trades.path, trades.params) == (
        "/v5/market/recent-trade",
        {"category": "spot", "symbol": "BTCUSDT", "limit": "60"},
    )
    assert LINEAR_FEED.trades_request(BTC).params["limit"] == str(LINEAR_FEED.dialect.listed_trades)


def test_candles_are_asked_for_by_when_they_open() -> None:
    request = LINEAR_FEED.bars_request(BTC, 60_000, 600 * NS, 780 * NS)
    assert request.path == "/v5/market/kline"
    assert request.params == {
        "category": "linear",
        "symbol": "BTCUSDT",
        "interval": "1",
        "start": "600000",
        "end": "779999",
        "limit": "3",
    }


def test_of_more_candles_than_the_venue_gives_the_newest_are_asked_for() -> None:
    request = LINEAR_FEED.bars_request(BTC, 3_600_000, 0, 5_000 * 3_600 * NS)
    assert (request.params["interval"], request.params["limit"]) == ("60", "1000")
    assert request.params["start"] == str(4_000 * 3_600_000)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b'{"retCode":0,"retMsg":"OK","result":{}}', ""),
        (200, b'{"retCode":10006,"retMsg":"Too many visits!"}', "10006"),
        (200, b'{"retCode":10001,"retMsg":"params error"}', "10001"),
        (200, b"<html>", "unreadable"),
        (200, b"", "unreadable"),
        (403, b"<html>access too frequent", "403"),
        (403, b'{"retCode":10009,"retMsg":"from the United States"}', "10009"),
        (502, b'{"retCode":0}', "502"),
    ],
)
def test_an_answer_is_a_refusal_by_its_own_code_whatever_its_status(status: int, body: bytes, code: str) -> None:
    assert refusal(status, body) == code


@pytest.mark.parametrize("code", ["10006", "10018", "10429"])
def test_too_many_visits_are_waited_out_for_a_window(code: str) -> None:
    budget = LINEAR_FEED.new_budget()
    assert budget.take(1, 0) == ""
    budget.deny(200, code, 0, 0)
    assert budget.take(1, int(4.9 * NS)) != ""
    assert budget.take(1, int(5.1 * NS)) == ""


def test_a_banned_address_stays_away_for_ten_minutes() -> None:
    budget = SPOT_FEED.new_budget()
    budget.deny(403, "403", 0, 0)
    assert budget.take(1, 599 * NS) != ""
    assert budget.take(1, 601 * NS) == ""


def test_an_error_that_is_no_limit_costs_no_wait() -> None:
    budget = LINEAR_FEED.new_budget()
    budget.deny(200, "10001", 0, 0)
    assert budget.take(1, 1) == ""


def test_four_fifths_of_the_venues_limit_are_used() -> None:
    budget = LINEAR_FEED.new_budget()
    assert [budget.take(1, 0) for _ in range(480)] == [""] * 480
    assert budget.take(1, 0) != ""
    assert budget.take(1, 5 * NS) == ""
