"""Binance spot symbols become instruments with the venue's own rules."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from seawall_venues.binance_spot.symbols import parse_instruments
from seawall_venues.capture.read import read_capture
from seawall_venues.port import VenueError
from tests.paths import needs_recording
from tests.unit.venues_feed.binance_tape import cryptofeed_file

PRICE = {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"}
LOT = {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"}
MARKET = {"filterType": "MARKET_LOT_SIZE", "minQty": "0", "maxQty": "120.5", "stepSize": "0"}
NOTIONAL = {"filterType": "NOTIONAL", "minNotional": "5.0", "applyMinToMarket": True, "maxNotional": "9000000"}
OLD_NOTIONAL = {"filterType": "MIN_NOTIONAL", "minNotional": "10.0", "applyToMarket": True}


def symbol(**changes: Any) -> dict[str, Any]:
    listed: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "status": "TRADING",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "filters": [PRICE, LOT, {"filterType": "ICEBERG_PARTS", "limit": 10}, MARKET, NOTIONAL],
    }
    return {**listed, **changes}


def exchange_info(*symbols: dict[str, Any]) -> bytes:
    return json.dumps({"timezone": "UTC", "symbols": list(symbols)}).encode()


def test_a_symbol_becomes_an_instrument_with_the_venues_rules() -> None:
    (found,) = parse_instruments([exchange_info(symbol())])
    assert (found.venue, found.symbol, found.venue_symbol) == ("binance-spot", "BTC-USDT", "BTCUSDT")
    assert (found.base, found.quote, found.settle, found.is_inverse) == ("BTC", "USDT", "USDT", False)
    assert (found.tick_size, found.lot_size) == (Decimal("0.01"), Decimal("0.00001"))
    assert (found.min_quantity, found.max_quantity) == (Decimal("0.00001"), Decimal(9000))
    assert (found.market_max_quantity, found.min_notional) == (Decimal("120.5"), Decimal(5))


def test_the_older_name_of_the_least_notional_is_read_too() -> None:
    (found,) = parse_instruments([exchange_info(symbol(filters=[PRICE, LOT, OLD_NOTIONAL]))])
    assert found.min_notional == Decimal(10)
    assert found.market_max_quantity == Decimal(9000)


def test_a_market_limit_of_zero_is_none() -> None:
    (found,) = parse_instruments([exchange_info(symbol(filters=[PRICE, LOT, {**MARKET, "maxQty": "0.0"}]))])
    assert found.market_max_quantity == Decimal(9000)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "BREAK"},
        {"baseAsset": "币安人生"},
        {"filters": [{**PRICE, "tickSize": "0.00"}, LOT]},
        {"filters": [PRICE, {**LOT, "stepSize": "NaN"}]},
        {"filters": [PRICE]},
        {"filters": "none"},
    ],
)
def test_one_odd_listing_is_left_out_and_the_others_stay(changes: dict[str, Any]) -> None:
    listed = parse_instruments(
        [exchange_info(symbol(**changes)), exchange_info(symbol(symbol="ETHBTC", baseAsset="ETH"))]
    )
    assert [found.symbol for found in listed] == ["ETH-USDT"]


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"code":-1003,"msg":"Too many requests"}', b"[1]"])
def test_a_body_that_is_no_exchange_info_is_a_venue_error(body: bytes) -> None:
    with pytest.raises(VenueError, match="exchangeInfo"):
        parse_instruments([body])


@needs_recording(cryptofeed_file("BINANCE"))
@pytest.mark.parametrize(("name", "count"), [("BINANCE", 1_262), ("BINANCE_US", 117)])
def test_real_listings_yield_every_trading_symbol_once(name: str, count: int) -> None:
    body = next(line.data for line in read_capture(cryptofeed_file(name)) if "exchangeInfo" in line.address)
    listed = parse_instruments([body])
    assert len(listed) == len({found.symbol for found in listed}) == count
    assert all(found.tick_size > 0 and found.min_notional > 0 for found in listed)
