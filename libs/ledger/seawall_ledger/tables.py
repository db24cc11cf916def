"""Which event changes which money table, as one statement each: the row and its outbox row, or neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

from seawall_proto import (
    AccountReconciled,
    Event,
    OrderFilled,
    OrderStateChanged,
    PositionChanged,
    StopChanged,
    TradingHalted,
    TradingResumed,
)

OUTBOX_INSERT = "INSERT INTO outbox (writer, event_id, type, subject, payload, headers, about)"
OUTBOX_VALUES = "$1::text, $2::text, $3::text, $4::text, $5::text, $6::jsonb, $7::text"
OUTBOX_ONCE = "ON CONFLICT (event_id) DO NOTHING RETURNING position"
OUTBOX_ONLY = f"{OUTBOX_INSERT} VALUES ({OUTBOX_VALUES}) {OUTBOX_ONCE}"
FIRST_COLUMN = 8  # $1 to $7 are the outbox row's
EVENT_COLUMNS = ("id", "causes", "ts_received_ns")


@dataclass(frozen=True)
class MoneyTable:
    """One table, the fields of the event that fill it, and what becomes of a row that is there already.

    ``derived`` are columns that are no field of the event; ``update`` says how they change;
    ``newer`` is the condition under which an event replaces the row, empty where none ever does;
    ``beside`` is a further statement of the same WITH, over the row as ``changed``.
    """

    name: str
    key: tuple[str, ...]
    fields: tuple[str, ...]
    newer: str = ""
    derived: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    update: str = ""
    beside: str = ""

    @cached_property
    def statement(self) -> str:
        """The SQL that applies an event; it yields a row where something was added, none for a late copy."""
        columns = (*self.fields, *EVENT_COLUMNS, *self.derived)
        places = ", ".join(f"${number}" for number in range(FIRST_COLUMN, FIRST_COLUMN + len(columns)))
        changed = (
            f"INSERT INTO {self.name} ({', '.join(columns)}, payload) VALUES ({places}, $5)"  # noqa: S608
            f" ON CONFLICT ({', '.join(self.key)}) {self._on_conflict()} RETURNING *"
        )
        parts = ", ".join(part for part in (f"changed AS ({changed})", self.beside) if part)
        return f"WITH {parts} {OUTBOX_INSERT} SELECT {OUTBOX_VALUES} FROM changed {OUTBOX_ONCE}"  # noqa: S608

    def _on_conflict(self) -> str:
        if not self.newer:
            return "DO NOTHING"
        replaced = [name for name in (*self.fields, *EVENT_COLUMNS, "payload") if name not in self.key]
        assignments = ", ".join(f"{name} = excluded.{name}" for name in replaced)
        update = f", {self.update}" if self.update else ""
        return f"DO UPDATE SET {assignments}{update} WHERE {self.newer}"

    def values(self, event: Event) -> list[Any]:
        """Return the parameters from FIRST_COLUMN on."""
        named = [plain(getattr(event, name)) for name in (*self.fields, *EVENT_COLUMNS)]
        return named + [derive(event) for derive in self.derived.values()]


def plain(value: Any) -> Any:
    """Return a field as asyncpg takes it: an enum as its value, a tuple as a list."""
    if isinstance(value, Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


ORDERS = MoneyTable(
    name="orders",
    key=("client_order_id",),
    fields=(
        *("client_order_id", "venue", "account", "venue_order_id", "intent_id", "symbol", "side", "order_type"),
        *("quantity", "filled_quantity", "limit_price", "average_price", "reduce_only", "state", "previous_state"),
        *("reason", "sequence", "stop_distance_bps"),
    ),
    newer="orders.sequence < excluded.sequence",
    beside=(
        "seen AS (INSERT INTO order_venue_ids (client_order_id, venue_order_id, id)"
        " SELECT client_order_id, venue_order_id, id FROM changed WHERE venue_order_id <> '' ON CONFLICT DO NOTHING)"
    ),
)
FILLS = MoneyTable(
    name="fills",
    key=("venue", "account", "symbol", "fill_id"),
    fields=(
        *("venue", "account", "symbol", "fill_id", "client_order_id", "venue_order_id", "side", "price", "quantity"),
        *("fee", "fee_asset", "maker", "realised_pnl", "ts_venue_ns"),
    ),
)
POSITIONS = MoneyTable(
    name="positions",
    key=("venue", "account", "symbol"),
    fields=(
        *("venue", "account", "symbol", "quantity", "entry_price", "realised_pnl", "sequence", "stop_distance_bps"),
    ),
    newer="positions.sequence < excluded.sequence",
    derived={"times_opened": lambda event: int(event.quantity != 0)},
    update=(
        "times_opened = positions.times_opened"
        " + (excluded.quantity <> 0 AND sign(positions.quantity) <> sign(excluded.quantity))::integer"
    ),
)
# A stop has one writer, the guardian, so the order of arrival is the order of events; a copy has the same id.
STOPS = MoneyTable(
    name="stops",
    key=("venue", "account", "client_stop_id"),
    fields=(
        *("venue", "account", "client_stop_id", "symbol", "venue_stop_id", "side", "quantity", "trigger_price"),
        *("state", "verified", "reason"),
    ),
    newer="stops.id <> excluded.id",
    derived={"ever_verified": lambda event: event.verified},
    update="ever_verified = stops.ever_verified OR excluded.verified",
)
ACCOUNTS = MoneyTable(
    name="accounts",
    key=("venue", "account"),
    fields=("venue", "account", "equity", "open_orders"),
    newer="accounts.id <> excluded.id AND accounts.ts_received_ns <= excluded.ts_received_ns",
)
# Of a halt and a resume with one version the halt wins: the most restrictive reading.
HALTS = MoneyTable(
    name="halts",
    key=("scope", "version"),
    fields=("scope", "version", "actor", "reason"),
    newer="excluded.halted AND NOT halts.halted",
    derived={"halted": lambda event: isinstance(event, TradingHalted)},
    update="halted = excluded.halted",
)

TABLE_OF: Mapping[type[Event], MoneyTable] = {
    OrderStateChanged: ORDERS,
    OrderFilled: FILLS,
    PositionChanged: POSITIONS,
    StopChanged: STOPS,
    AccountReconciled: ACCOUNTS,
    TradingHalted: HALTS,
    TradingResumed: HALTS,
}
