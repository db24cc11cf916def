"""Our orders to Binance USD-M requests, and its answers back; every number travels as text."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Literal

import msgspec

from seawall_proto import Balance, OrderState, PositionSnapshot, Side
from seawall_venues.port import OrderRequest, StopRequest, VenueError, VenueFill, VenueOrder, VenueStop

MILLISECOND_NS = 1_000_000
ZERO = Decimal(0)
Symbol = Callable[[str], str]
"""Venue symbol to ours."""

_STATES = {
    "NEW": OrderState.OPEN,
    "NEW_INSURANCE": OrderState.OPEN,
    "NEW_ADL": OrderState.OPEN,
    "PARTIALLY_FILLED": OrderState.PARTIALLY_FILLED,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELED,
    "REJECTED": OrderState.REJECTED,
    "EXPIRED": OrderState.EXPIRED,
    "EXPIRED_IN_MATCH": OrderState.EXPIRED,
}
_SIDES: dict[str, Side] = {"BUY": "buy", "SELL": "sell"}
_WORKING_TYPES = {"mark": "MARK_PRICE", "last": "CONTRACT_PRICE"}
# A protective order of ours that meets a resting order of ours must win, so the resting one expires.
_SELF_TRADE_PREVENTION = "EXPIRE_MAKER"


class OrderReply(msgspec.Struct, frozen=True, rename="camel"):
    """An order as REST states it."""

    symbol: str
    order_id: int
    client_order_id: str
    side: Literal["BUY", "SELL"]
    type: str
    orig_qty: Decimal
    executed_qty: Decimal
    status: str
    price: Decimal = ZERO
    avg_price: Decimal = ZERO
    reduce_only: bool = False
    update_time: int = 0
    time: int = 0

    @property
    def number(self) -> int:
        """The venue's own id, which rises with time."""
        return self.order_id


class StopReply(msgspec.Struct, frozen=True, rename="camel"):
    """A conditional order as the Algo endpoints state it."""

    symbol: str
    algo_id: int
    client_algo_id: str
    side: Literal["BUY", "SELL"]
    algo_status: str
    trigger_price: Decimal
    quantity: str | None = None
    reduce_only: bool = False
    close_position: bool = False
    update_time: int = 0
    create_time: int = 0


class TradeReply(msgspec.Struct, frozen=True, rename="camel"):
    """One fill as REST states it; it does not name the client order id."""

    symbol: str
    id: int
    order_id: int
    side: Literal["BUY", "SELL"]
    price: Decimal
    qty: Decimal
    commission: Decimal
    commission_asset: str
    maker: bool
    realized_pnl: Decimal
    time: int

    @property
    def number(self) -> int:
        """The venue's own id, which rises with time."""
        return self.id


class PositionReply(msgspec.Struct, frozen=True, rename="camel"):
    """A position as REST states it."""

    symbol: str
    position_amt: Decimal
    entry_price: Decimal
    mark_price: Decimal
    un_realized_profit: Decimal
    position_side: str = "BOTH"


class BalanceReply(msgspec.Struct, frozen=True, rename="camel"):
    """One asset as REST states it."""

    asset: str
    balance: Decimal
    available_balance: Decimal


def plain(value: Decimal) -> str:
    """Return the number as digits, without an exponent. Raises VenueError where it is none."""
    if not value.is_finite():
        raise VenueError(f"{value} is no number an order can carry")
    return format(value, "f")


def order_params(request: OrderRequest, venue_symbol: str) -> dict[str, str]:
    """Return the parameters of ``POST /fapi/v1/order``."""
    params = {
        "symbol": venue_symbol,
        "side": request.side.upper(),
        "type": request.order_type.upper(),
        "quantity": plain(request.quantity),
        "newClientOrderId": request.client_order_id,
        "newOrderRespType": "RESULT",  # a market order's answer then already carries what was filled
        "selfTradePreventionMode": _SELF_TRADE_PREVENTION,
    }
    if request.reduce_only:
        params["reduceOnly"] = "true"
    if request.order_type == "limit":
        if request.limit_price is None:
            raise VenueError(f"limit order {request.client_order_id} names no price")
        params["price"] = plain(request.limit_price)
        params["timeInForce"] = "GTX" if request.post_only else request.time_in_force
    return params


