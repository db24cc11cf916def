"""The account: balances, positions, leverage, margin type, fees, income."""

from __future__ import annotations

from typing import Any

from seawall_sim.engine import Exchange, PositionMargin
from seawall_sim.engine.model import MarginType

from .endpoints import Call, Endpoint
from .faults import VenueFault, missing
from .order_requests import optional_symbol, symbol_of
from .trading_desk import TradingDesk
from .usage import UsageLimits
from .wire_account import (
    account_v2,
    account_v3,
    balance_rows,
    bracket_row,
    income_row,
    is_used,
    position_risk_v2,
    position_risk_v3,
)

DONE = {"code": 200, "msg": "success"}
MARGIN_TYPES: dict[str, MarginType] = {"CROSSED": "cross", "ISOLATED": "isolated"}


class AccountEndpoints:
    """Answers requests about the account as a whole."""

    def __init__(self, desk: TradingDesk, limits: UsageLimits) -> None:
        self._desk = desk
        self._limits = limits
        self._exchange: Exchange = desk.exchange

    def endpoints(self) -> list[Endpoint]:
        """Return the table of endpoints with their weights."""
        table = (
            ("GET", "/fapi/v2/account", self.account_v2, 5),
            ("GET", "/fapi/v3/account", self.account_v3, 5),
            ("GET", "/fapi/v2/balance", self.balance, 5),
            ("GET", "/fapi/v3/balance", self.balance, 5),
            ("GET", "/fapi/v2/positionRisk", self.position_risk_v2, 5),
            ("GET", "/fapi/v3/positionRisk", self.position_risk_v3, 5),
            ("GET", "/fapi/v1/accountConfig", self.account_config, 5),
            ("GET", "/fapi/v1/symbolConfig", self.symbol_config, 5),
            ("GET", "/fapi/v1/leverageBracket", self.brackets, 1),
            ("GET", "/fapi/v1/commissionRate", self.commission, 20),
            ("GET", "/fapi/v1/positionSide/dual", self.position_mode, 30),
            ("POST", "/fapi/v1/positionSide/dual", self.set_position_mode, 1),
            ("GET", "/fapi/v1/multiAssetsMargin", self.multi_assets, 30),
            ("POST", "/fapi/v1/multiAssetsMargin", self.set_multi_assets, 1),
            ("GET", "/fapi/v1/feeBurn", self.fee_burn, 30),
            ("GET", "/fapi/v1/apiTradingStatus", self.trading_status, 1),
            ("GET", "/fapi/v1/adlQuantile", self.adl_quantile, 5),
            ("GET", "/fapi/v1/rateLimit/order", self.order_limits, 1),
            ("POST", "/fapi/v1/leverage", self.set_leverage, 1),
            ("POST", "/fapi/v1/marginType", self.set_margin_type, 1),
            ("POST", "/fapi/v1/positionMargin", self.move_margin, 1),
            ("GET", "/fapi/v1/income", self.income, 30),
        )
        return [Endpoint(method=m, path=path, answer=answer, weight=weight) for m, path, answer, weight in table]

    # --- balances and positions ----------------------------------------------------------------------------------

    def account_v2(self, call: Call) -> dict[str, Any]:
        """``GET /fapi/v2/account``."""
        return account_v2(self._exchange.margin_summary(), self._exchange.rules)

    def account_v3(self, call: Call) -> dict[str, Any]:
        """``GET /fapi/v3/account``."""
        return account_v3(self._exchange.margin_summary(), self._exchange.rules)

    def balance(self, call: Call) -> list[dict[str, Any]]:
        """``GET /fapi/v2/balance`` and ``v3``."""
        return balance_rows(self._exchange.margin_summary())

    def position_risk_v2(self, call: Call) -> list[dict[str, Any]]:
        """``GET /fapi/v2/positionRisk``."""
        return [position_risk_v2(m, self._exchange.rules[m.symbol]) for m in self._margins(call)]

    def position_risk_v3(self, call: Call) -> list[dict[str, Any]]:
        """``GET /fapi/v3/positionRisk``."""
        return [position_risk_v3(m, self._exchange.rules[m.symbol]) for m in self._margins(call) if is_used(m)]

    def _margins(self, call: Call) -> list[PositionMargin]:
        symbol = optional_symbol(call.parameters, self._exchange)
        return [m for m in self._exchange.margin_summary().positions if symbol in (None, m.symbol)]

    def income(self, call: Call) -> list[dict[str, Any]]:
        """``GET /fapi/v1/income``."""
        start_ns, end_ns = call.parameters.window_ns()
        rows = self._exchange.queries.incomes(
            optional_symbol(call.parameters, self._exchange),
            call.parameters.text("incomeType") or None,
            start_ns=start_ns,
            end_ns=end_ns,
            limit=call.parameters.limit(100, 1_000),
        )
        return [income_row(row) for row in rows]

    # --- settings ------------------------------------------------------------------------------------------------

    def account_config(self, call: Call) -> dict[str, Any]:
        """``GET /fapi/v1/accountConfig``."""
        return {
            "feeTier": 0,
            "canTrade": True,
            "canDeposit": True,
            "canWithdraw": False,
            "dualSidePosition": False,
            "updateTime": 0,
            "multiAssetsMargin": False,
            "tradeGroupId": -1,
        }

    def symbol_config(self, call: Call) -> list[dict[str, Any]]:
        """``GET /fapi/v1/symbolConfig``."""
        return [
            {
                "symbol": margin.symbol,
                "marginType": "CROSSED" if margin.margin_type == "cross" else "ISOLATED",
                "isAutoAddMargin": False,
                "leverage": margin.leverage,
                "maxNotionalValue": f"{margin.max_notional:f}",
            }
            for margin in self._margins(call)
        ]

    def brackets(self, call: Call) -> list[dict[str, Any]]:
        """``GET /fapi/v1/leverageBracket``."""
        symbol = optional_symbol(call.parameters, self._exchange)
        return [bracket_row(rules) for rules in self._exchange.rules.values() if symbol in (None, rules.symbol)]

    def commission(self, call: Call) -> dict[str, Any]:
        """``GET /fapi/v1/commissionRate``."""
        settings = self._exchange.settings
        return {
            "symbol": symbol_of(call.parameters, self._exchange),
            "makerCommissionRate": f"{settings.maker_fee_rate:f}",
            "takerCommissionRate": f"{settings.taker_fee_rate:f}",
            "rpiCommissionRate": f"{settings.maker_fee_rate:f}",
        }

    def position_mode(self, call: Call) -> dict[str, Any]:
        """``GET /fapi/v1/positionSide/dual``: always one-way."""
        return {"dualSidePosition": False}

    def set_position_mode(self, call: Call) -> dict[str, Any]:
        """``POST /fapi/v1/positionSide/dual``: hedge mode is not to be had here."""
        call.parameters.required("dualSidePosition")
        if call.parameters.flag("dualSidePosition"):
            raise VenueFault(-4084, "Method is not allowed currently. Coming soon.")
        raise VenueFault(-4059, "No need to change position side.")

    def multi_assets(self, call: Call) -> dict[str, Any]:
        """``GET /fapi/v1/multiAssetsMargin``."""
        return {"multiAssetsMargin": False}

    def set_multi_assets(self, call: Call) -> dict[str, Any]:
        """``POST /fapi/v1/multiAssetsMargin``: the account has one asset."""
        call.parameters.required("multiAssetsMargin")
        if call.parameters.flag("multiAssetsMargin"):
            raise VenueFault(-4084, "Method is not allowed currently. Coming soon.")
        raise VenueFault(-4171, "No need to change multi-assets mode.")

    def fee_burn(self, call: Call) -> dict[str, Any]:
        """``GET /fapi/v1/feeBurn``: fees are paid in the margin asset."""
        return {"feeBurn": False}

    def trading_status(self, call: Call) -> dict[str, Any]:
        """``GET /fapi/v1/apiTradingStatus``: nothing is locked."""
        return {"indicators": {}, "updateTime": call.now_ms}

    def adl_quantile(self, call: Call) -> list[dict[str, Any]]:
        """``GET /fapi/v1/adlQuantile``: there is nobody to deleverage against."""
        return [{"symbol": m.symbol, "adlQuantile": {"BOTH": 0}} for m in self._margins(call) if m.position.quantity]

    def order_limits(self, call: Call) -> list[dict[str, Any]]:
        """``GET /fapi/v1/rateLimit/order``."""
        return [
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": self._limits.orders_10s},
            {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": self._limits.orders_1m},
        ]

    def set_leverage(self, call: Call) -> dict[str, Any]:
        """``POST /fapi/v1/leverage``."""
        symbol = symbol_of(call.parameters, self._exchange)
        leverage = call.parameters.integer("leverage")
        if leverage is None:
            raise missing("leverage")
        self._desk.act(lambda exchange, ts_ns: exchange.set_leverage(ts_ns, symbol, leverage))
        largest = self._exchange.rules[symbol].max_notional(leverage)
        return {"symbol": symbol, "leverage": leverage, "maxNotionalValue": f"{largest:f}"}

    def set_margin_type(self, call: Call) -> dict[str, Any]:
        """``POST /fapi/v1/marginType``."""
        symbol = symbol_of(call.parameters, self._exchange)
        wanted = MARGIN_TYPES.get(call.parameters.required("marginType"))
        if wanted is None:
            raise VenueFault(-1130, "Data sent for parameter 'marginType' is not valid.")
        self._desk.act(lambda exchange, ts_ns: (None, exchange.set_margin_type(ts_ns, symbol, wanted)))
        return DONE

    def move_margin(self, call: Call) -> dict[str, Any]:
        """``POST /fapi/v1/positionMargin``: type 1 adds, type 2 takes out."""
        symbol = symbol_of(call.parameters, self._exchange)
        amount, kind = call.parameters.required_decimal("amount"), call.parameters.integer("type")
        if kind not in (1, 2) or amount <= 0:
            raise VenueFault(-1130, "Data sent for parameter 'type' is not valid.")
        signed = amount if kind == 1 else -amount
        self._desk.act(lambda exchange, ts_ns: (None, exchange.move_isolated_margin(ts_ns, symbol, signed)))
        return {"amount": float(amount), "code": 200, "msg": "Successfully modify position margin.", "type": kind}
