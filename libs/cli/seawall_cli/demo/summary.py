"""The one line that a demo ends with: what flowed, what was decided, and whether it adds up."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from seawall_cli.stack.plan import venue_symbol
from seawall_cli.wire import bus_of, ledger_of
from seawall_ledger import Ledger
from seawall_proto import ROUTES
from seawall_runtime.config import Config

from .holdings import Holdings
from .sampler import Sampler

NAKED_BOUND_MS = 2_000
NAKED_BOUND_UNDER_KILL_MS = 10_000  # the guardian itself is killed: its restart is part of the time
TABLES = ("trades", "quotes", "books", "bars", "funding", "equity", "events")

ORDER_COUNTS = """
SELECT count(*) FILTER (WHERE intent_id <> '') AS orders,
       (SELECT count(*) FROM fills) AS fills,
       (SELECT coalesce(sum(times_opened), 0) FROM positions) AS positions_opened,
       (SELECT count(*) FROM stops WHERE ever_verified) AS stops_verified,
       count(*) FILTER (WHERE state = 'unknown') AS unknown_orders
FROM orders
"""

DUPLICATES = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM orders WHERE intent_id <> '' GROUP BY venue, account, intent_id, symbol
        HAVING count(*) > 1) AS twice)
     + (SELECT count(*) FROM (SELECT 1 FROM order_venue_ids GROUP BY client_order_id HAVING count(*) > 1) AS doubled)
"""

UNPROTECTED = """
SELECT coalesce(max((payload::jsonb ->> 'unprotected_ms')::bigint), 0)
FROM outbox WHERE type = 'stops.protection_changed.v1'
"""

TICK_TO_ORDER = """
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY waited) / 1e6 AS p50,
       percentile_disc(0.99) WITHIN GROUP (ORDER BY waited) / 1e6 AS p99,
       count(*) AS n
FROM (SELECT min((sent.payload::jsonb ->> 'ts_sent_ns')::bigint - orders.ts_cause_ns) AS waited
      FROM outbox AS sent
      JOIN (SELECT client_order_id, min((payload::jsonb ->> 'ts_received_ns')::bigint) AS ts_cause_ns
            FROM (SELECT payload, payload::jsonb ->> 'client_order_id' AS client_order_id
                  FROM outbox WHERE type = 'orders.order_state_changed.v1') AS changes
            GROUP BY client_order_id) AS orders
        ON orders.client_order_id = sent.payload::jsonb ->> 'client_order_id'
      WHERE sent.type = 'orders.order_state_changed.v1'
        AND coalesce((sent.payload::jsonb ->> 'ts_sent_ns')::bigint, 0) > 0
      GROUP BY orders.client_order_id) AS each
"""


async def summarise(
    config: Config, sampler: Sampler, holdings: Holdings, *, source: str, seconds: float, restarts: Mapping[str, int]
) -> dict[str, Any]:
    """Return the summary, without its verdict."""
    kinds = await count_events(config)
    async with ledger_of(config) as ledger:
        counts = (await ledger.rows(ORDER_COUNTS))[0]
        waited = (await ledger.rows(TICK_TO_ORDER))[0]
        rows = sum([(await ledger.rows(f"SELECT count(*) FROM {table}"))[0][0] for table in TABLES])  # noqa: S608
        duplicates = (await ledger.rows(DUPLICATES))[0][0]
        unprotected_ms_max = (await ledger.rows(UNPROTECTED))[0][0]
        unexplained = await unexplained_positions(config, ledger, holdings)
    return {
        "source": source,
        "seconds": round(seconds, 1),
        "frames": int(sampler.counters.total("seawall_frames")),
        "events": kinds,
        "signals": kinds.get("SignalRaised", 0),
        "approved": kinds.get("OrderApproved", 0),
        "refused": kinds.get("OrderRefused", 0),
        "orders": counts["orders"],
        "fills": counts["fills"],
        "positions_opened": int(counts["positions_opened"]),
        "stops_verified": counts["stops_verified"],
        "unprotected_ms_max": unprotected_ms_max,
        "book_gaps": int(sampler.counters.total("seawall_book_gaps")),
        "restarts": dict(restarts),
        "rows_recorded": rows,
        "duplicate_orders": duplicates,
        "unknown_orders": counts["unknown_orders"],
        "unexplained_position": len(unexplained),
        "naked_positions": len(holdings.naked),
        "equity": float(holdings.equity.quantize(Decimal("0.01"))),
        "tick_to_order_ms": {
            "p50": _rounded(waited["p50"]),
            "p99": _rounded(waited["p99"]),
            "n": waited["n"],
        },
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 2)


async def count_events(config: Config) -> dict[str, int]:
    """Return how many events of each kind the streams hold; their files outlive every kill."""
    counts: dict[str, int] = {}
    async with bus_of(config) as bus:
        for route in ROUTES:
            reply = await bus.api(f"STREAM.INFO.{route.stream}", {"subjects_filter": route.wildcard})
            stored = sum(reply["state"].get("subjects", {}).values())
            if stored:
                counts[route.kind.__name__] = stored
    return counts


async def unexplained_positions(config: Config, ledger: Ledger, holdings: Holdings) -> list[str]:
    """Return the instruments whose position at the venue is not the ledger's."""
    booked: dict[str, Decimal] = {}
    for venue in config.traded_venues:
        for position in await ledger.positions(venue.name, venue.account):
            if position.quantity:
                booked[venue_symbol(position.symbol)] = position.quantity
    symbols = booked.keys() | holdings.positions.keys()
    return sorted(s for s in symbols if booked.get(s, Decimal(0)) != holdings.positions.get(s, Decimal(0)))


def problems_of(summary: Mapping[str, Any], ready: Mapping[str, bool], *, killed: bool) -> list[str]:
    """Return what was not as it must be; an empty list is a healthy run."""
    bound_ms = NAKED_BOUND_UNDER_KILL_MS if killed else NAKED_BOUND_MS
    never = ("book_gaps", "duplicate_orders", "unexplained_position", "naked_positions", "unknown_orders")
    found = [f"{name} is {summary[name]}, expected 0" for name in never if summary[name]]
    if summary["unprotected_ms_max"] > bound_ms:
        found.append(f"unprotected_ms_max is {summary['unprotected_ms_max']}, expected at most {bound_ms}")
    if summary["stops_verified"] < summary["positions_opened"]:
        found.append(f"{summary['positions_opened']} positions opened, only {summary['stops_verified']} stops verified")
    found += [f"{name} is 0, expected more" for name in ("frames", "rows_recorded") if not summary[name]]
    if not killed and summary["restarts"]:
        found.append(f"restarts nobody asked for: {summary['restarts']}")
    found += [f"{service} was not ready at the end" for service, ok in ready.items() if not ok]
    return found
