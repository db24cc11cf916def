"""The history tables: which event becomes which row, and the row the event again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from seawall_proto import (
    AccountReconciled,
    ActivityBarClosed,
    AssetQuoted,
    BarClosed,
    BookChanged,
    CurrencyRated,
    Event,
    ExposureChanged,
    FundingPosted,
    QuoteTicked,
    TradePrinted,
    encode,
    event_type,
)

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class HistoryTable:
    """One table: its columns in the order of its rows, and the key by which a row is there once.

    ``replace_when`` is the condition under which a later row takes the place of an earlier one.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    replace_when: str = ""

    @property
    def merge_clause(self) -> str:
        """What an INSERT does about a row that is there already."""
        if not self.replace_when:
            return "ON CONFLICT DO NOTHING"
        assignments = ", ".join(f"{name} = excluded.{name}" for name in self.columns if name not in self.key)
        return f"ON CONFLICT ({', '.join(self.key)}) DO UPDATE SET {assignments} WHERE {self.replace_when}"


TRADES = HistoryTable(
    "trades",
    ("venue", "symbol", "ts_venue_ns", "trade_id", "price", "quantity", "aggressor", "ts_received_ns", "id"),
    ("venue", "symbol", "ts_venue_ns", "trade_id"),
)
QUOTES = HistoryTable(
    "quotes",
    (
        *("venue", "symbol", "ts_venue_ns", "update_id", "bid_price", "bid_quantity", "ask_price", "ask_quantity"),
        *("ts_received_ns", "id"),
    ),
    ("venue", "symbol", "ts_venue_ns", "update_id"),
)
BOOKS = HistoryTable(
    "books",
    (
        *("venue", "symbol", "ts_venue_ns", "update_id", "bid_price", "bid_quantity", "ask_price", "ask_quantity"),
        *("bid_depth", "ask_depth", "ts_received_ns", "id"),
    ),
    ("venue", "symbol", "ts_venue_ns", "update_id"),
)
BARS = HistoryTable(
    "bars",
    (
        *("venue", "symbol", "interval_ns", "ts_open_ns", "ts_close_ns", "open", "high", "low", "close", "volume"),
        *("quote_volume", "buy_volume", "trade_count", "repaired", "ts_venue_ns", "ts_received_ns", "id", "causes"),
    ),
    ("venue", "symbol", "interval_ns", "ts_open_ns"),
    replace_when="excluded.repaired AND NOT bars.repaired",
)
ACTIVITY_BARS = HistoryTable(
    "activity_bars",
    (
        *("venue", "symbol", "kind", "size", "ts_open_ns", "ts_close_ns", "first_trade_id", "last_trade_id"),
        *("open", "high", "low", "close", "volume", "quote_volume", "buy_volume", "trade_count", "repaired"),
        *("ts_venue_ns", "ts_received_ns", "id", "causes"),
    ),
    ("venue", "symbol", "kind", "size", "ts_open_ns", "first_trade_id"),
)
ASSET_QUOTES = HistoryTable(
    "asset_quotes",
    (
        *("asset", "market", "ts_received_ns", "bid_price_usd", "bid_venue", "bid_symbol", "ask_price_usd"),
        *("ask_venue", "ask_symbol", "bid_depth_usd", "ask_depth_usd", "crossed", "venues_counted", "id"),
    ),
    ("asset", "market", "ts_received_ns", "id"),
)
CURRENCY_RATES = HistoryTable(
    "currency_rates",
    ("currency", "ts_received_ns", "rate_usd", "assumed", "pegged", "sources", "id"),
    ("currency", "ts_received_ns", "id"),
)
FUNDING = HistoryTable(
    "funding",
    (
        *("venue", "symbol", "ts_venue_ns", "mark_price", "index_price", "funding_rate", "ts_next_funding_ns"),
        *("ts_received_ns", "id"),
    ),
    ("venue", "symbol", "ts_venue_ns"),
)
EQUITY = HistoryTable(
    "equity",
    ("venue", "account", "ts_received_ns", "equity", "source", "id"),
    ("venue", "account", "ts_received_ns", "id"),
)
EVENTS = HistoryTable(
    "events",
    ("id", "ts_received_ns", "type", "venue", "account", "symbol", "about", "causes", "payload", "ts_stored_ns"),
    ("id", "ts_received_ns"),
)
HISTORY_TABLES = (
    *(TRADES, QUOTES, BOOKS, BARS, ACTIVITY_BARS, ASSET_QUOTES, CURRENCY_RATES),
    *(FUNDING, EQUITY, EVENTS),
)


def trade_row(event: TradePrinted) -> Row:
    """Return a trade as its row."""
    return (
        event.venue,
        event.symbol,
        event.ts_venue_ns,
        event.trade_id,
        event.price,
        event.quantity,
        event.aggressor,
        event.ts_received_ns,
        event.id,
    )


