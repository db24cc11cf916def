"""Orders, conditional orders and fills as the venue's REST answers write them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from seawall_sim.engine import AlgoOrder, Fill, Order
from seawall_sim.instruments import InstrumentRules

POSITION_SIDE = "BOTH"
MARGIN_ASSET = "USDT"


def price_text(rules: InstrumentRules, price: Decimal) -> str:
    """Write a price with the instrument's precision."""
    return f"{price:.{rules.price_precision}f}"


def average_text(rules: InstrumentRules, price: Decimal) -> str:
    """Write a mean price, which lies between ticks, with more decimals than the tick has."""
    return f"{price:.{rules.price_precision + 3}f}"


def amount_text(rules: InstrumentRules, amount: Decimal) -> str:
    """Write price times quantity in full."""
    return f"{amount:.{rules.price_precision + rules.quantity_precision}f}"


def milliseconds(ts_ns: int) -> int:
    """Return venue milliseconds."""
    return ts_ns // 1_000_000


def order_answer(rules: InstrumentRules, order: Order) -> dict[str, Any]:
    """The answer to placing, amending and cancelling."""
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_order_id,
        "price": price_text(rules, order.price),
        "avgPrice": average_text(rules, order.average_price),
        "origQty": rules.quantity_text(order.quantity),
        "executedQty": rules.quantity_text(order.executed),
        "cumQty": rules.quantity_text(order.executed),
        "cumQuote": amount_text(rules, order.quote),
        "timeInForce": order.time_in_force,
        "type": order.kind,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": order.side,
        "positionSide": POSITION_SIDE,
        "stopPrice": price_text(rules, order.stop_price),
        "workingType": order.working_type,
        "priceProtect": order.price_protect,
        "origType": order.origin,
        "priceMatch": order.price_match,
        "selfTradePreventionMode": order.self_trade_prevention,
        "goodTillDate": order.good_till_ms,
        "updateTime": milliseconds(order.updated_ns),
    }


def order_row(rules: InstrumentRules, order: Order) -> dict[str, Any]:
    """An order as queries answer it: with the time it was placed, without ``cumQty``."""
    row = order_answer(rules, order)
    del row["cumQty"]
    row["time"] = milliseconds(order.created_ns)
    return row


def algo_answer(rules: InstrumentRules, algo: AlgoOrder) -> dict[str, Any]:
    """The answer to placing a conditional order."""
    trailing = algo.kind == "TRAILING_STOP_MARKET"
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.client_algo_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.kind,
        "symbol": algo.symbol,
        "side": algo.side,
        "positionSide": POSITION_SIDE,
        "timeInForce": algo.time_in_force,
        "quantity": rules.quantity_text(algo.quantity),
        "algoStatus": algo.status,
        "triggerPrice": price_text(rules, algo.trigger_price),
        "price": price_text(rules, algo.price),
        "icebergQuantity": None,
        "selfTradePreventionMode": algo.self_trade_prevention,
        "workingType": algo.working_type,
        "priceMatch": algo.price_match,
        "closePosition": algo.close_position,
        "priceProtect": algo.price_protect,
        "reduceOnly": algo.reduce_only,
        "activatePrice": price_text(rules, algo.activation_price) if trailing else "",
        "callbackRate": f"{algo.callback_percent:f}" if trailing else "",
        "createTime": milliseconds(algo.created_ns),
        "updateTime": milliseconds(algo.updated_ns),
        "triggerTime": milliseconds(algo.triggered_ns),
        "goodTillDate": algo.good_till_ms,
    }


def algo_row(rules: InstrumentRules, algo: AlgoOrder, actual: Order | None) -> dict[str, Any]:
    """A conditional order as queries answer it: with the order that it became."""
    row = algo_answer(rules, algo)
    nothing = price_text(rules, Decimal(0))
    row.update(
        {
            "actualOrderId": str(algo.actual_order_id) if algo.actual_order_id else "",
            "actualPrice": average_text(rules, actual.average_price if actual else Decimal(0)),
            "tpTriggerPrice": nothing,
            "tpPrice": nothing,
            "slTriggerPrice": nothing,
            "slPrice": nothing,
            "tpOrderType": "",
        }
    )
    if actual is not None:
        row["actualQty"] = rules.quantity_text(actual.executed)
        row["actualType"] = actual.kind
    if algo.reason:
        row["failReason"] = algo.reason
    return row


def fill_row(rules: InstrumentRules, fill: Fill) -> dict[str, Any]:
    """A fill as ``userTrades`` answers it; a commission paid is positive."""
    return {
        "symbol": fill.symbol,
        "id": fill.fill_id,
        "orderId": fill.order_id,
        "side": fill.side,
        "price": price_text(rules, fill.price),
        "qty": rules.quantity_text(fill.quantity),
        "realizedPnl": f"{fill.realised_pnl:.8f}",
        "quoteQty": amount_text(rules, fill.price * fill.quantity),
        "commission": f"{fill.fee:.8f}",
        "commissionAsset": MARGIN_ASSET,
        "time": milliseconds(fill.ts_ns),
        "positionSide": POSITION_SIDE,
        "buyer": fill.side == "BUY",
        "maker": fill.maker,
        "marginAsset": MARGIN_ASSET,
    }
