"""Kraken's pairs in our words, with the venue's own rules."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from seawall_venues.kraken.session import FEED
from seawall_venues.kraken.symbols import new_name, old_name, rest_name
from seawall_venues.kraken.v1 import V1_FEED
from seawall_venues.port import VenueError

BITCOIN = {
    "altname": "XBTUSD",
    "wsname": "XBT/USD",
    "base": "XXBT",
    "quote": "ZUSD",
    "pair_decimals": 1,
    "lot_decimals": 8,
    "ordermin": "0.00005",
    "costmin": "0.5",
    "tick_size": "0.1",
}


def listing(**pairs: Any) -> bytes:
    return json.dumps({"error": [], "result": pairs}).encode()


def test_a_pair_is_named_and_ruled_by_the_list() -> None:
    (bitcoin,) = FEED.parse_instruments([listing(XXBTZUSD=BITCOIN)])
    assert (bitcoin.venue, bitcoin.symbol, bitcoin.venue_symbol) == ("kraken", "BTC-USD", "BTC/USD")
    assert (bitcoin.base, bitcoin.quote, bitcoin.settle) == ("BTC", "USD", "USD")
    assert (bitcoin.tick_size, bitcoin.lot_size) == (Decimal("0.1"), Decimal("1E-8"))
    assert (bitcoin.min_quantity, bitcoin.min_notional) == (Decimal("0.00005"), Decimal("0.5"))
    assert not bitcoin.is_inverse


def test_an_old_list_without_tick_and_minimum_is_read() -> None:
    old = {name: BITCOIN[name] for name in ("wsname", "pair_decimals", "lot_decimals")}
    (bitcoin,) = FEED.parse_instruments([listing(XXBTZUSD=old)])
    assert (bitcoin.tick_size, bitcoin.min_quantity, bitcoin.min_notional) == (
        Decimal("0.1"),
        Decimal("1E-8"),
        Decimal(0),
    )


def test_the_old_sockets_know_the_pair_by_its_old_name() -> None:
    (bitcoin,) = V1_FEED.parse_instruments([listing(XXBTZUSD=BITCOIN)])
    assert (bitcoin.symbol, bitcoin.venue_symbol) == ("BTC-USD", "XBT/USD")


def test_one_odd_pair_stops_no_other() -> None:
    odd = {
        "dark": {key: value for key, value in BITCOIN.items() if key != "wsname"},
        "dotted": {**BITCOIN, "wsname": "ETH2.S/ETH"},
        "slashless": {**BITCOIN, "wsname": "XBTUSD"},
        "dashed": {**BITCOIN, "wsname": "A-B/USD"},
        "zero": {**BITCOIN, "tick_size": "0"},
        "negative": {**BITCOIN, "lot_decimals": -1},
        "endless": {**BITCOIN, "tick_size": "Infinity"},
        "number": 5,
    }
    assert [each.symbol for each in FEED.parse_instruments([listing(**odd, good=BITCOIN)])] == ["BTC-USD"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"error":["EGeneral:Internal error"]}', b'{"result":5}'])
def test_what_is_no_list_is_an_error(body: bytes) -> None:
    with pytest.raises(VenueError):
        FEED.parse_instruments([body])


def test_names_go_forth_and_back() -> None:
    for old, new in (("XBT/USD", "BTC/USD"), ("XDG/XBT", "DOGE/BTC"), ("ETH/USD", "ETH/USD")):
        assert (new_name(old), old_name(new)) == (new, old)
        assert rest_name(old) == rest_name(new) == old.replace("/", "")