def quote_row(event: QuoteTicked) -> Row:
    """Return a best bid and ask as its row."""
    return (
        event.venue,
        event.symbol,
        event.ts_venue_ns,
        event.update_id,
        event.bid_price,
        event.bid_quantity,
        event.ask_price,
        event.ask_quantity,
        event.ts_received_ns,
        event.id,
    )


def book_row(event: BookChanged) -> Row:
    """Return the top of a book and the depth over its levels as a row."""
    bid_price, bid_quantity = event.bids[0] if event.bids else (None, None)
    ask_price, ask_quantity = event.asks[0] if event.asks else (None, None)
    return (
        event.venue,
        event.symbol,
        event.ts_venue_ns,
        event.update_id,
        bid_price,
        bid_quantity,
        ask_price,
        ask_quantity,
        sum(quantity for _, quantity in event.bids),
        sum(quantity for _, quantity in event.asks),
        event.ts_received_ns,
        event.id,
    )


def asset_quote_row(event: AssetQuoted) -> Row:
    """Return a view of an asset as its row: of the venues only how many counted."""
    return (
        event.asset,
        event.market,
        event.ts_received_ns,
        event.bid_price_usd,
        event.bid_venue,
        event.bid_symbol,
        event.ask_price_usd,
        event.ask_venue,
        event.ask_symbol,
        event.bid_depth_usd,
        event.ask_depth_usd,
        event.crossed,
        sum(quote.counted for quote in event.venues),
        event.id,
    )


def fields_row(event: Event, table: HistoryTable) -> Row:
    """Return a row whose columns are all fields of the event."""
    return tuple(list(value) if isinstance(value := getattr(event, name), tuple) else value for name in table.columns)


def equity_row(event: AccountReconciled | ExposureChanged) -> Row:
    """Return the equity that an account had, and who said so."""
    return (event.venue, event.account, event.ts_received_ns, event.equity, event_type(type(event)), event.id)


def about(event: Event) -> str | None:
    """Return the client id of the order or stop that an event is about."""
    return getattr(event, "client_order_id", None) or getattr(event, "client_stop_id", None)


def event_row(event: Event) -> Row:
    """Return any event as a row of ``events``: its payload whole, with what one searches by beside it.

    The last column, when the stream stored it, is for the caller to add.
    """
    return (
        event.id,
        event.ts_received_ns,
        event_type(type(event)),
        getattr(event, "venue", None),
        getattr(event, "account", None),
        getattr(event, "symbol", None),
        about(event),
        list(event.causes),
        encode(event).decode(),
    )


RowMaker = Callable[[Any], Row]
_TICKS_AND_BARS: Mapping[type[Event], tuple[tuple[HistoryTable, RowMaker], ...]] = {
    TradePrinted: ((TRADES, trade_row),),
    QuoteTicked: ((QUOTES, quote_row),),
    BookChanged: ((BOOKS, book_row),),
    BarClosed: ((BARS, lambda event: fields_row(event, BARS)),),
    ActivityBarClosed: ((ACTIVITY_BARS, lambda event: fields_row(event, ACTIVITY_BARS)),),
    AssetQuoted: ((ASSET_QUOTES, asset_quote_row),),
    CurrencyRated: ((CURRENCY_RATES, lambda event: fields_row(event, CURRENCY_RATES)),),
    FundingPosted: ((FUNDING, lambda event: fields_row(event, FUNDING)),),
    AccountReconciled: ((EVENTS, event_row), (EQUITY, equity_row)),
    ExposureChanged: ((EVENTS, event_row), (EQUITY, equity_row)),
}
_ANY = ((EVENTS, event_row),)


def row_makers(kind: type[Event]) -> tuple[tuple[HistoryTable, RowMaker], ...]:
    """Return the tables an event is recorded in, each with the function that makes its row."""
    return _TICKS_AND_BARS.get(kind, _ANY)


_KIND_IN: Mapping[str, type[Event]] = {
    "trades": TradePrinted,
    "quotes": QuoteTicked,
    "bars": BarClosed,
    "activity_bars": ActivityBarClosed,
    "asset_quotes": AssetQuoted,
    "currency_rates": CurrencyRated,
    "funding": FundingPosted,
}


def event_of_row(table: HistoryTable, row: Mapping[str, Any]) -> Event:
    """Return the event that a row of trades, quotes, books, bars, funding, assets or rates was made from.

    A book comes back with its best level only, and the view of an asset without its venues: the rest
    is in the stream, not in the table.
    """
    values = dict(row)
    if table is BOOKS:
        values["bids"] = _level(values.pop("bid_price"), values.pop("bid_quantity"))
        values["asks"] = _level(values.pop("ask_price"), values.pop("ask_quantity"))
        return msgspec.convert(
            {name: values[name] for name in BookChanged.__struct_fields__ if name in values}, BookChanged
        )
    return msgspec.convert(values, _KIND_IN[table.name])


def _level(price: float | None, quantity: float | None) -> tuple[tuple[float, float], ...]:
    return () if price is None or quantity is None else ((price, quantity),)
