"""The few requests outside futures with which client libraries begin, whatever they trade."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from .endpoints import Call, Endpoint
from .market_hub import MarketHub
from .trading_desk import TradingDesk

# when the account was opened, as the venue tells it with a key's permissions
ACCOUNT_CREATED_MS = 1_569_398_400_000


def spot_routes(hub: MarketHub) -> list[web.RouteDef]:
    """Return ``/api/v3/ping`` and ``/api/v3/time``, which need no key."""

    async def ping(_request: web.Request) -> web.Response:
        return web.Response(body=b"{}", content_type="application/json")

    async def time(_request: web.Request) -> web.Response:
        body = msgspec.json.encode({"serverTime": hub.now_ms()})
        return web.Response(body=body, content_type="application/json")

    return [web.get("/api/v3/ping", ping), web.get("/api/v3/time", time)]


class WalletEndpoints:
    """Answers what libraries ask of the wallet: which coins there are, and what the key may do."""

    def __init__(self, desk: TradingDesk) -> None:
        self._exchange = desk.exchange

    def endpoints(self) -> list[Endpoint]:
        """Return the table of endpoints with their weights."""
        return [
            Endpoint(method="GET", path="/sapi/v1/capital/config/getall", answer=self._coins, weight=10),
            Endpoint(method="GET", path="/sapi/v1/account/apiRestrictions", answer=self._restrictions),
            Endpoint(method="GET", path="/sapi/v1/margin/allPairs", answer=self._margin_pairs, security="KEY"),
        ]

    def _coins(self, call: Call) -> list[dict[str, Any]]:
        rules = self._exchange.rules.values()
        names = dict.fromkeys([rule.quote for rule in rules] + [rule.base for rule in rules])
        return [
            {
                "coin": name,
                "name": name,
                "depositAllEnable": False,
                "withdrawAllEnable": False,
                "free": "0",
                "freeze": "0",
                "ipoable": "0",
                "ipoing": "0",
                "isLegalMoney": False,
                "locked": "0",
                "storage": "0",
                "trading": True,
                "withdrawing": "0",
                "networkList": [],
            }
            for name in names
        ]

    def _margin_pairs(self, call: Call) -> list[dict[str, Any]]:
        """There is no spot margin to be had."""
        return []

    def _restrictions(self, call: Call) -> dict[str, Any]:
        """Every key may read and trade futures; none may move money out."""
        return {
            "ipRestrict": False,
            "createTime": ACCOUNT_CREATED_MS,
            "enableReading": True,
            "enableWithdrawals": False,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": True,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
            "enableSpotAndMarginTrading": False,
            "enablePortfolioMarginTrading": False,
        }
