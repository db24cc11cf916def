"""Why: from an order back to the tick that set it off, and forward to what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from seawall_proto import (
    AccountEvent,
    Event,
    EventId,
    MarketEvent,
    OrderApproved,
    OrderFilled,
    OrderStateChanged,
    PositionChanged,
    PositionFlattened,
    ProtectionChanged,
    StopChanged,
    decode,
    event_type,
)

from .connections import Connections
from .history import BARS, BOOKS, FUNDING, QUOTES, TRADES, event_of_row

MAX_DEPTH = 16  # order, approval, signal, features, bar, tick: six; the rest is room
MAX_EVENTS = 200  # more than a person reads
NEAR_NS = 15 * 60 * 1_000_000_000  # a cause is at most this much older than what it caused, clock skew included
LONGEST_BAR_NS = 25 * 3_600 * 1_000_000_000
AFTER_FLAT_NS = 5 * 1_000_000_000  # the stop of a closed position is cancelled right after
AROUND_THE_POSITION = tuple(
    event_type(kind) for kind in (PositionChanged, StopChanged, ProtectionChanged, PositionFlattened)
)
SAID = """
    SELECT event_id AS id, payload, ts_recorded_ns AS ts_ns FROM outbox WHERE {outbox}
    UNION ALL
    SELECT id, payload::text, ts_stored_ns FROM events WHERE {events}
    ORDER BY ts_ns LIMIT 500
"""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An event and when it was said, in ns: recorded or stored by its stream, or received for a tick."""

    event: Event
    ts_ns: int


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, what led to it (the oldest first) and what came of it (in order of time).

    ``missing`` are causes that are not recorded: not yet, not any more, or never.
    """

    asked: Link
    causes: tuple[Link, ...]
    consequences: tuple[Link, ...]
    missing: tuple[EventId, ...]


async def find(connections: Connections, ids: Sequence[EventId], caused: Iterable[Event] = ()) -> dict[EventId, Link]:
    """Return the events with these ids, wherever they are recorded.

    Ticks and bars have no index by id; they are looked up by instrument and time, which come from
    the events they ``caused`` and from the id itself where it begins with venue and symbol.
    """
    wanted = list(ids)
    said = await connections.rows(SAID.format(outbox="event_id = ANY($1)", events="id = ANY($1)"), wanted)
    found = {row["id"]: _link(row) for row in reversed(said)}  # of two copies the earlier time stays
    for venue, symbol, start_ns, end_ns in _places(wanted, caused):
        missing = [name for name in wanted if name not in found]
        if missing:
            found |= await _find_market(connections, missing, venue, symbol, start_ns, end_ns)
    return found


def _places(ids: Sequence[EventId], caused: Iterable[Event]) -> list[tuple[str, str, int, int]]:
    instruments: dict[tuple[str, str], None] = {}
    times = [event.ts_received_ns for event in caused if event.ts_received_ns]
    for name in ids:
        tokens = name.split(".")
        if len(tokens) > 3:
            instruments[tokens[0], tokens[1]] = None
    for event in caused:
        if isinstance(event, MarketEvent | OrderApproved):
            instruments[event.venue, event.symbol] = None
    start_ns = min(times) - NEAR_NS if times else 0
    end_ns = max(times) + NEAR_NS if times else (1 << 63) - 1
    return [(venue, symbol, start_ns, end_ns) for venue, symbol in instruments]


async def _find_market(
    connections: Connections, ids: Sequence[EventId], venue: str, symbol: str, start_ns: int, end_ns: int
) -> dict[EventId, Link]:
    found: dict[EventId, Link] = {}
    for table in (BARS, TRADES, BOOKS, QUOTES, FUNDING):
        time, since_ns = ("ts_open_ns", start_ns - LONGEST_BAR_NS) if table is BARS else ("ts_venue_ns", start_ns)
        rows = await connections.rows(
            f"SELECT {', '.join(table.columns)} FROM {table.name}"  # noqa: S608  names of our own
            f" WHERE venue = $1 AND symbol = $2 AND {time} BETWEEN $3 AND $4 AND id = ANY($5) LIMIT {MAX_EVENTS}",
            *(venue, symbol, since_ns, end_ns, list(ids)),
        )
        for row in rows:
            event = event_of_row(table, row)
            found[event.id] = Link(event=event, ts_ns=event.ts_received_ns)
    return found


async def chain_of(connections: Connections, name: str) -> Chain | None:
    """Return the chain of an order, a stop or any event; None where the name is unknown."""
    asked = await _asked(connections, name)
    if asked is None:
        return None
    origin = await _origin(connections, asked)
    causes, missing = await _causes(connections, origin)
    if origin.event.id != asked.event.id:
        causes = [*causes, origin]
    consequences = await _consequences(connections, origin, asked)
    return Chain(asked=asked, causes=tuple(causes), consequences=tuple(consequences), missing=tuple(missing))


async def _asked(connections: Connections, name: str) -> Link | None:
    about = await connections.rows(SAID.format(outbox="about = $1", events="about = $1"), name)
    if about:
        states = [link for link in map(_link, about) if isinstance(link.event, OrderStateChanged | StopChanged)]
        return states[-1] if states else _link(about[-1])
    return (await find(connections, [name])).get(name)


async def _origin(connections: Connections, asked: Link) -> Link:
    """Return the approval behind an order or fill, else what was asked for."""
    event = asked.event
    intent_id = ""
    if isinstance(event, OrderStateChanged):
        intent_id = event.intent_id
    elif isinstance(event, OrderFilled):
        rows = await connections.rows("SELECT intent_id FROM orders WHERE client_order_id = $1", event.client_order_id)
        intent_id = rows[0]["intent_id"] if rows else ""
    if not intent_id:
        return asked
    return (await find(connections, [intent_id])).get(intent_id, asked)


async def _causes(connections: Connections, origin: Link) -> tuple[list[Link], list[EventId]]:
    levels: list[list[Link]] = []
    seen = {origin.event.id}
    missing: list[EventId] = []
    children = [origin]
    for _ in range(MAX_DEPTH):
        ids = [name for child in children for name in child.event.causes if name and name not in seen]
        ids = list(dict.fromkeys(ids))[:MAX_EVENTS]
        if not ids:
            break
        seen.update(ids)
        found = await find(connections, ids, [child.event for child in children])
        missing += [name for name in ids if name not in found]
        children = [found[name] for name in ids if name in found]
        levels.append(children)
    return [link for level in reversed(levels) for link in level], missing


async def _consequences(connections: Connections, origin: Link, asked: Link) -> list[Link]:
    """Return the orders made for the origin with their fills, and what the position's stops did meanwhile."""
    names = await _order_names(connections, origin, asked)
    said = await connections.rows(
        SAID.format(
            outbox="about = ANY($1) OR event_id IN (SELECT id FROM events WHERE causes @> ARRAY[$2])",
            events="about = ANY($1) OR causes @> ARRAY[$2]",
        ),
        *(names, origin.event.id),
    )
    links = {row["id"]: _link(row) for row in reversed(said)}
    fills = [link for link in links.values() if isinstance(link.event, OrderFilled)]
    if fills:
        first = min(fills, key=lambda link: link.ts_ns)
        links |= await _around(connections, first)
    links.pop(origin.event.id, None)
    return sorted(links.values(), key=lambda link: link.ts_ns)[:MAX_EVENTS]


