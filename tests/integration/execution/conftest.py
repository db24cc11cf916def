"""One world for the whole area; each test leaves it running and flat."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from seawall_ledger import Ledger
from seawall_proto import OrderFilled, OrderStateChanged
from seawall_runtime.bus import Bus
from seawall_venues.binance.trading_session import BinanceTradingSession
from tests.worlds.execution_wire import Wire
from tests.worlds.execution_world import ACCOUNT, BTC, VENUE, ExecutionWorld, until


@pytest.fixture(scope="session")
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.stop()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, wire: Wire) -> Iterator[ExecutionWorld]:
    world = ExecutionWorld(tmp_path_factory.mktemp("execution"), quarantine_s=1, rest_port=wire.port)
    wire.start(world.venue_port)
    try:
        world.start()
        yield world
    finally:
        world.stop()


@dataclass
class Hands:
    """What a test holds: the world, the bus, the ledger, and a person's session at the venue."""

    world: ExecutionWorld
    bus: Bus
    ledger: Ledger
    session: BinanceTradingSession

    async def approve(self, name: str, **changes: Any) -> None:
        mark = await self.session.mark_price(changes.get("symbol", BTC))
        side = changes.get("side", "buy")
        worst = (mark * Decimal("1.01" if side == "buy" else "0.99")).quantize(Decimal("0.1"))
        await self.bus.publish(self.world.approval(name, changes.pop("worst_price", worst), **changes))

    async def order(self, intent: str, *states: str, within_s: float = 10) -> OrderStateChanged:
        """Wait until the order of an intent is in one of the states."""

        seen: list[str] = []

        async def look() -> OrderStateChanged | None:
            found = await self.ledger.order_of_intent(intent)
            if found is not None and f"{found.state.value} {found.reason}" not in seen:
                seen.append(f"{found.state.value} {found.reason}")
            return found if found is not None and (not states or found.state.value in states) else None

        try:
            return await until(look, f"{intent} {states}", within_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; seen: {seen}") from None

    async def fill_of(self, order: OrderStateChanged) -> OrderFilled:
        async def look() -> OrderFilled | None:
            found = await self.ledger.fills_of(order.client_order_id)
            return found[0] if found else None

        return await until(look, f"a fill of {order.client_order_id}")

    async def held(self, symbol: str = BTC) -> tuple[Decimal, Decimal]:
        """Return a position as the ledger and as the venue have it."""
        row = await self.ledger.position(VENUE, ACCOUNT, symbol)
        theirs = {one.symbol: one.quantity for one in await self.session.positions()}
        return row.quantity if row is not None else Decimal(0), theirs.get(symbol, Decimal(0))

    async def agree(self, quantity: str, symbol: str = BTC, within_s: float = 10) -> None:
        """Wait until ledger and venue both hold this much."""

        async def look() -> bool:
            row = await self.ledger.position(VENUE, ACCOUNT, symbol)
            if (row.quantity if row is not None else Decimal(0)) != Decimal(quantity):
                return False
            if await self.held(symbol) == (Decimal(quantity), Decimal(quantity)):
                return True
            await asyncio.sleep(0.25)  # asking the venue costs weight
            return False

        await until(look, f"{quantity} {symbol} in ledger and venue", within_s)

    async def enterable(self) -> None:
        """Wait until an entry is taken again; leaves the account flat."""

        async def look() -> bool:
            name = f"probe-{time.monotonic_ns()}"
            await self.approve(name)
            if (await self.order(name, "filled", "not_placed")).state.value == "not_placed":
                await asyncio.sleep(0.1)
                return False
            await self.approve(f"{name}-exit", side="sell", reduce_only=True, quantity=Decimal("1.000"))
            await self.agree("0")
            return True

        await until(look, "an entry taken", 15)

    async def venue_orders(self, client_order_id: str) -> int:
        """Return how many orders the venue ever took under an id: its journal of ids seen by the ledger."""
        rows = await self.ledger.rows(
            "SELECT count(*) AS n FROM order_venue_ids WHERE client_order_id = $1", client_order_id
        )
        return int(rows[0]["n"])


@pytest.fixture
async def hands(world: ExecutionWorld) -> AsyncIterator[Hands]:
    session = await world.session()
    ledger = await world.ledger()
    bus = await world.bus()
    yield Hands(world, bus, ledger, session)
    await bus.close()
    await ledger.close()
    await session.close()
