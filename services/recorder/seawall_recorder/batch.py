"""From messages to rows, table by table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from seawall_ledger.history import EVENTS, HISTORY_TABLES, HistoryTable, Row, RowMaker, row_makers
from seawall_proto import DecodeError, Event, decode

from .source import Message, position_of

_makers: dict[type[Event], tuple[tuple[HistoryTable, RowMaker], ...]] = {}


@dataclass(frozen=True, slots=True)
class Taken:
    """Messages of one stream, in its order and without a hole."""

    stream: str
    messages: Sequence[Message]


@dataclass(slots=True)
class Rows:
    """The rows that some messages make; ``unreadable`` are those that are no event, with the reason."""

    of: dict[HistoryTable, list[Row]] = field(default_factory=lambda: {table: [] for table in HISTORY_TABLES})
    unreadable: list[tuple[str, Message, str]] = field(default_factory=list)


def rows_of(batch: Sequence[Taken]) -> Rows:
    """Return the rows of everything taken."""
    rows = Rows()
    for taken in batch:
        for message in taken.messages:
            try:
                event = decode(message.data)
            except DecodeError as error:
                rows.unreadable.append((taken.stream, message, str(error)))
                continue
            kind = type(event)
            makers = _makers.get(kind)
            if makers is None:
                makers = _makers[kind] = row_makers(kind)
            for table, make in makers:
                row = make(event)
                if table is EVENTS:
                    row += (position_of(message).ts_stored_ns,)
                rows.of[table].append(row)
    return rows
