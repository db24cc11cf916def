"""What happened to the account as the user-data stream writes it."""

from __future__ import annotations

from typing import Any

from seawall_sim.engine import (
    AccountChanged,
    AlgoChanged,
    EngineEvent,
    Exchange,
    LeverageChanged,
    MarginCalled,
    OrderChanged,
    PositionMargin,
    PositionView,
)
from seawall_sim.instruments import InstrumentRules

from .wire_account import money_text
from .wire_orders import MARGIN_ASSET, POSITION_SIDE, average_text, milliseconds, price_text


def event_frame(event: EngineEvent, exchange: Exchange, event_ms: int) -> dict[str, Any]:
    """Return the frame of one event; ``event_ms`` is when it is sent."""
    rules = exchange.rules
    match event:
        case OrderChanged():
            return _order(event, rules[event.order.symbol], exchange.margin.of_symbol(event.order.symbol), event_ms)
        case AlgoChanged():
            return _algo(event, rules[event.algo.symbol], event_ms)
        case AccountChanged():
            return _account(event, rules, event_ms)
        case LeverageChanged():
            change = {"s": event.symbol, "l": event.leverage}
            return {"e": "ACCOUNT_CONFIG_UPDATE", "E": event_ms, "T": milliseconds(event.ts_ns), "ac": change}
        case MarginCalled():
            return _margin_call(event, rules, event_ms)


def expired_frame(listen_key: str, event_ms: int) -> dict[str, Any]:
    """Return the frame that ends a listen key."""
    return {"e": "listenKeyExpired", "E": event_ms, "listenKey": listen_key}


def _order(event: OrderChanged, rules: InstrumentRules, margin: PositionMargin, event_ms: int) -> dict[str, Any]:
    order, fill = event.order, event.fill
    body: dict[str, Any] = {
        "s": order.symbol,
        "c": order.client_order_id,
        "S": order.side,
        "o": order.kind,
        "f": order.time_in_force,
        "q": rules.quantity_text(order.quantity),
        "p": price_text(rules, order.price),
        "ap": average_text(rules, order.average_price),
        "sp": price_text(rules, order.stop_price),
        "x": event.execution,
        "X": order.status,
        "i": order.order_id,
        "l": rules.quantity_text(fill.quantity) if fill else "0",
        "z": rules.quantity_text(order.executed),
        "L": price_text(rules, fill.price) if fill else "0",
    }
    if fill is not None:
        body["n"] = money_text(fill.fee)
        body["N"] = MARGIN_ASSET
    body.update(
        {
            "T": milliseconds(event.ts_ns),
            "t": fill.fill_id if fill else 0,
            "b": money_text(margin.bid_notional),
            "a": money_text(margin.ask_notional),
            "m": fill.maker if fill else False,
            "R": order.reduce_only,
            "wt": order.working_type,
            "ot": order.origin,
            "ps": POSITION_SIDE,
            "cp": order.close_position,
            "rp": money_text(fill.realised_pnl) if fill else "0",
            "pP": order.price_protect,
            "si": 0,
            "ss": 0,
            "V": order.self_trade_prevention,
            "pm": order.price_match,
            "gtd": order.good_till_ms,
        }
    )
    return {"e": "ORDER_TRADE_UPDATE", "T": milliseconds(event.ts_ns), "E": event_ms, "o": body}


def _algo(event: AlgoChanged, rules: InstrumentRules, event_ms: int) -> dict[str, Any]:
    algo = event.algo
    body: dict[str, Any] = {
        "caid": algo.client_algo_id,
        "aid": algo.algo_id,
        "at": "CONDITIONAL",
        "o": algo.kind,
        "s": algo.symbol,
        "S": algo.side,
        "ps": POSITION_SIDE,
        "f": algo.time_in_force,
        "q": rules.quantity_text(algo.quantity),
        "X": algo.status,
        "ai": str(algo.actual_order_id) if algo.actual_order_id else "",
        "ap": average_text(rules, algo.actual_price),
        "aq": rules.quantity_text(algo.actual_quantity),
        "act": ("LIMIT" if algo.kind in ("STOP", "TAKE_PROFIT") else "MARKET") if algo.actual_order_id else "0",
        "tp": price_text(rules, algo.trigger_price),
        "p": price_text(rules, algo.price),
        "V": algo.self_trade_prevention,
        "wt": algo.working_type,
        "pm": algo.price_match,
        "cp": algo.close_position,
        "pP": algo.price_protect,
        "R": algo.reduce_only,
        "tt": milliseconds(algo.triggered_ns),
        "gtd": algo.good_till_ms,
    }
    if algo.kind == "TRAILING_STOP_MARKET":
        body["AP"] = price_text(rules, algo.activation_price)
        body["cr"] = f"{algo.callback_percent:f}"
    if algo.reason:
        body["rm"] = algo.reason
    return {"e": "ALGO_UPDATE", "T": milliseconds(event.ts_ns), "E": event_ms, "o": body}


def _account(event: AccountChanged, rules: dict[str, InstrumentRules], event_ms: int) -> dict[str, Any]:
    balance = {
        "a": MARGIN_ASSET,
        "wb": money_text(event.wallet),
        "cw": money_text(event.cross_wallet),
        "bc": money_text(event.balance_change),
    }
    return {
        "e": "ACCOUNT_UPDATE",
        "T": milliseconds(event.ts_ns),
        "E": event_ms,
        "a": {"m": event.reason, "B": [balance], "P": [_position(p, rules[p.symbol]) for p in event.positions]},
    }


def _position(position: PositionView, rules: InstrumentRules) -> dict[str, Any]:
    return {
        "s": position.symbol,
        "pa": rules.quantity_text(position.quantity),
        "ep": f"{position.entry_price:.8f}",
        "bep": f"{position.break_even_price:.8f}",
        "cr": money_text(position.realised),
        "up": money_text(position.unrealised),
        "mt": position.margin_type,
        "iw": money_text(position.isolated_wallet),
        "ps": POSITION_SIDE,
        "ma": MARGIN_ASSET,
    }


def _margin_call(event: MarginCalled, rules: dict[str, InstrumentRules], event_ms: int) -> dict[str, Any]:
    return {
        "e": "MARGIN_CALL",
        "E": event_ms,
        "cw": money_text(event.cross_wallet),
        "p": [
            {
                "s": position.symbol,
                "ps": POSITION_SIDE,
                "pa": rules[position.symbol].quantity_text(position.quantity),
                "mt": "CROSSED" if position.margin_type == "cross" else "ISOLATED",
                "iw": money_text(position.isolated_wallet),
                "mp": f"{mark_price:.8f}",
                "up": money_text(position.unrealised),
                "mm": money_text(maintenance),
            }
            for position, mark_price, maintenance in event.positions
        ],
    }
