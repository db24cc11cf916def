"""``seawall status``: what runs, what it holds, what protects it."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from seawall_cli.errors import CliError
from seawall_cli.wire import ledger_of
from seawall_ledger import LedgerError
from seawall_runtime.config import Config

TIMEOUT = aiohttp.ClientTimeout(total=2)


async def read_status(config: Config, http_ports: dict[str, int]) -> dict[str, Any]:
    """Return services, halts, positions with their stops, and equity; ``ready`` sums it up."""
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        answers = await asyncio.gather(*(_ready(session, port) for port in http_ports.values()))
    services = dict(zip(http_ports, answers, strict=True))
    try:
        money = await _money(config)
    except (CliError, LedgerError) as error:
        money = {"ledger": str(error)}
    return {"ready": all(word == "ready" for word in services.values()), "services": services, **money}


async def _ready(session: aiohttp.ClientSession, port: int) -> str:
    try:
        async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return "ready" if answer.status == 200 else (await answer.text()).strip()
    except (aiohttp.ClientError, OSError, TimeoutError):
        return "does not answer"


async def _money(config: Config) -> dict[str, Any]:
    accounts: list[dict[str, Any]] = []
    async with ledger_of(config) as ledger:
        halts = [{"scope": halt.scope, "by": halt.actor, "reason": halt.reason} for halt in await ledger.halts()]
        for venue in config.traded_venues:
            account = (venue.name, venue.account)
            reconciled = await ledger.last_reconciled(*account)
            last = await ledger.rows(
                "SELECT client_order_id FROM orders WHERE venue = $1 AND account = $2 ORDER BY recorded DESC LIMIT 1",
                *account,
            )
            stops = [stop for stop in await ledger.stops(*account) if stop.verified and stop.state == "resting"]
            accounts.append(
                {
                    "account": "/".join(account),
                    "equity": str(reconciled.equity) if reconciled else None,
                    "open_orders": len(await ledger.open_orders(*account)),
                    "last_order": last[0]["client_order_id"] if last else None,
                    "positions": [
                        {
                            "symbol": position.symbol,
                            "quantity": str(position.quantity),
                            "entry_price": str(position.entry_price),
                            "stops": [str(stop.trigger_price) for stop in stops if stop.symbol == position.symbol],
                        }
                        for position in await ledger.positions(*account)
                        if position.quantity
                    ],
                }
            )
    return {"halts": halts, "accounts": accounts}


def show_status(status: dict[str, Any]) -> str:
    """Return the status as lines a person reads."""
    lines = [f"{name:14} {word}" for name, word in status["services"].items()]
    if "ledger" in status:
        lines.append(f"ledger         {status['ledger']}")
    for halt in status.get("halts", []):
        lines.append(f"HALTED         {halt['scope']} by {halt['by']}: {halt['reason']}")
    for account in status.get("accounts", []):
        lines.append(f"{account['account']}  equity {account['equity']}, {account['open_orders']} working orders")
        if account["last_order"]:
            lines.append(f"  last order {account['last_order']}: seawall explain {account['last_order'][:8]}")
        for position in account["positions"]:
            stops = ", ".join(position["stops"]) or "NONE"
            lines.append(f"  {position['symbol']} {position['quantity']} from {position['entry_price']}, stop {stops}")
    return "\n".join(lines)
