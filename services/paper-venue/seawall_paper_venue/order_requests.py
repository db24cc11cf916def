"""From a client's parameters to the engine's requests, with the venue's complaints on the way."""

from __future__ import annotations

import re
from decimal import Decimal

from seawall_sim.engine import Exchange, NewAlgo, NewOrder
from seawall_sim.engine.model import ConditionalKind, OrderKind, Side, TimeInForce, WorkingType

from .faults import VenueFault, missing, not_needed
from .parameters import Parameters

CLIENT_ID = re.compile(r"^[.A-Z:/a-z0-9_-]{1,36}$")
SIDES: tuple[Side, ...] = ("BUY", "SELL")
PLAIN: tuple[OrderKind, ...] = ("LIMIT", "MARKET")
CONDITIONAL: tuple[ConditionalKind, ...] = (
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
)
LIMIT_TIMES: tuple[TimeInForce, ...] = ("GTC", "IOC", "FOK", "GTX", "GTD")
ALGO_TIMES: tuple[TimeInForce, ...] = ("GTC", "IOC", "FOK", "GTX", "GTE_GTC")
WORKING: tuple[WorkingType, ...] = ("MARK_PRICE", "CONTRACT_PRICE")
PREVENTION = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
# PRICE_MATCH names the book side and the level whose price a limit order takes
PRICE_MATCH = {
    **{f"OPPONENT{'' if n == 1 else f'_{n}'}": ("opponent", n) for n in (1, 5, 10, 20)},
    **{f"QUEUE{'' if n == 1 else f'_{n}'}": ("queue", n) for n in (1, 5, 10, 20)},
}
# a good-till date must lie 10 minutes ahead and before the year 9999
MIN_GOOD_TILL_MS = 600_000
MAX_GOOD_TILL_MS = 253_402_300_799_000


def symbol_of(parameters: Parameters, exchange: Exchange) -> str:
    """Return a listed symbol. Raises VenueFault."""
    symbol = parameters.required("symbol")
    if symbol not in exchange.rules:
        raise VenueFault(-1121, "Invalid symbol.")
    return symbol


def optional_symbol(parameters: Parameters, exchange: Exchange) -> str | None:
    """Return a listed symbol, or None where none was named. Raises VenueFault."""
    return symbol_of(parameters, exchange) if parameters.has("symbol") else None


def client_id(parameters: Parameters, name: str) -> str:
    """Return the client's own id, empty where it gave none. Raises VenueFault."""
    given = parameters.text(name)
    if not given:
        return ""
    if len(given) > 36:
        raise VenueFault(-4015, "Client order id length should be less than 36 chars")
    if not CLIENT_ID.match(given):
        raise VenueFault(
            -1100,
            f"Illegal characters found in parameter '{name}'; legal range is '{CLIENT_ID.pattern}'.",
        )
    return given


def side_of(parameters: Parameters) -> Side:
    """Return the side. Raises VenueFault."""
    return parameters.choice("side", SIDES, VenueFault(-1117, "Invalid side."))


def check_position_side(parameters: Parameters) -> None:
    """Refuse LONG and SHORT: the account is in one-way mode."""
    side = parameters.text("positionSide", "BOTH")
    if side not in ("BOTH", "LONG", "SHORT"):
        raise VenueFault(-4060, "Invalid position side.")
    if side != "BOTH":
        raise VenueFault(-4061, "Order's position side does not match user's setting.")


def new_order(parameters: Parameters, exchange: Exchange, now_ms: int) -> NewOrder:
    """Read one plain order. Raises VenueFault; a conditional one is sent to the algo endpoint."""
    symbol = symbol_of(parameters, exchange)
    side = side_of(parameters)
    if parameters.required("type") in CONDITIONAL:
        raise VenueFault(
            -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        )
    kind = parameters.choice("type", PLAIN, VenueFault(-1116, "Invalid orderType."))
    check_position_side(parameters)
    if parameters.flag("closePosition"):
        raise VenueFault(-4136, f"Target strategy invalid for orderType {kind},closePosition true")
    reduce_only = parameters.flag("reduceOnly")
    own_id = client_id(parameters, "newClientOrderId")
    quantity = parameters.required_decimal("quantity")
    price, time_in_force, price_match = Decimal(0), _plain_time(parameters, kind), "NONE"
    if kind == "LIMIT":
        price, price_match = _limit_price(parameters, exchange, symbol, side)
    elif parameters.has("price"):
        raise not_needed("price")
    return NewOrder(
        symbol=symbol,
        side=side,
        kind=kind,
        quantity=quantity,
        price=price,
        time_in_force=time_in_force,
        reduce_only=reduce_only,
        client_order_id=own_id,
        good_till_ms=_good_till(parameters, now_ms) if time_in_force == "GTD" else 0,
        self_trade_prevention=_prevention(parameters),
        price_match=price_match,
    )


