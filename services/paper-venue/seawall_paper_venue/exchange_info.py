"""The contract list, ``GET /fapi/v1/exchangeInfo``, made from the trading rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seawall_sim.instruments import InstrumentRules

RATE_LIMITS = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
    {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
]
ORDER_TYPES = ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"]
# the venue writes this date for contracts that never expire
_NEVER_MS = 4_133_404_800_000


def exchange_info(rules: Iterable[InstrumentRules], now_ms: int) -> dict[str, Any]:
    """Return the answer to ``exchangeInfo`` for these instruments."""
    listed = list(rules)
    quotes = dict.fromkeys(rule.quote for rule in listed)
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": RATE_LIMITS,
        "exchangeFilters": [],
        "assets": [{"asset": asset, "marginAvailable": True, "autoAssetExchange": "-10000"} for asset in quotes],
        "symbols": [_symbol(rule) for rule in listed],
    }


def _symbol(rule: InstrumentRules) -> dict[str, Any]:
    return {
        "symbol": rule.symbol,
        "pair": rule.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": _NEVER_MS,
        "onboardDate": rule.onboard_ms,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": rule.base,
        "quoteAsset": rule.quote,
        "marginAsset": rule.quote,
        "pricePrecision": rule.price_precision,
        "quantityPrecision": rule.quantity_precision,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": f"{rule.trigger_protect:.4f}",
        "liquidationFee": "0.012500",
        "marketTakeBound": f"{rule.trigger_protect:.2f}",
        "maxMoveOrderLimit": 10000,
        "filters": _filters(rule),
        "orderTypes": ORDER_TYPES,
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": [],
    }


def _filters(rule: InstrumentRules) -> list[dict[str, Any]]:
    step = str(rule.lot_size)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": str(rule.min_price),
            "maxPrice": str(rule.max_price),
            "tickSize": str(rule.tick_size),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": str(rule.min_quantity),
            "maxQty": str(rule.max_quantity),
            "stepSize": step,
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": str(rule.min_quantity),
            "maxQty": str(rule.market_max_quantity),
            "stepSize": step,
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": rule.max_orders},
        {"filterType": "MIN_NOTIONAL", "notional": str(rule.min_notional)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": f"{rule.percent_up:.4f}",
            "multiplierDown": f"{rule.percent_down:.4f}",
            "multiplierDecimal": "4",
        },
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]
