"""Binance USD-M contracts become instruments with the venue's own rules."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import pytest
import zstandard

from seawall_venues.binance.symbols import parse_exchange_info, parse_instruments
from seawall_venues.port import VenueError
from tests.paths import RECORDINGS, needs_recording

CRYPTOFEED = RECORDINGS / "binance" / "raw_ws" / "cryptofeed_v3" / "BINANCE_FUTURES.jsonl.zst"


def contract(**changes: Any) -> dict[str, Any]:
    listed: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "contractType": "PERPETUAL",
        "status": "TRADING",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 2,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "556.72", "maxPrice": "1000000", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": "100"},
            {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
        ],
    }
    return {**listed, **changes}


LOT = [{"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "9", "stepSize": "1"}]


def exchange_info(*contracts: dict[str, Any]) -> bytes:
    return json.dumps({"timezone": "UTC", "symbols": list(contracts)}).encode()


def test_perpetual_becomes_an_instrument_with_the_venues_rules() -> None:
    (instrument,) = parse_exchange_info(exchange_info(contract()))
    assert (instrument.venue, instrument.symbol, instrument.venue_symbol) == (
        "binance-usdm",
        "BTC-USDT-PERP",
        "BTCUSDT",
    )
    assert instrument.tick_size == Decimal("0.10")
    assert instrument.lot_size == instrument.min_quantity == Decimal("0.001")
    assert instrument.max_quantity == Decimal(1000)
    assert instrument.market_max_quantity == Decimal(120)
    assert instrument.min_notional == Decimal(100)


def test_margin_asset_is_what_the_contract_settles_in() -> None:
    (instrument,) = parse_exchange_info(exchange_info(contract(quoteAsset="BTC", marginAsset="USDC")))
    assert (instrument.symbol, instrument.settle) == ("BTC-BTC-PERP", "USDC")


@pytest.mark.parametrize("kind", ["CURRENT_QUARTER", "NEXT_QUARTER"])
def test_a_dated_contract_is_named_for_its_day(kind: str) -> None:
    (instrument,) = parse_exchange_info(exchange_info(contract(contractType=kind, symbol="BTCUSDT_260925")))
    assert (instrument.symbol, instrument.venue_symbol) == ("BTC-USDT-260925", "BTCUSDT_260925")


@pytest.mark.parametrize(
    "changes",
    [
        {"contractType": "CURRENT_QUARTER", "symbol": "BTCUSDT"},
        {"contractType": "CURRENT_QUARTER", "symbol": "BTCUSDT_2109240"},
        {"contractType": "", "symbol": "BTCSTUSDT"},
        {"status": "PENDING_TRADING"},
        {"baseAsset": "币安人生"},
        {"filters": [{"filterType": "PRICE_FILTER", "tickSize": "0"}, {"filterType": "LOT_SIZE", "stepSize": "1"}]},
        {"filters": []},
        {"filters": [{"filterType": "PRICE_FILTER", "tickSize": "NaN"}, *LOT]},
        {"filters": [{"filterType": "PRICE_FILTER", "tickSize": "-0.1"}, *LOT]},
        {"filters": "none"},
    ],
)
def test_one_odd_listing_is_left_out_and_the_others_stay(changes: dict[str, Any]) -> None:
    odd = contract(**changes)
    listed = parse_exchange_info(exchange_info(odd, contract(symbol="ETHUSDT", baseAsset="ETH")))
    assert [instrument.symbol for instrument in listed] == ["ETH-USDT-PERP"]


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"code":-1003,"msg":"Too many requests"}', b"[1]"])
def test_a_body_that_is_no_exchange_info_is_a_venue_error(body: bytes) -> None:
    with pytest.raises(VenueError, match="exchangeInfo"):
        parse_exchange_info(body)


@needs_recording(CRYPTOFEED)
def test_real_exchange_info_yields_every_trading_contract_once() -> None:
    with CRYPTOFEED.open("rb") as file:
        reader = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file))
        body = next(line["data"] for line in map(json.loads, reader) if "exchangeInfo" in line.get("url", "")).encode()
    listed = parse_exchange_info(body)
    assert parse_instruments([body]) == listed
    assert len({instrument.symbol for instrument in listed}) == len(listed) == 121
    dated = [instrument.symbol for instrument in listed if not instrument.symbol.endswith("-PERP")]
    assert dated == ["BTC-USDT-210924", "ETH-USDT-210924"]
    assert all(instrument.tick_size > 0 and instrument.min_notional > 0 for instrument in listed)