def new_algo(parameters: Parameters, exchange: Exchange, now_ms: int) -> NewAlgo:
    """Read one conditional order. Raises VenueFault."""
    if parameters.required("algoType") != "CONDITIONAL":
        raise VenueFault(-1130, "Data sent for parameter 'algoType' is not valid.")
    symbol = symbol_of(parameters, exchange)
    side = side_of(parameters)
    kind = parameters.choice("type", CONDITIONAL, VenueFault(-1116, "Invalid orderType."))
    check_position_side(parameters)
    close_position = parameters.flag("closePosition")
    reduce_only = parameters.flag("reduceOnly")
    _check_close_position(parameters, kind, close_position)
    trailing, limit = kind == "TRAILING_STOP_MARKET", kind in ("STOP", "TAKE_PROFIT")
    price, price_match = _limit_price(parameters, exchange, symbol, side) if limit else (Decimal(0), "NONE")
    return NewAlgo(
        symbol=symbol,
        side=side,
        kind=kind,
        quantity=Decimal(0) if close_position else parameters.required_decimal("quantity"),
        trigger_price=Decimal(0) if trailing else parameters.required_decimal("triggerPrice"),
        price=price,
        time_in_force=_algo_time(parameters),
        working_type=_working_type(parameters),
        reduce_only=reduce_only,
        close_position=close_position,
        price_protect=parameters.flag("priceProtect"),
        activation_price=_activation_price(parameters) if trailing else Decimal(0),
        callback_percent=parameters.required_decimal("callbackRate") if trailing else Decimal(0),
        client_algo_id=client_id(parameters, "clientAlgoId"),
        good_till_ms=_good_till(parameters, now_ms) if parameters.has("goodTillDate") else 0,
        self_trade_prevention=_prevention(parameters),
        price_match=price_match,
    )


def _activation_price(parameters: Parameters) -> Decimal:
    # the algo endpoint says activatePrice; libraries still send the older name as well
    return parameters.decimal("activatePrice") or parameters.decimal("activationPrice") or Decimal(0)


def _check_close_position(parameters: Parameters, kind: ConditionalKind, close_position: bool) -> None:
    if not close_position:
        return
    if kind not in ("STOP_MARKET", "TAKE_PROFIT_MARKET"):
        raise VenueFault(-4136, f"Target strategy invalid for orderType {kind},closePosition true")
    if parameters.has("quantity"):
        raise not_needed("quantity")
    if parameters.has("reduceOnly"):
        raise not_needed("reduceOnly")


def _plain_time(parameters: Parameters, kind: OrderKind) -> TimeInForce:
    if kind == "MARKET":
        if parameters.has("timeInForce"):
            raise not_needed("timeInForce")
        return "GTC"
    return parameters.choice("timeInForce", LIMIT_TIMES, VenueFault(-1115, "Invalid timeInForce."))


def _algo_time(parameters: Parameters) -> TimeInForce:
    if not parameters.has("timeInForce"):
        return "GTC"
    return parameters.choice("timeInForce", ALGO_TIMES, VenueFault(-1115, "Invalid timeInForce."))


def _working_type(parameters: Parameters) -> WorkingType:
    if not parameters.has("workingType"):
        return "CONTRACT_PRICE"
    return parameters.choice(
        "workingType", WORKING, VenueFault(-1130, "Data sent for parameter 'workingType' is not valid.")
    )


def _prevention(parameters: Parameters) -> str:
    given = parameters.text("selfTradePreventionMode", "EXPIRE_MAKER")
    if given not in PREVENTION:
        raise VenueFault(-1130, "Data sent for parameter 'selfTradePreventionMode' is not valid.")
    return given


def _good_till(parameters: Parameters, now_ms: int) -> int:
    given = parameters.integer("goodTillDate")
    if given is None:
        raise missing("goodTillDate")
    given -= given % 1_000  # the venue keeps whole seconds
    if not now_ms + MIN_GOOD_TILL_MS < given < MAX_GOOD_TILL_MS:
        raise VenueFault(
            -5040,
            "The goodTillDate timestamp must be greater than the current time plus 600 seconds and "
            "smaller than 253402300799000",
        )
    return given


def _limit_price(parameters: Parameters, exchange: Exchange, symbol: str, side: Side) -> tuple[Decimal, str]:
    """Return the limit price: the client's, or that of the book level which ``priceMatch`` names."""
    match = parameters.text("priceMatch", "NONE")
    if match == "NONE":
        return parameters.required_decimal("price"), match
    if match not in PRICE_MATCH:
        raise VenueFault(-1130, "Data sent for parameter 'priceMatch' is not valid.")
    if parameters.has("price"):
        raise VenueFault(-5038, "priceMatch and price can't be sent at the same time")
    where, level = PRICE_MATCH[match]
    other: Side = "SELL" if side == "BUY" else "BUY"
    price = exchange.markets[symbol].level_price(other if where == "opponent" else side, level)
    if not price:
        raise VenueFault(-5039, "Price match failed: the book holds too few levels")
    return price, match
