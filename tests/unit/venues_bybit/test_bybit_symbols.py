"""Bybit's instruments: named in our words, with the venue's own rules, and without the odd ones."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall_venues.bybit.symbols import parse_linear, parse_spot
from seawall_venues.port import VenueError

from .bybit_frames import encode

CONTRACT: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "contractType": "LinearPerpetual",
    "status": "Trading",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "deliveryTime": "0",
    "priceFilter": {"minPrice": "0.10", "maxPrice": "199999.80", "tickSize": "0.10"},
    "lotSizeFilter": {
        "maxOrderQty": "1190.000",
        "maxMktOrderQty": "500.000",
        "minOrderQty": "0.001",
        "qtyStep": "0.001",
        "minNotionalValue": "5",
    },
    "settleCoin": "USDT",
}
PAIR: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "status": "Trading",
    "lotSizeFilter": {
        "basePrecision": "0.000001",
        "quotePrecision": "0.0000001",
        "minOrderQty": "0.000048",
        "maxOrderQty": "71.7",
        "minOrderAmt": "1",
        "maxOrderAmt": "8000000",
        "maxLimitOrderQty": "230",
        "maxMarketOrderQty": "120",
    },
    "priceFilter": {"tickSize": "0.01"},
}


def listing(*rows: Any) -> bytes:
    return encode({"retCode": 0, "retMsg": "OK", "result": {"category": "x", "list": rows, "nextPageCursor": ""}})


def lot(row: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {**row, "lotSizeFilter": {**row["lotSizeFilter"], **changed}}


def test_a_perpetual_has_the_rules_that_the_venue_states() -> None:
    (one,) = parse_linear([listing(CONTRACT)])
    assert (one.venue, one.symbol, one.venue_symbol) == ("bybit-linear", "BTC-USDT-PERP", "BTCUSDT")
    assert (one.base, one.quote, one.settle) == ("BTC", "USDT", "USDT")
    assert (one.tick_size, one.lot_size, one.min_quantity) == (Decimal("0.10"), Decimal("0.001"), Decimal("0.001"))
    assert (one.max_quantity, one.market_max_quantity) == (Decimal(1190), Decimal(500))
    assert (one.min_notional, one.contract_size, one.is_inverse) == (Decimal(5), Decimal(1), False)


def test_a_perpetual_in_dollar_coins_is_named_for_what_it_is_quoted_in() -> None:
    row = {**CONTRACT, "symbol": "BTCPERP", "quoteCoin": "USDC", "settleCoin": "USDC"}
    (one,) = parse_linear([listing(row)])
    assert (one.symbol, one.venue_symbol, one.settle) == ("BTC-USDC-PERP", "BTCPERP", "USDC")


def test_a_perpetual_that_will_be_delisted_is_still_a_perpetual() -> None:
    (one,) = parse_linear([listing({**CONTRACT, "deliveryTime": "1786694400000"})])
    assert one.symbol == "BTC-USDT-PERP"


def test_a_dated_contract_is_named_for_its_last_day() -> None:
    row = {**CONTRACT, "symbol": "BTCUSDT-14AUG26", "contractType": "LinearFutures", "deliveryTime": "1786694400000"}
    (one,) = parse_linear([listing(row)])
    assert one.symbol == "BTC-USDT-260814"


@pytest.mark.parametrize("text", ["", "-1", "soon", "٣", "999999999999999999", "1.5"])
def test_a_dated_contract_without_a_date_is_left_out(text: str) -> None:
    row = {**CONTRACT, "contractType": "LinearFutures", "deliveryTime": text}
    assert parse_linear([listing(row)]) == ()


def test_a_pair_has_the_rules_that_the_venue_states() -> None:
    (one,) = parse_spot([listing(PAIR)])
    assert (one.venue, one.symbol, one.settle) == ("bybit-spot", "BTC-USDT", "USDT")
    assert (one.lot_size, one.min_quantity, one.min_notional) == (Decimal("0.000001"), Decimal("0.000048"), Decimal(1))
    assert (one.max_quantity, one.market_max_quantity) == (Decimal(230), Decimal(120))


def test_a_pair_listed_as_it_was_of_old_has_one_largest_quantity() -> None:
    old = {key: text for key, text in PAIR["lotSizeFilter"].items() if not key.startswith(("maxLimit", "maxMarket"))}
    (one,) = parse_spot([listing({**PAIR, "lotSizeFilter": old})])
    assert one.max_quantity == one.market_max_quantity == Decimal("71.7")


@pytest.mark.parametrize(
    "row",
    [
        {**CONTRACT, "status": "PreLaunch"},
        {**CONTRACT, "status": "Closed"},
        {**CONTRACT, "contractType": "InversePerpetual"},
        {**CONTRACT, "baseCoin": "BTC.X"},
        {**CONTRACT, "baseCoin": "币"},
        {**CONTRACT, "baseCoin": "BTC\n"},
        {**CONTRACT, "quoteCoin": ""} | {"baseCoin": "B C"},
        {**CONTRACT, "priceFilter": {"tickSize": "0"}},
        {**CONTRACT, "priceFilter": {"tickSize": "NaN"}},
        {**CONTRACT, "priceFilter": {"tickSize": "Infinity"}},
        {**CONTRACT, "priceFilter": {}},
        {**CONTRACT, "lotSizeFilter": {}},
        lot(CONTRACT, qtyStep="-1"),
        lot(CONTRACT, qtyStep=None),
        lot(CONTRACT, maxOrderQty="sNaN"),
        lot(CONTRACT, minOrderQty=""),
        {"symbol": "X"},
        7,
        None,
        "BTCUSDT",
    ],
)
def test_an_odd_listing_stops_nobody_else(row: Any) -> None:
    assert [one.symbol for one in parse_linear([listing(row, CONTRACT)])] == ["BTC-USDT-PERP"]


def test_all_the_bodies_are_read() -> None:
    other = {**CONTRACT, "symbol": "ETHUSDT", "baseCoin": "ETH"}
    assert len(parse_linear([listing(CONTRACT), listing(other)])) == 2
    assert parse_linear([]) == ()


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"retCode":10001,"result":{}}', b'{"result":{"list":{}}}', b"\xff"]
)
def test_what_is_no_listing_is_an_error(body: bytes) -> None:
    for parse in (parse_linear, parse_spot):
        with pytest.raises(VenueError):
            parse([body])


@given(st.dictionaries(st.sampled_from(sorted({*CONTRACT, *PAIR})), st.none() | st.text(max_size=6) | st.integers()))
def test_no_row_crashes_a_listing(changed: dict[str, Any]) -> None:
    for parse, row in ((parse_linear, CONTRACT), (parse_spot, PAIR)):
        assert parse([listing({**row, **changed}, row)])[-1] == parse([listing(row)])[0]
