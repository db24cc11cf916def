"""Events about money, ready for the ledger; name only what a test is about."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from seawall_proto import (
    AccountReconciled,
    OrderFilled,
    OrderState,
    OrderStateChanged,
    PositionChanged,
    StopChanged,
    TradingHalted,
    TradingResumed,
)

VENUE, ACCOUNT, SYMBOL = "binance-usdm", "paper", "BTC-USDT-PERP"
WHO: dict[str, Any] = {"venue": VENUE, "account": ACCOUNT}
BTC: dict[str, Any] = {**WHO, "symbol": SYMBOL}


def order(number: int = 1, sequence: int = 1, **changes: Any) -> OrderStateChanged:
    """Return a state of the order with this number."""
    fields: dict[str, Any] = {
        **BTC,
        "id": f"order-{number}-{sequence}",
        "client_order_id": f"client-{number}",
        "venue_order_id": "",
        "intent_id": f"intent-{number}",
        "side": "buy",
        "order_type": "market",
        "quantity": Decimal("0.010"),
        "filled_quantity": Decimal(0),
        "limit_price": None,
        "average_price": None,
        "reduce_only": False,
        "state": OrderState.INTENDED,
        "previous_state": None,
        "reason": "",
        "sequence": sequence,
    }
    return OrderStateChanged(**{**fields, **changes})


def fill(number: int = 1, **changes: Any) -> OrderFilled:
    """Return the fill with this number, of order 1."""
    fields: dict[str, Any] = {
        **BTC,
        "id": f"fill-{number}",
        "fill_id": str(number),
        "client_order_id": "client-1",
        "venue_order_id": "9",
        "side": "buy",
        "price": Decimal("60000.10"),
        "quantity": Decimal("0.010"),
        "fee": Decimal("0.24"),
        "fee_asset": "USDT",
        "maker": False,
        "realised_pnl": Decimal(0),
        "ts_venue_ns": number,
    }
    return OrderFilled(**{**fields, **changes})


def position(quantity: str, sequence: int, **changes: Any) -> PositionChanged:
    """Return the position of BTC after its ``sequence``-th change."""
    fields: dict[str, Any] = {
        **BTC,
        "id": f"position-{sequence}",
        "quantity": Decimal(quantity),
        "entry_price": Decimal(60_000),
        "realised_pnl": Decimal(0),
        "sequence": sequence,
    }
    return PositionChanged(**{**fields, **changes})


def stop(number: int = 1, step: int = 1, **changes: Any) -> StopChanged:
    """Return a step in the life of a stop."""
    fields: dict[str, Any] = {
        **BTC,
        "id": f"stop-{number}-{step}",
        "client_stop_id": f"stop-{number}",
        "venue_stop_id": "",
        "side": "sell",
        "quantity": Decimal("0.010"),
        "trigger_price": Decimal(58_000),
        "state": "placing",
        "verified": False,
    }
    return StopChanged(**{**fields, **changes})


def reconciled(number: int, equity: str = "10000", **changes: Any) -> AccountReconciled:
    """Return a comparison of venue and ledger."""
    fields: dict[str, Any] = {
        **WHO,
        "id": f"reconciled-{number}",
        "ts_received_ns": number,
        "equity": Decimal(equity),
        "balances": (),
        "positions": (),
        "open_orders": 0,
        "adopted_orders": 0,
        "adopted_fills": 0,
        "differences": (),
    }
    return AccountReconciled(**{**fields, **changes})


def halt(version: int, scope: str = "global") -> TradingHalted:
    """Return a halt."""
    return TradingHalted(id=f"halt-{scope}-{version}", scope=scope, version=version, actor="operator", reason="test")


def resume(version: int, scope: str = "global") -> TradingResumed:
    """Return a resume."""
    return TradingResumed(id=f"resume-{scope}-{version}", scope=scope, version=version, actor="operator", reason="test")