def stop_params(request: StopRequest, venue_symbol: str) -> dict[str, str]:
    """Return the parameters of ``POST /fapi/v1/algoOrder`` for a reduce-only stop-market order."""
    return {
        "algoType": "CONDITIONAL",
        "symbol": venue_symbol,
        "side": request.side.upper(),
        "type": "STOP_MARKET",
        "quantity": plain(request.quantity),
        "triggerPrice": plain(request.trigger_price),
        "workingType": _WORKING_TYPES[request.working_type],
        "reduceOnly": "true",
        "clientAlgoId": request.client_stop_id,
        "selfTradePreventionMode": _SELF_TRADE_PREVENTION,
    }


def state_of(status: str) -> OrderState:
    """Return our state for a venue status; one we do not know proves nothing."""
    return _STATES.get(status, OrderState.UNKNOWN)


def venue_order(reply: OrderReply, symbol: Symbol) -> VenueOrder:
    """Return the order in our words."""
    return VenueOrder(
        client_order_id=reply.client_order_id,
        venue_order_id=str(reply.order_id),
        symbol=symbol(reply.symbol),
        side=_SIDES[reply.side],
        order_type=reply.type.lower(),
        quantity=finite(reply.orig_qty),
        filled_quantity=finite(reply.executed_qty),
        average_price=finite(reply.avg_price) or None,
        limit_price=finite(reply.price) or None,
        reduce_only=reply.reduce_only,
        state=state_of(reply.status),
        ts_venue_ns=reply.update_time * MILLISECOND_NS,
    )


def venue_stop(reply: StopReply, symbol: Symbol) -> VenueStop:
    """Return the conditional order in our words; one that closes the position has no quantity."""
    return VenueStop(
        client_stop_id=reply.client_algo_id,
        venue_stop_id=str(reply.algo_id),
        symbol=symbol(reply.symbol),
        side=_SIDES[reply.side],
        quantity=_number(reply.quantity or "0"),
        trigger_price=finite(reply.trigger_price),
        reduce_only=reply.reduce_only or reply.close_position,
        active=reply.algo_status == "NEW",
        state=reply.algo_status.lower(),
        ts_venue_ns=(reply.update_time or reply.create_time) * MILLISECOND_NS,
    )


def venue_fill(reply: TradeReply, symbol: Symbol) -> VenueFill:
    """Return the fill in our words; its client order id is found by its venue order id."""
    return VenueFill(
        fill_id=str(reply.id),
        client_order_id="",
        venue_order_id=str(reply.order_id),
        symbol=symbol(reply.symbol),
        side=_SIDES[reply.side],
        price=finite(reply.price),
        quantity=finite(reply.qty),
        fee=finite(reply.commission),
        fee_asset=reply.commission_asset,
        maker=reply.maker,
        realised_pnl=finite(reply.realized_pnl),
        ts_venue_ns=reply.time * MILLISECOND_NS,
    )


def position(reply: PositionReply, symbol: Symbol) -> PositionSnapshot:
    """Return the position in our words. Raises VenueError for an account in hedge mode."""
    if reply.position_side != "BOTH":
        raise VenueError(f"{reply.symbol} has a {reply.position_side} position: the account must be in one-way mode")
    return PositionSnapshot(
        symbol=symbol(reply.symbol),
        quantity=finite(reply.position_amt),
        entry_price=finite(reply.entry_price),
        mark_price=finite(reply.mark_price),
        unrealised_pnl=finite(reply.un_realized_profit),
    )


def balance(reply: BalanceReply) -> Balance:
    """Return the balance in our words."""
    return Balance(asset=reply.asset, wallet=finite(reply.balance), available=finite(reply.available_balance))


def finite(value: Decimal) -> Decimal:
    """Return the number. Raises VenueError where the venue wrote NaN or infinity."""
    if not value.is_finite():
        raise VenueError(f"the venue wrote {value} where a number belongs")
    return value


def _number(text: str) -> Decimal:
    try:
        return finite(Decimal(text))
    except InvalidOperation:
        raise VenueError(f"the venue wrote {text[:40]!r} where a number belongs") from None
