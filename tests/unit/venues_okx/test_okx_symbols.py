"""OKX's lists of instruments: our names, and rules in base units."""

from __future__ import annotations

from decimal import Decimal

import pytest

from seawall_venues.okx.session import FEED
from seawall_venues.okx.symbols import index_of, is_contract, is_perpetual
from seawall_venues.port import VenueError
from tests.unit.venues_okx.okx_frames import FUTURE, INVERSE, SPOT, SWAP, instrument, instruments, listing


def test_names_are_ours_and_kinds_are_told_apart() -> None:
    spot, swap, coin, dated = instruments(SPOT, SWAP, INVERSE, FUTURE)
    assert [listed.symbol for listed in (spot, swap, coin, dated)] == [
        "BTC-USDT",
        "BTC-USDT-PERP",
        "BTC-USD-PERP",
        "BTC-USD-220527",
    ]
    assert [is_contract(listed) for listed in (spot, swap, coin, dated)] == [False, True, True, True]
    assert [is_perpetual(listed) for listed in (spot, swap, coin, dated)] == [False, True, True, False]
    assert [listed.is_inverse for listed in (spot, swap, coin, dated)] == [False, False, True, True]
    assert [listed.settle for listed in (spot, swap, coin, dated)] == ["USDT", "USDT", "BTC", "BTC"]
    assert {listed.base for listed in (spot, swap, coin, dated)} == {"BTC"}
    assert [index_of(listed) for listed in (swap, coin)] == ["BTC-USDT", "BTC-USD"]


def test_contracts_become_base_units() -> None:
    swap = instrument(SWAP)
    assert swap.contract_size == Decimal("0.01")
    assert (swap.lot_size, swap.min_quantity) == (Decimal("0.001"), Decimal("0.001"))
    assert (swap.max_quantity, swap.market_max_quantity) == (Decimal(1_000_000), Decimal(120))
    assert instrument(SWAP | {"ctMult": "10"}).contract_size == Decimal("0.1")
    assert instrument(SWAP | {"ctMult": ""}).contract_size == Decimal("0.01")


def test_an_inverse_contract_counts_quote_units() -> None:
    coin = instrument(INVERSE | {"lotSz": "1", "minSz": "1"})
    assert (coin.contract_size, coin.lot_size, coin.min_quantity) == (Decimal(100), Decimal(100), Decimal(100))


def test_a_spot_pairs_largest_market_order_is_not_taken_for_base_units() -> None:
    spot = instrument(SPOT)
    assert spot.market_max_quantity == spot.max_quantity == Decimal("9999999999")


def test_what_derivatives_are_of_is_told_by_their_name_where_the_list_does_not_say() -> None:
    swap, dated = instruments(SWAP | {"uly": ""}, FUTURE | {"uly": ""})
    assert (swap.base, swap.quote, dated.base, dated.quote) == ("BTC", "USDT", "BTC", "USD")


def test_a_family_of_another_name_keeps_it_and_follows_its_index() -> None:
    swap = instrument(SWAP | {"instId": "BTC-USD_UM-SWAP", "uly": "BTC-USD", "settleCcy": "USD"})
    assert (swap.symbol, swap.quote, index_of(swap)) == ("BTC-USD_UM-PERP", "USD", "BTC-USD")


@pytest.mark.parametrize(
    "odd",
    [
        SPOT | {"state": "preopen", "tickSz": ""},
        SPOT | {"state": "test"},
        SPOT | {"tickSz": "0"},
        SPOT | {"tickSz": "NaN"},
        SPOT | {"lotSz": "-1"},
        SPOT | {"maxLmtSz": "Infinity"},
        SPOT | {"baseCcy": "比特"},
        SPOT | {"baseCcy": ""},
        SPOT | {"baseCcy": "A.B"},
        SPOT | {"instType": "MARGIN"},
        SWAP | {"ctVal": ""},
        SWAP | {"ctVal": "x"},
        SWAP | {"ctVal": "1e999999"},
        SWAP | {"ctVal": "sNaN"},
        SWAP | {"ctType": ""},
        SWAP | {"ctValCcy": "ETH"},
        INVERSE | {"ctValCcy": "BTC"},
        INVERSE | {"instId": "BTC-USD-FOREVER"},
        FUTURE | {"instId": "BTC-USD-WEEK"},
        INVERSE | {"instType": "OPTION", "instId": "BTC-USD-220514-22000-C"},
        {"instId": "BTC-USDT"},
        7,
        None,
    ],
)
def test_an_instrument_that_cannot_be_read_is_left_out_and_stops_nobody_else(odd: object) -> None:
    assert [listed.symbol for listed in instruments(odd, SWAP)] == ["BTC-USDT-PERP"]


def test_an_instrument_listed_twice_is_one() -> None:
    assert len(FEED.parse_instruments([listing(SPOT), listing(SPOT, SWAP)])) == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"code":"50011","data":[]}', b"\xff", b"[" * 5_000])
def test_a_body_that_is_no_list_is_a_venue_error(body: bytes) -> None:
    with pytest.raises(VenueError):
        FEED.parse_instruments([listing(SPOT), body])
