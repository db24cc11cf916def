"""Frames are told apart by the stream they name; a wrong symbol is answered with what may have been meant."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from seawall_venues.binance.feed_session import topic_of
from seawall_venues.binance.symbols import parse_exchange_info
from seawall_venues.feeds import DIALECTS
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
    ("frame", "topic"),
    [
        (b'{"stream":"btcusdt@depth@100ms","data":{}}', b"btcusdt@depth@100ms"),
        (b'{ "data" : {}, "stream" : "btcusdt@trade" }', b"btcusdt@trade"),
        (b'{"stream":"' + b"x" * 200 + b'","data":{}}', b"x" * 200),
        (b'{"result":null,"id":1}', b""),
        (b'{"e":"serverShutdown"}', b""),
        (b"", None),
        (b"[]", None),
        (b'{"stream":7}', None),
        (b"\xff\xfe", None),
    ],
)
def test_a_frame_names_its_stream(frame: bytes, topic: bytes | None) -> None:
    assert topic_of(frame) == topic


@given(some.binary(max_size=300))
def test_no_bytes_crash_the_reading_of_a_topic(frame: bytes) -> None:
    topic = topic_of(frame)
    assert topic is None or isinstance(topic, bytes)


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


def test_every_dialect_is_found_by_its_venues_name() -> None:
    assert {name: dialect.venue for name, dialect in DIALECTS.items()} == {"binance-usdm": "binance-usdm"}
