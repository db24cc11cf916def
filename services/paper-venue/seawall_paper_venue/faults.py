"""The venue's error answers: HTTP status, code and words.

Exception
└── VenueFault         answered to the client as ``{"code": …, "msg": …}``
"""

from __future__ import annotations

from seawall_sim.engine import Refusal, Refused


class VenueFault(Exception):
    """An error as the venue words it."""

    def __init__(self, code: int, message: str, *, status: int = 400, retry_after_s: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s

    @property
    def body(self) -> dict[str, object]:
        """The JSON that the client gets."""
        return {"code": self.code, "msg": self.message}


# every refusal of the engine in the venue's code and words; {0} is the limit that was hit
WORDS: dict[Refusal, tuple[int, str]] = {
    Refusal.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
    Refusal.UNKNOWN_ORDER: (-2011, "Unknown order sent."),
    Refusal.NO_SUCH_ORDER: (-2013, "Order does not exist."),
    Refusal.DUPLICATE_CLIENT_ID: (-4116, "ClientOrderId is duplicated."),
    Refusal.NOT_POSITIVE_QUANTITY: (-4003, "Quantity less than or equal to zero."),
    Refusal.QUANTITY_TOO_SMALL: (-4004, "Quantity less than min quantity."),
    Refusal.QUANTITY_TOO_LARGE: (-4005, "Quantity greater than max quantity."),
    Refusal.QUANTITY_PRECISION: (-1111, "Precision is over the maximum defined for this asset."),
    Refusal.QUANTITY_STEP: (-4023, "Qty not increased by step size."),
    Refusal.NOT_POSITIVE_PRICE: (-4001, "Price less than 0."),
    Refusal.PRICE_TOO_LOW: (-4013, "Price less than min price."),
    Refusal.PRICE_TOO_HIGH: (-4002, "Price greater than max price."),
    Refusal.PRICE_PRECISION: (-1111, "Precision is over the maximum defined for this asset."),
    Refusal.PRICE_STEP: (-4014, "Price not increased by tick size."),
    Refusal.PRICE_ABOVE_BAND: (-4016, "Limit price can't be higher than {0}."),
    Refusal.PRICE_BELOW_BAND: (-4024, "Limit price can't be lower than {0}."),
    Refusal.NOTIONAL_TOO_SMALL: (
        -4164,
        "Order's notional must be no smaller than {0} (unless you choose reduce only).",
    ),
    Refusal.REDUCE_ONLY: (-2022, "ReduceOnly Order is rejected."),
    Refusal.POST_ONLY_WOULD_TAKE: (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected. "
        "The order will not be recorded in the order history",
    ),
    Refusal.FILL_OR_KILL: (
        -5021,
        "Due to the order could not be filled immediately, the FOK order has been rejected. "
        "The order will not be recorded in the order history",
    ),
    Refusal.MARGIN_INSUFFICIENT: (-2019, "Margin is insufficient."),
    Refusal.POSITION_LIMIT: (-2027, "Exceeded the maximum allowable position at current leverage."),
    Refusal.WOULD_TRIGGER: (-2021, "Order would immediately trigger."),
    Refusal.TOO_MANY_ORDERS: (-2025, "Reach max open order limit."),
    Refusal.TOO_MANY_CONDITIONALS: (-4045, "Reach max stop order limit."),
    Refusal.CLOSE_POSITION_EXISTS: (
        -4130,
        "An open stop or take profit order with GTE and closePosition in the direction is existing.",
    ),
    Refusal.POSITION_NEEDED: (
        -4509,
        "Time in Force (TIF) GTE can only be used with open positions. Please ensure that positions are available.",
    ),
    Refusal.CALLBACK_RATE: (-2007, "Invalid callBack rate."),
    Refusal.NOT_AMENDABLE: (-5025, "Only limit order is supported."),
    Refusal.NOTHING_TO_AMEND: (-5027, "No need to modify the order."),
    Refusal.LEVERAGE_INVALID: (-4028, "Leverage {0} is not valid"),
    Refusal.LEVERAGE_TOO_LOW: (-2028, "Leverage is smaller than permitted: insufficient margin balance."),
    Refusal.LEVERAGE_ISOLATED: (
        -4161,
        "Leverage reduction is not supported in Isolated Margin Mode with open positions.",
    ),
    Refusal.MARGIN_TYPE_SAME: (-4046, "No need to change margin type."),
    Refusal.MARGIN_TYPE_ORDERS: (-4047, "Margin type cannot be changed if there exists open orders."),
    Refusal.MARGIN_TYPE_POSITION: (-4048, "Margin type cannot be changed if there exists position."),
    Refusal.NOT_ISOLATED: (-4054, "Cannot add position margin: position is 0."),
}


def fault_of(refused: Refused) -> VenueFault:
    """Word a refusal of the engine as the venue does."""
    code, words = WORDS[refused.refusal]
    return VenueFault(code, words.format(refused.detail))


def missing(name: str) -> VenueFault:
    """A parameter that must be there."""
    return VenueFault(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def not_needed(name: str) -> VenueFault:
    """A parameter that must not be there."""
    return VenueFault(-1106, f"Parameter '{name}' sent when not required.")


# 503s say nothing about the order: the first of these two leaves the outcome open, the second means it failed
OUTCOME_UNKNOWN = "Unknown error, please check your request or try again later."
NOT_SERVED = "Service Unavailable."
