"""Coinbase products in our words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall_venues.coinbase.symbols import parse_instruments
from seawall_venues.port import Instrument, VenueError
from tests.unit.venues_coinbase.coinbase_feed import recorded, recorded_listing


def product(base: str = "BTC", quote: str = "USD", **changes: Any) -> dict[str, Any]:
    told = {
        "product_id": f"{base}-{quote}",
        "product_type": "SPOT",
        "base_currency_id": base,
        "quote_currency_id": quote,
        "base_increment": "0.00000001",
        "quote_increment": "0.01",
        "price_increment": "0.01",
        "base_min_size": "0.00000002",
        "base_max_size": "3400",
        "quote_min_size": "1",
        "is_disabled": False,
        "trading_disabled": False,
        "alias": "",
        "alias_to": [],
    }
    return told | changes


def listing(*products: Any) -> bytes:
    return msgspec.json.encode({"products": list(products), "num_products": len(products)})


def test_a_product_is_listed_with_its_own_rules() -> None:
    (found,) = parse_instruments([listing(product())])
    assert found == Instrument(
        venue="coinbase",
        symbol="BTC-USD",
        venue_symbol="BTC-USD",
        base="BTC",
        quote="USD",
        settle="USD",
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.00000001"),
        min_quantity=Decimal("0.00000002"),
        max_quantity=Decimal(3400),
        market_max_quantity=Decimal(3400),
        min_notional=Decimal(1),
    )


def test_the_tick_is_the_increment_of_the_price_where_it_is_told_apart() -> None:
    apart, without = product(price_increment="0.05"), product("ETH")
    del without["price_increment"]
    first, second = parse_instruments([listing(apart, without)])
    assert (first.tick_size, second.tick_size) == (Decimal("0.05"), Decimal("0.01"))


@pytest.mark.parametrize(
    "odd",
    [
        {"product_type": "FUTURE"},
        {"is_disabled": True},
        {"trading_disabled": True},
        {"alias": "BTC-USD"},
        {"base_increment": "0"},
        {"base_increment": ""},
        {"base_increment": "NaN"},
        {"base_max_size": "Infinity"},
        {"base_max_size": "0"},
        {"base_min_size": "-1"},
        {"quote_min_size": None},
        {"price_increment": "0", "quote_increment": "0"},
        {"base_currency_id": "B.TC"},
        {"base_currency_id": "Б"},
        {"product_id": 7},
    ],
)
def test_one_odd_product_is_left_out_and_stops_nobody_else(odd: dict[str, Any]) -> None:
    found = parse_instruments([listing(product(**odd), 5, product("ETH"))])
    assert [item.symbol for item in found] == ["ETH-USD"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"products":{}}', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_list_of_products_is_an_error(body: bytes) -> None:
    with pytest.raises(VenueError):
        parse_instruments([listing(product()), body])


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_in_another_way(body: bytes) -> None:
    for tried in (body, b'{"products":[' + body + b"]}"):
        try:
            parse_instruments([tried])
        except VenueError:
            continue


@recorded
def test_every_recorded_product_with_a_book_of_its_own_is_listed() -> None:
    told = msgspec.json.decode(recorded_listing())["products"]
    found = {item.venue_symbol: item for item in parse_instruments([recorded_listing()])}
    open_ones = {item["product_id"] for item in told if not item["alias"] and not item["trading_disabled"]}
    assert set(found) == open_ones
    assert (len(told), len(found)) == (920, 516)
    assert all(item.tick_size > 0 and item.lot_size > 0 for item in found.values())
    aliases = {item["product_id"]: item["alias"] for item in told if item["alias"]}
    assert "BTC-USDC" in aliases
    assert "USDT-USDC" in found
