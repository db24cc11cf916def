"""What leaves is on the venue's grid and never worse than approved."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from seawall_execution.commands import PlaceOrder
from seawall_execution.requests import on_grid, order_request
from seawall_execution.scope import covers
from seawall_venues.port import Instrument

D = Decimal
INSTRUMENT = Instrument(
    venue="binance-usdm",
    symbol="BTC-USDT-PERP",
    venue_symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    settle="USDT",
    tick_size=D("0.10"),
    lot_size=D("0.001"),
    min_quantity=D("0.001"),
    max_quantity=D(100),
    market_max_quantity=D(50),
    min_notional=D(5),
)
COMMAND = PlaceOrder(
    venue="binance-usdm",
    account="paper",
    client_order_id="id",
    symbol="BTC-USDT-PERP",
    side="buy",
    order_type="market",
    quantity=D("0.010"),
    limit_price=None,
    worst_price=D("60000.17"),
    reduce_only=False,
    expires_at_ns=0,
    ts_tick_ns=0,
)


def changed(**fields: Any) -> PlaceOrder:
    return msgspec.structs.replace(COMMAND, **fields)


def test_a_market_order_into_risk_is_bounded_at_the_venue() -> None:
    request = order_request(COMMAND, INSTRUMENT)
    assert (request.order_type, request.time_in_force, request.limit_price) == ("limit", "IOC", D("60000.10"))
    sold = order_request(changed(side="sell", worst_price=D("59999.91")), INSTRUMENT)
    assert sold.limit_price == D("60000.00")


def test_an_order_out_of_risk_is_a_market_order() -> None:
    request = order_request(changed(worst_price=None, reduce_only=True), INSTRUMENT)
    assert (request.order_type, request.limit_price, request.reduce_only) == ("market", None, True)


def test_a_limit_order_keeps_its_price() -> None:
    request = order_request(changed(order_type="limit", limit_price=D("59000.3"), worst_price=D(1)), INSTRUMENT)
    assert (request.order_type, request.time_in_force, request.limit_price) == ("limit", "GTC", D("59000.3"))


@given(
    st.decimals(min_value="0.0001", max_value="100000", places=6),
    st.sampled_from(["0.1", "0.01", "0.00001", "5"]),
    st.sampled_from(["buy", "sell"]),
)
def test_rounding_is_never_to_the_worse(price: Decimal, tick: str, side: Any) -> None:
    rounded = on_grid(price, D(tick), side)
    assert rounded % D(tick) == 0
    assert abs(rounded - price) < D(tick)
    assert rounded <= price if side == "buy" else rounded >= price


def test_scopes_cover_what_they_name() -> None:
    place = ("binance-usdm", "paper", "BTC-USDT-PERP", "momentum")
    covering = ["global", "venue:binance-usdm", "account:binance-usdm/paper", "symbol:BTC-USDT-PERP"]
    assert all(covers(scope, *place) for scope in [*covering, "strategy:momentum"])
    others = ["venue:okx", "account:binance-usdm/live", "symbol:ETH-USDT-PERP", "strategy:pairs", "strategy:", "x", ""]
    assert not any(covers(scope, *place) for scope in others)
