"""From an approval on the bus to the order request leaving, over a real NATS, PostgreSQL and venue.

The floor is what the way must cost on this machine in this run: one acknowledged publish to
JetStream with its delivery to a core subscriber, and one commit of a small row.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import asyncpg

from seawall_runtime.clock import now_ns
from seawall_venues.ids import client_order_id
from tests.worlds.execution_wire import Wire
from tests.worlds.execution_world import ACCOUNT, BTC, VENUE, ExecutionWorld

NAME = "tick_to_order"
ORDERS = 120  # about 3 s; below the venue's 300 orders in 10 s
FLOOR_ROUNDS = 200
EVERY_S = 0.05


def run() -> dict[str, object]:
    """Measure and return milliseconds, and their ratio to the floor."""
    with tempfile.TemporaryDirectory(prefix="seawall-bench-") as folder:
        wire = Wire()
        world = ExecutionWorld(Path(folder), rest_port=wire.port)
        wire.start(world.venue_port)
        try:
            world.start()
            return asyncio.run(_measure(world, wire))
        finally:
            world.stop()
            wire.stop()


async def _measure(world: ExecutionWorld, wire: Wire) -> dict[str, object]:
    floor_ms = await _floor(world)
    sent_ms, filled_ms = await _orders(world, wire)
    p50, p99 = _quantile(sent_ms, 0.50), _quantile(sent_ms, 0.99)
    return {
        "p50_ms": round(p50, 3),
        "p99_ms": round(p99, 3),
        "n": len(sent_ms),
        "filled_p50_ms": round(_quantile(filled_ms, 0.50), 3),
        "floor_p50_ms": round(_quantile(floor_ms, 0.50), 3),
        "floor_p99_ms": round(_quantile(floor_ms, 0.99), 3),
        "p50_to_floor": round(p50 / _quantile(floor_ms, 0.50), 2),
        "p99_to_floor": round(p99 / _quantile(floor_ms, 0.99), 2),
    }


async def _floor(world: ExecutionWorld) -> list[float]:
    bus = await world.bus()
    connection = await asyncpg.connect(
        world.postgres.url.replace("seawall@", f"seawall:{world.postgres.password_file.read_text()}@", 1)
    )
    await connection.execute("CREATE TABLE floor (id text PRIMARY KEY)")
    heard = asyncio.Event()

    async def hear(_message: object) -> None:
        heard.set()

    await bus.subscribe("risk.approved.bench.floor", hear)
    measured = []
    for number in range(FLOOR_ROUNDS):
        heard.clear()
        started_s = time.perf_counter()
        await bus.link.request("risk.approved.bench.floor", b"{}", timeout_s=2.0)
        await heard.wait()
        await connection.execute("INSERT INTO floor VALUES ($1)", str(number))
        measured.append((time.perf_counter() - started_s) * 1_000)
    await connection.close()
    await bus.close()
    return measured


async def _orders(world: ExecutionWorld, wire: Wire) -> tuple[list[float], list[float]]:
    bus, ledger, session = await world.bus(), await world.ledger(), await world.session()
    mark = await session.mark_price(BTC)
    asked: dict[str, int] = {}
    for number in range(ORDERS):
        side, factor = (("buy", "1.02"), ("sell", "0.98"))[number % 2]
        worst = (mark * Decimal(factor)).quantize(Decimal("0.1"))
        name = f"bench-{number}"
        asked[name] = now_ns()
        await bus.publish(world.approval(name, worst, side=side, ts_received_ns=asked[name]))
        await asyncio.sleep(EVERY_S)
    await asyncio.sleep(0.5)
    rows = await ledger.rows(
        "SELECT o.intent_id, min(f.ts_received_ns) AS ts_received_ns"
        " FROM orders o JOIN fills f USING (client_order_id) GROUP BY o.intent_id"
    )
    filled_ms = [(row["ts_received_ns"] - asked[row["intent_id"]]) / 1e6 for row in rows if row["intent_id"] in asked]
    ids = {client_order_id(name, VENUE, ACCOUNT, "entry"): started_ns for name, started_ns in asked.items()}
    sent_ms = [(wire.orders_ns[one] - started_ns) / 1e6 for one, started_ns in ids.items() if one in wire.orders_ns]
    assert len(sent_ms) == ORDERS, f"{len(sent_ms)} of {ORDERS} orders left"
    await session.close()
    await ledger.close()
    await bus.close()
    return sent_ms, filled_ms


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