async def _order_names(connections: Connections, origin: Link, asked: Link) -> list[str]:
    rows = await connections.rows("SELECT client_order_id FROM orders WHERE intent_id = $1", origin.event.id)
    names = [row["client_order_id"] for row in rows]
    for event in (origin.event, asked.event):
        if isinstance(event, OrderStateChanged | OrderFilled):
            names.append(event.client_order_id)
        elif isinstance(event, StopChanged):
            names.append(event.client_stop_id)
    return list(dict.fromkeys(name for name in names if name))


async def _around(connections: Connections, fill: Link) -> dict[EventId, Link]:
    """Return what happened to the fill's position and its stops, from the fill until it was flat."""
    event = fill.event
    assert isinstance(event, AccountEvent)
    where = "type = ANY($1) AND {time} >= $2 AND {venue} = $3 AND {account} = $4 AND {symbol} = $5"
    fields = {name: f"payload::jsonb ->> '{name}'" for name in ("venue", "account", "symbol")}
    rows = await connections.rows(
        SAID.format(
            outbox=where.format(time="ts_recorded_ns", **fields),
            events=where.format(time="ts_received_ns", venue="venue", account="account", symbol="symbol"),
        ),
        *(list(AROUND_THE_POSITION), fill.ts_ns - AFTER_FLAT_NS, event.venue, event.account, _symbol(event)),
    )
    links: dict[EventId, Link] = {}
    end_ns = (1 << 63) - 1
    for link in map(_link, rows):
        if link.ts_ns > end_ns:
            break
        links.setdefault(link.event.id, link)
        flat = isinstance(link.event, PositionChanged) and not link.event.quantity
        if flat and link.ts_ns > fill.ts_ns and end_ns > link.ts_ns + AFTER_FLAT_NS:
            end_ns = link.ts_ns + AFTER_FLAT_NS
    return links


def _symbol(event: Any) -> str:
    return str(event.symbol)


def _link(row: Any) -> Link:
    return Link(event=decode(row["payload"].encode()), ts_ns=row["ts_ns"])
