"""Balances, positions and settings as the venue's REST answers write them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from seawall_sim.engine import AccountMargin, Income, PositionMargin
from seawall_sim.instruments import InstrumentRules

from .wire_orders import MARGIN_ASSET, POSITION_SIDE, milliseconds

ALIAS = "SgsRpaper"  # the venue gives every account a short alias


def money_text(amount: Decimal) -> str:
    """Write an amount with the eight decimals that the venue books."""
    return f"{amount:.8f}"


def _price(price: Decimal) -> str:
    return f"{price:.8f}"


def _available(summary: AccountMargin) -> str:
    return money_text(max(Decimal(0), summary.available))


def _asset(summary: AccountMargin) -> dict[str, Any]:
    margin = summary.position_margin + summary.order_margin
    return {
        "asset": MARGIN_ASSET,
        "walletBalance": money_text(summary.wallet),
        "unrealizedProfit": money_text(summary.unrealised),
        "marginBalance": money_text(summary.margin_balance),
        "maintMargin": money_text(summary.maintenance_margin),
        "initialMargin": money_text(margin),
        "positionInitialMargin": money_text(summary.position_margin),
        "openOrderInitialMargin": money_text(summary.order_margin),
        "crossWalletBalance": money_text(summary.cross_wallet),
        "crossUnPnl": money_text(summary.cross_unrealised),
        "availableBalance": _available(summary),
        "maxWithdrawAmount": _available(summary),
        "marginAvailable": True,
        "updateTime": milliseconds(summary.wallet_updated_ns),
    }


def _totals(summary: AccountMargin) -> dict[str, Any]:
    return {
        "totalInitialMargin": money_text(summary.position_margin + summary.order_margin),
        "totalMaintMargin": money_text(summary.maintenance_margin),
        "totalWalletBalance": money_text(summary.wallet),
        "totalUnrealizedProfit": money_text(summary.unrealised),
        "totalMarginBalance": money_text(summary.margin_balance),
        "totalPositionInitialMargin": money_text(summary.position_margin),
        "totalOpenOrderInitialMargin": money_text(summary.order_margin),
        "totalCrossWalletBalance": money_text(summary.cross_wallet),
        "totalCrossUnPnl": money_text(summary.cross_unrealised),
        "availableBalance": _available(summary),
        "maxWithdrawAmount": _available(summary),
    }


def is_used(margin: PositionMargin) -> bool:
    """True where the third versions of the endpoints list the symbol: a position or an open order."""
    return bool(margin.position.quantity or margin.bid_notional or margin.ask_notional)


def account_v2(summary: AccountMargin, rules: dict[str, InstrumentRules]) -> dict[str, Any]:
    """``GET /fapi/v2/account``: every listed symbol."""
    return {
        "feeTier": 0,
        "feeBurn": False,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": False,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
        **_totals(summary),
        "assets": [_asset(summary)],
        "positions": [_account_position_v2(margin, rules[margin.symbol]) for margin in summary.positions],
    }


def _account_position_v2(margin: PositionMargin, rules: InstrumentRules) -> dict[str, Any]:
    position = margin.position
    return {
        "symbol": margin.symbol,
        "initialMargin": money_text(margin.initial_margin + margin.order_margin),
        "maintMargin": money_text(margin.maintenance_margin),
        "unrealizedProfit": money_text(margin.unrealised),
        "positionInitialMargin": money_text(margin.initial_margin),
        "openOrderInitialMargin": money_text(margin.order_margin),
        "leverage": str(margin.leverage),
        "isolated": margin.margin_type == "isolated",
        "entryPrice": _price(position.entry_price),
        "breakEvenPrice": _price(position.break_even_price),
        "maxNotional": f"{margin.max_notional:f}",
        "bidNotional": money_text(margin.bid_notional),
        "askNotional": money_text(margin.ask_notional),
        "positionSide": POSITION_SIDE,
        "positionAmt": rules.quantity_text(position.quantity),
        "notional": money_text(margin.notional),
        "isolatedWallet": money_text(position.isolated_wallet),
        "updateTime": milliseconds(position.updated_ns),
    }


def account_v3(summary: AccountMargin, rules: dict[str, InstrumentRules]) -> dict[str, Any]:
    """``GET /fapi/v3/account``: only symbols with a position or an open order."""
    return {
        **_totals(summary),
        "assets": [_asset(summary)],
        "positions": [
            {
                "symbol": margin.symbol,
                "positionSide": POSITION_SIDE,
                "positionAmt": rules[margin.symbol].quantity_text(margin.position.quantity),
                "unrealizedProfit": money_text(margin.unrealised),
                "isolatedMargin": money_text(isolated_margin(margin)),
                "notional": money_text(margin.notional),
                "isolatedWallet": money_text(margin.position.isolated_wallet),
                "initialMargin": money_text(margin.initial_margin + margin.order_margin),
                "maintMargin": money_text(margin.maintenance_margin),
                "updateTime": milliseconds(margin.position.updated_ns),
            }
            for margin in summary.positions
            if is_used(margin)
        ],
    }


def balance_rows(summary: AccountMargin) -> list[dict[str, Any]]:
    """``GET /fapi/v2/balance`` and ``v3``."""
    return [
        {
            "accountAlias": ALIAS,
            "asset": MARGIN_ASSET,
            "balance": money_text(summary.wallet),
            "crossWalletBalance": money_text(summary.cross_wallet),
            "crossUnPnl": money_text(summary.cross_unrealised),
            "availableBalance": _available(summary),
            "maxWithdrawAmount": _available(summary),
            "marginAvailable": True,
            "updateTime": milliseconds(summary.wallet_updated_ns),
        }
    ]


def isolated_margin(margin: PositionMargin) -> Decimal:
    """Return the isolated wallet with the position's profit; zero under cross margin."""
    if margin.margin_type != "isolated":
        return Decimal(0)
    return margin.position.isolated_wallet + margin.unrealised


