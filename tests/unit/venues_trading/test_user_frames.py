"""The user stream's frames in our words; garbage never crashes and never passes for a fact."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall_proto import OrderState
from seawall_venues.binance.user_frames import ListenKeyExpired, UnknownFrame, parse_frame
from seawall_venues.port import OrderUpdate, PositionUpdate, StopUpdate, VenueError

TRADE = {
    "e": "ORDER_TRADE_UPDATE",
    "E": 1568879465651,
    "T": 1568879465650,
    "o": {
        "s": "BTCUSDT",
        "c": "0123456789abcdef0123456789abcdef",
        "S": "SELL",
        "o": "LIMIT",
        "f": "IOC",
        "q": "0.003",
        "p": "60000.1",
        "ap": "60000.2",
        "sp": "0",
        "x": "TRADE",
        "X": "PARTIALLY_FILLED",
        "i": 8886774,
        "l": "0.001",
        "z": "0.002",
        "L": "60000.30",
        "N": "USDT",
        "n": "0.02400012",
        "T": 1568879465650,
        "t": 4711,
        "m": False,
        "R": True,
        "rp": "-0.5",
    },
}


def symbol(venue_symbol: str) -> str:
    return {"BTCUSDT": "BTC-USDT-PERP"}.get(venue_symbol, venue_symbol)


def frame(message: Any) -> bytes:
    return json.dumps(message).encode()


def test_a_trade_carries_the_order_and_its_one_fill() -> None:
    (update,) = parse_frame(frame(TRADE), symbol, 7)
    assert isinstance(update, OrderUpdate)
    assert (update.order.state, update.order.filled_quantity) == (OrderState.PARTIALLY_FILLED, Decimal("0.002"))
    assert update.fill is not None
    assert (update.fill.fill_id, update.fill.price, update.fill.quantity) == (
        "4711",
        Decimal("60000.30"),
        Decimal("0.001"),
    )
    assert (update.fill.fee, update.fill.fee_asset, update.fill.realised_pnl) == (
        Decimal("0.02400012"),
        "USDT",
        Decimal("-0.5"),
    )
    assert update.order.reduce_only
    assert (update.fill.ts_venue_ns, update.ts_received_ns) == (1568879465650_000_000, 7)


def test_a_combined_frame_is_unwrapped() -> None:
    (update,) = parse_frame(b'{"stream":"key","data":' + frame(TRADE) + b"}", symbol, 7)
    assert isinstance(update, OrderUpdate)


def test_a_change_without_a_trade_has_no_fill() -> None:
    message = TRADE | {"o": TRADE["o"] | {"x": "CANCELED", "X": "CANCELED"}}  # type: ignore[operator]
    (update,) = parse_frame(frame(message), symbol, 7)
    assert isinstance(update, OrderUpdate)
    assert (update.fill, update.order.state) == (None, OrderState.CANCELED)


def test_a_status_nobody_knows_is_unknown() -> None:
    message = TRADE | {"o": TRADE["o"] | {"x": "NEW", "X": "SOMETHING_NEW"}}  # type: ignore[operator]
    (update,) = parse_frame(frame(message), symbol, 7)
    assert isinstance(update, OrderUpdate)
    assert update.order.state is OrderState.UNKNOWN


def test_positions_are_absolute_and_hedge_legs_are_left_out() -> None:
    message = {
        "e": "ACCOUNT_UPDATE",
        "E": 1,
        "T": 1,
        "a": {
            "m": "ORDER",
            "B": [],
            "P": [
                {"s": "BTCUSDT", "pa": "-0.010", "ep": "60000.1", "up": "0", "ps": "BOTH"},
                {"s": "BTCUSDT", "pa": "5", "ep": "1", "up": "0", "ps": "LONG"},
                {"s": "NEWUSDT", "pa": "0", "ep": "0", "up": "0", "ps": "BOTH"},
            ],
        },
    }
    first, second = parse_frame(frame(message), symbol, 7)
    assert isinstance(first, PositionUpdate)
    assert isinstance(second, PositionUpdate)
    assert (first.symbol, first.quantity, first.entry_price) == ("BTC-USDT-PERP", Decimal("-0.010"), Decimal("60000.1"))
    assert (second.symbol, second.quantity) == ("NEWUSDT", Decimal(0))


def test_a_stop_that_closes_the_position_names_no_quantity() -> None:
    message = {
        "e": "ALGO_UPDATE",
        "T": 1750515742297,
        "E": 1750515742303,
        "o": {
            "caid": "stop1",
            "aid": 2148719,
            "at": "CONDITIONAL",
            "o": "STOP_MARKET",
            "s": "BTCUSDT",
            "S": "SELL",
            "q": "",
            "X": "EXPIRED",
            "tp": "750.0",
            "R": False,
            "cp": True,
            "rm": "position closed",
        },
    }
    (update,) = parse_frame(frame(message), symbol, 7)
    assert isinstance(update, StopUpdate)
    assert (update.stop.active, update.stop.reduce_only, update.stop.quantity) == (False, True, Decimal(0))
    assert (update.stop.state, update.reason) == ("expired", "position closed")


def test_the_end_of_a_listen_key_is_told_apart() -> None:
    with pytest.raises(ListenKeyExpired):
        parse_frame(b'{"e":"listenKeyExpired","E":1}', symbol, 7)


def test_frames_we_do_not_need_say_nothing_and_new_kinds_are_counted() -> None:
    assert parse_frame(b'{"e":"TRADE_LITE","E":1}', symbol, 7) == ()
    with pytest.raises(UnknownFrame):
        parse_frame(b'{"e":"BRAND_NEW","E":1}', symbol, 7)


@pytest.mark.parametrize("field", ["q", "z", "i", "X", "S", "s", "c"])
@pytest.mark.parametrize("value", [None, "NaN", [], {}, "x" * 5])
def test_a_damaged_order_is_refused_whole(field: str, value: object) -> None:
    if (field, value) in [("X", "NaN"), ("X", "xxxxx"), ("s", "NaN"), ("s", "xxxxx"), ("c", "NaN"), ("c", "xxxxx")]:
        return  # any text may stand there
    message = TRADE | {"o": TRADE["o"] | {field: value}}  # type: ignore[operator]
    with pytest.raises(VenueError):
        parse_frame(frame(message), symbol, 7)


@given(st.binary(max_size=400))
def test_garbage_gives_our_error_and_nothing_else(data: bytes) -> None:
    with pytest.raises(VenueError):
        parse_frame(data, symbol, 7)


@given(st.integers(min_value=0, max_value=len(frame(TRADE)) - 1), st.binary(min_size=1, max_size=3))
def test_a_damaged_byte_never_crashes(position: int, patch: bytes) -> None:
    data = frame(TRADE)
    try:
        parse_frame(data[:position] + patch + data[position + len(patch) :], symbol, 7)
    except VenueError:
        return
