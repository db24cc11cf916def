"""A wrong symbol is answered with what may have been meant."""

from __future__ import annotations

import json

import pytest

from seawall_venues.binance.symbols import parse_exchange_info
from seawall_venues.instruments import find_instrument
from seawall_venues.port import Instrument, UnknownInstrumentError
from tests.worlds.fake_venue import FILTERS


def listed(*bases: str) -> tuple[Instrument, ...]:
    contracts = [
        {
            "symbol": f"{base}USDT",
            "contractType": "PERPETUAL",
            "status": "TRADING",
            "baseAsset": base,
            "quoteAsset": "USDT",
            "marginAsset": "USDT",
            "filters": FILTERS,
        }
        for base in bases
    ]
    return parse_exchange_info(json.dumps({"symbols": contracts}).encode())


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("BTC-USD-PERP", "BTC-USDT-PERP"),
        ("BTCUSDT", "BTC-USDT-PERP"),
        ("btc-usdt-perp", "BTC-USDT-PERP"),
        ("SOL-USDT", "SOL-USDT-PERP"),
    ],
)
def test_a_wrong_symbol_is_answered_with_what_may_have_been_meant(wrong: str, meant: str) -> None:
    instruments = listed("BTC", "ETH", "SOL", "DOGE")
    with pytest.raises(UnknownInstrumentError, match=f"{wrong} is not listed at binance-usdm: did you mean") as raised:
        find_instrument(instruments, wrong)
    assert meant in str(raised.value)


def test_a_symbol_like_no_other_is_refused_without_a_guess() -> None:
    with pytest.raises(UnknownInstrumentError, match="lists 2 instruments, none alike"):
        find_instrument(listed("BTC", "ETH"), "ZZZZZZ")


def test_a_listed_symbol_is_found() -> None:
    assert find_instrument(listed("BTC", "ETH"), "ETH-USDT-PERP").venue_symbol == "ETHUSDT"
