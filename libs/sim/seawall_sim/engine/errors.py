"""What the simulated exchange refuses.

Exception
└── Refused            the request changes nothing; ``refusal`` says why, ``detail`` carries the limit that was hit
"""

from __future__ import annotations

from enum import Enum


class Refusal(Enum):
    """Why a request was refused."""

    UNKNOWN_SYMBOL = "unknown symbol"
    UNKNOWN_ORDER = "unknown order"
    NO_SUCH_ORDER = "order does not exist"
    DUPLICATE_CLIENT_ID = "client order id is in use by an open order"
    NOT_POSITIVE_QUANTITY = "quantity is not positive"
    QUANTITY_TOO_SMALL = "quantity below the minimum"
    QUANTITY_TOO_LARGE = "quantity above the maximum"
    QUANTITY_PRECISION = "quantity has too many decimals"
    QUANTITY_STEP = "quantity is no multiple of the lot size"
    NOT_POSITIVE_PRICE = "price is not positive"
    PRICE_TOO_LOW = "price below the minimum"
    PRICE_TOO_HIGH = "price above the maximum"
    PRICE_PRECISION = "price has too many decimals"
    PRICE_STEP = "price is no multiple of the tick size"
    PRICE_ABOVE_BAND = "limit price too far above the mark price"
    PRICE_BELOW_BAND = "limit price too far below the mark price"
    NOTIONAL_TOO_SMALL = "notional below the minimum"
    REDUCE_ONLY = "reduce-only order would not reduce a position"
    POST_ONLY_WOULD_TAKE = "post-only order would take liquidity"
    FILL_OR_KILL = "order could not be filled at once"
    MARGIN_INSUFFICIENT = "margin is insufficient"
    POSITION_LIMIT = "position would exceed what this leverage allows"
    WOULD_TRIGGER = "order would trigger at once"
    TOO_MANY_ORDERS = "too many open orders"
    TOO_MANY_CONDITIONALS = "too many conditional orders"
    CLOSE_POSITION_EXISTS = "a close-position order in this direction exists"
    POSITION_NEEDED = "there is no position for this order to depend on"
    CALLBACK_RATE = "callback rate out of range"
    NOT_AMENDABLE = "only a resting limit order can be amended"
    NOTHING_TO_AMEND = "the amendment changes nothing"
    LEVERAGE_INVALID = "leverage out of range"
    LEVERAGE_TOO_LOW = "the account cannot hold its positions at this leverage"
    LEVERAGE_ISOLATED = "leverage of an isolated position can only be raised"
    MARGIN_TYPE_SAME = "margin type is already so"
    MARGIN_TYPE_ORDERS = "margin type cannot change while orders are open"
    MARGIN_TYPE_POSITION = "margin type cannot change while a position is open"
    NOT_ISOLATED = "the position is not isolated"


class Refused(Exception):
    """A request that the exchange does not carry out; nothing has changed."""

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        super().__init__(refusal.value if not detail else f"{refusal.value}: {detail}")
        self.refusal = refusal
        self.detail = detail
