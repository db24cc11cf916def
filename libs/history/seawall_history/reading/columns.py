"""Which column of a table is which of ours, by the names in use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from seawall_history.errors import BadInputError
from seawall_history.schema import Kind

# The first that is there is taken: where a file has a number and a text of the same time, the number.
TIME = (
    *("ts_open_ns", "ts_funding_ns", "ts_trade_ns", "open_time", "opentime", "fundingtime", "funding_time"),
    *("calc_time", "transact_time", "unix", "unix_timestamp", "timestamp", "ts", "time", "date", "datetime", "start"),
)
CANDLES: Mapping[str, tuple[str, ...]] = {
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "base_volume", "volume_base", "v"),
    "quote_volume": ("quote_volume", "quote_asset_volume", "volume_quote", "turnover"),
    "buy_volume": ("buy_volume", "taker_buy_volume", "taker_buy_base_asset_volume"),
    "trade_count": ("trade_count", "tradecount", "count", "trades", "number_of_trades"),
}
FUNDING: Mapping[str, tuple[str, ...]] = {
    "funding_rate": ("funding_rate", "fundingrate", "last_funding_rate"),
    "mark_price": ("mark_price", "markprice"),
}
TRADES: Mapping[str, tuple[str, ...]] = {
    "price": ("price", "p"),
    "quantity": ("quantity", "qty", "amount", "size"),
}
TRADE_IDS = ("trade_id", "id", "tradeid")
AGGREGATED_IDS = ("agg_trade_id", "aggregate_trade_id")
_NAMED_VOLUME = re.compile(r"volume[_ (]+([a-z0-9]+)\)?\Z")


def first_of(names: Iterable[str], frame: pl.DataFrame) -> str:
    """Return the first of the names that is a column, else an empty text."""
    return next((name for name in names if name in frame.columns), "")


def kind_of(frame: pl.DataFrame) -> Kind | None:
    """Return the kind that the columns tell, None where they tell none."""
    if first_of(FUNDING["funding_rate"], frame):
        return "funding"
    if all(first_of(CANDLES[name], frame) for name in ("open", "high", "low", "close")):
        return "candles"
    if all(first_of(names, frame) for names in TRADES.values()):
        return "trades"
    return None


def numbers(frame: pl.DataFrame, wanted: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return for each of our columns the name of the file's, where it has one."""
    return {ours: name for ours, names in wanted.items() if (name := first_of(names, frame))}


def candle_columns(frame: pl.DataFrame, path: Path) -> dict[str, str]:
    """Return which column is which. Raises BadInputError where one that is needed is not there.

    CryptoDataDownload names volumes by their currency (``Volume BTC``, ``Volume USD``): the base's
    is the one whose currency the symbol begins with.
    """
    found = numbers(frame, CANDLES)
    by_currency = {match[1]: name for name in frame.columns if (match := _NAMED_VOLUME.match(name))}
    if "volume" not in found and by_currency and "symbol" in frame.columns and frame.height:
        symbol = str(frame["symbol"][0]).lower()
        for currency, name in by_currency.items():
            found["volume" if symbol.startswith(currency) else "quote_volume"] = name
    absent = [name for name in ("open", "high", "low", "close", "volume") if name not in found]
    if absent:
        raise BadInputError(f"{path}: no column for {', '.join(absent)} among {', '.join(frame.columns)}")
    return found
