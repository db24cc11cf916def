"""What the venue itself holds, asked over its own signed API: the yardstick for the ledger."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import aiohttp

from seawall_cli.errors import ServerError
from seawall_runtime.clock import now_ns
from seawall_runtime.config import VenueConfig

TIMEOUT = aiohttp.ClientTimeout(total=5)


@dataclass(frozen=True, slots=True)
class Holdings:
    """Signed positions and the reduce-only stop quantity resting against each, by the venue's symbol."""

    positions: dict[str, Decimal]
    stops: dict[str, Decimal]
    equity: Decimal

    @property
    def naked(self) -> list[str]:
        """Positions whose resting stops cover less than all of them."""
        return [symbol for symbol, size in self.positions.items() if self.stops.get(symbol, Decimal(0)) < abs(size)]


async def read_holdings(venue: VenueConfig) -> Holdings:
    """Ask the venue. Raises ServerError."""
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        positions = await _get(session, venue, "/fapi/v2/positionRisk")
        algos = await _get(session, venue, "/fapi/v1/openAlgoOrders")
        account = await _get(session, venue, "/fapi/v2/account")
    held = {row["symbol"]: Decimal(row["positionAmt"]) for row in positions if Decimal(row["positionAmt"])}
    stops: dict[str, Decimal] = {}
    for row in algos:
        against = (
            Decimal(row["quantity"]) if held.get(row["symbol"], Decimal(0)) * _sign(row["side"]) < 0 else Decimal(0)
        )
        stops[row["symbol"]] = stops.get(row["symbol"], Decimal(0)) + against
    return Holdings(held, stops, Decimal(account["totalMarginBalance"]))


def _sign(side: str) -> int:
    return 1 if side == "BUY" else -1


async def _get(session: aiohttp.ClientSession, venue: VenueConfig, path: str) -> Any:
    if venue.trade_key is None:
        raise ServerError(f"{venue.name} has no key to ask with")
    key = venue.trade_key.key_file.read_text().strip()
    secret = venue.trade_key.secret_file.read_text().strip()
    query = urlencode({"timestamp": now_ns() // 1_000_000, "recvWindow": 5000})
    signature = hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    url = f"{venue.rest_url}{path}?{query}&signature={signature}"
    try:
        async with session.get(url, headers={"X-MBX-APIKEY": key}) as answer:
            body = await answer.json()
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise ServerError(f"{venue.name} cannot be asked for {path}: {error or type(error).__name__}") from error
    if answer.status != 200:
        raise ServerError(f"{venue.name} refused {path}: {answer.status} {body}")
    return body
