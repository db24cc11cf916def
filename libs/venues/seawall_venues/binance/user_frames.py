"""Binance USD-M user-stream frames: bytes to what the port speaks of."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from seawall_venues.binance.orders import ZERO, OrderReply, StopReply, Symbol, finite, venue_order, venue_stop
from seawall_venues.port import (
    OrderUpdate,
    PositionUpdate,
    StopUpdate,
    UserUpdate,
    VenueError,
    VenueFill,
)

MILLISECOND_NS = 1_000_000


class _Order(msgspec.Struct, frozen=True):
    """``o`` of ORDER_TRADE_UPDATE, in the venue's own letters."""

    s: str
    c: str
    i: int
    S: str
    o: str
    q: Decimal
    z: Decimal
    x: str
    X: str
    p: Decimal = ZERO
    ap: Decimal = ZERO
    R: bool = False
    t: int = 0
    l: Decimal = ZERO  # noqa: E741  the venue's own letter
    L: Decimal = ZERO
    n: Decimal = ZERO
    N: str | None = None
    m: bool = False
    rp: Decimal = ZERO
    T: int = 0


class _Stop(msgspec.Struct, frozen=True):
    """``o`` of ALGO_UPDATE."""

    caid: str
    aid: int
    s: str
    S: str
    X: str
    tp: Decimal
    q: str | None = None
    R: bool = False
    cp: bool = False
    rm: str | None = None


class _Position(msgspec.Struct, frozen=True):
    s: str
    pa: Decimal
    ep: Decimal = ZERO
    ps: str = "BOTH"


class _Account(msgspec.Struct, frozen=True):
    P: tuple[_Position, ...] = ()


class _Frame(msgspec.Struct, frozen=True):
    e: str
    E: int = 0
    T: int = 0
    o: msgspec.Raw = msgspec.Raw(b"")
    a: msgspec.Raw = msgspec.Raw(b"")


class _Combined(msgspec.Struct, frozen=True):
    data: msgspec.Raw


IGNORED = frozenset({"TRADE_LITE", "MARGIN_CALL", "ACCOUNT_CONFIG_UPDATE", "STRATEGY_UPDATE", "GRID_UPDATE"})


class UnknownFrame(VenueError):
    """A well-formed frame of a kind we do not know: counted, and no reason to doubt the rest."""


class ListenKeyExpired(VenueError):
    """The venue ended the stream's key; a new one must be asked for."""


def parse_frame(data: bytes, symbol: Symbol, ts_received_ns: int) -> tuple[UserUpdate, ...]:
    """Return what one frame says.

    Raises UnknownFrame, ListenKeyExpired (the stream is over), or VenueError for unreadable bytes.
    """
    try:
        frame = msgspec.json.decode(_unwrap(data), type=_Frame)
        if frame.e == "ORDER_TRADE_UPDATE":
            return (_order_update(msgspec.json.decode(frame.o, type=_Order), symbol, ts_received_ns),)
        if frame.e == "ALGO_UPDATE":
            return (_stop_update(msgspec.json.decode(frame.o, type=_Stop), symbol, frame.T, ts_received_ns),)
        if frame.e == "ACCOUNT_UPDATE":
            return _positions(msgspec.json.decode(frame.a, type=_Account), symbol, ts_received_ns)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise VenueError(f"unreadable user frame: {error}; found {data[:80]!r}") from error
    if frame.e == "listenKeyExpired":
        raise ListenKeyExpired("listen key expired")
    if frame.e in IGNORED:
        return ()
    raise UnknownFrame(f"unknown user frame {frame.e[:40]!r}")


def _unwrap(data: bytes) -> msgspec.Raw | bytes:
    """Return the inner message of a combined-stream frame, or the frame itself."""
    if data.startswith(b'{"stream"'):
        return msgspec.json.decode(data, type=_Combined).data
    return data


def _order_update(order: _Order, symbol: Symbol, ts_received_ns: int) -> OrderUpdate:
    reply = msgspec.convert(
        {
            "symbol": order.s,
            "orderId": order.i,
            "clientOrderId": order.c,
            "side": order.S,
            "type": order.o,
            "origQty": order.q,
            "executedQty": order.z,
            "status": order.X,
            "price": order.p,
            "avgPrice": order.ap,
            "reduceOnly": order.R,
            "updateTime": order.T,
        },
        OrderReply,
    )
    known = venue_order(reply, symbol)
    fill = None
    if order.x == "TRADE":
        fill = VenueFill(
            fill_id=str(order.t),
            client_order_id=order.c,
            venue_order_id=known.venue_order_id,
            symbol=known.symbol,
            side=known.side,
            price=finite(order.L),
            quantity=finite(order.l),
            fee=finite(order.n),
            fee_asset=order.N or "",
            maker=order.m,
            realised_pnl=finite(order.rp),
            ts_venue_ns=order.T * MILLISECOND_NS,
        )
    return OrderUpdate(order=known, fill=fill, ts_received_ns=ts_received_ns)


def _stop_update(stop: _Stop, symbol: Symbol, ts_venue_ms: int, ts_received_ns: int) -> StopUpdate:
    reply = msgspec.convert(
        {
            "symbol": stop.s,
            "algoId": stop.aid,
            "clientAlgoId": stop.caid,
            "side": stop.S,
            "algoStatus": stop.X,
            "triggerPrice": stop.tp,
            "quantity": stop.q,
            "reduceOnly": stop.R,
            "closePosition": stop.cp,
            "updateTime": ts_venue_ms,
        },
        StopReply,
    )
    return StopUpdate(stop=venue_stop(reply, symbol), reason=stop.rm or "", ts_received_ns=ts_received_ns)


def _positions(account: _Account, symbol: Symbol, ts_received_ns: int) -> tuple[UserUpdate, ...]:
    return tuple(
        PositionUpdate(
            symbol=symbol(row.s),
            quantity=finite(row.pa),
            entry_price=finite(row.ep),
            ts_received_ns=ts_received_ns,
        )
        for row in account.P
        if row.ps == "BOTH"
    )