def _risk(margin: PositionMargin, rules: InstrumentRules) -> dict[str, Any]:
    position = margin.position
    return {
        "symbol": margin.symbol,
        "positionAmt": rules.quantity_text(position.quantity),
        "entryPrice": _price(position.entry_price),
        "breakEvenPrice": _price(position.break_even_price),
        "markPrice": _price(margin.mark_price),
        "unRealizedProfit": money_text(margin.unrealised),
        "liquidationPrice": _price(margin.liquidation_price),
        "isolatedMargin": money_text(isolated_margin(margin)),
        "positionSide": POSITION_SIDE,
        "notional": money_text(margin.notional),
        "isolatedWallet": money_text(position.isolated_wallet),
        "updateTime": milliseconds(position.updated_ns),
    }


def position_risk_v2(margin: PositionMargin, rules: InstrumentRules) -> dict[str, Any]:
    """A row of ``GET /fapi/v2/positionRisk``: every listed symbol has one."""
    return {
        **_risk(margin, rules),
        "leverage": str(margin.leverage),
        "maxNotionalValue": f"{margin.max_notional:f}",
        "marginType": margin.margin_type,
        "isAutoAddMargin": "false",
    }


def position_risk_v3(margin: PositionMargin, rules: InstrumentRules) -> dict[str, Any]:
    """A row of ``GET /fapi/v3/positionRisk``: only symbols in use have one."""
    return {
        **_risk(margin, rules),
        "marginAsset": MARGIN_ASSET,
        "initialMargin": money_text(margin.initial_margin + margin.order_margin),
        "maintMargin": money_text(margin.maintenance_margin),
        "positionInitialMargin": money_text(margin.initial_margin),
        "openOrderInitialMargin": money_text(margin.order_margin),
        "adl": 0 if not margin.position.quantity else 1,
        "bidNotional": money_text(margin.bid_notional),
        "askNotional": money_text(margin.ask_notional),
    }


def bracket_row(rules: InstrumentRules) -> dict[str, Any]:
    """A row of ``GET /fapi/v1/leverageBracket``."""
    return {
        "symbol": rules.symbol,
        "notionalCoef": 1.0,
        "brackets": [
            {
                "bracket": bracket.number,
                "initialLeverage": bracket.max_leverage,
                "notionalCap": int(bracket.notional_cap),
                "notionalFloor": int(bracket.notional_floor),
                "maintMarginRatio": float(bracket.maintenance_ratio),
                "cum": float(bracket.deduction),
            }
            for bracket in rules.brackets
        ],
    }


def income_row(income: Income) -> dict[str, Any]:
    """A row of ``GET /fapi/v1/income``."""
    return {
        "symbol": income.symbol,
        "incomeType": income.kind,
        "income": money_text(income.amount),
        "asset": MARGIN_ASSET,
        "time": milliseconds(income.ts_ns),
        "info": income.info,
        "tranId": income.income_id,
        "tradeId": str(income.fill_id) if income.fill_id else "",
    }
