"""Files as tables: columns under lower-case names, texts where the file is text, and the number of the first row."""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from seawall_history.errors import BadInputError
from seawall_history.files import UNREADABLE

from .file_names import check_suffix

SNIFFED_BYTES = 16_384
_NUMBER = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?\Z")
_SEPARATORS = (",", ";", "\t")

# Files without a header, told apart by the number of their columns and the place of what is true or false.
_HEADERLESS = {
    (6, ()): ("time", "open", "high", "low", "close", "volume"),
    (7, ()): ("time", "open", "high", "low", "close", "volume", "trade_count"),  # Kraken's archive
    (8, ()): ("time", "open", "high", "low", "close", "vwap", "volume", "trade_count"),  # Kraken's, newer
    (12, ()): (
        *("time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "trade_count"),
        *("buy_volume", "taker_buy_quote_volume", "ignore"),
    ),
    (6, (5,)): ("trade_id", "price", "quantity", "quote_quantity", "time", "is_buyer_maker"),
    (7, (5, 6)): ("trade_id", "price", "quantity", "quote_quantity", "time", "is_buyer_maker", "is_best_match"),
    (7, (6,)): ("agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "time", "is_buyer_maker"),
    (8, (6, 7)): (
        *("agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "time", "is_buyer_maker"),
        "is_best_match",
    ),
}


@dataclass(frozen=True, slots=True)
class Table:
    """A file's content. ``first_row`` is the number of its first row: the line in a text file, else 1."""

    frame: pl.DataFrame
    first_row: int


def read_table(path: Path) -> Table:
    """Read a file by its ending. Raises BadInputError saying what is wrong with it."""
    check_suffix(path)
    try:
        if path.name.endswith((".csv", ".csv.gz")):
            return _read_csv(path)
        is_parquet = path.name.endswith(".parquet")
        frame = pl.read_parquet(path, hive_partitioning=False, glob=False) if is_parquet else pl.read_ipc(path)
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise BadInputError(f"{path}: compressed data that ends early or is damaged: {error}") from error
    except UNREADABLE as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInputError(f"{path} is not what its ending says: {words}") from error
    return Table(_lower(frame, path), 1)


def _read_csv(path: Path) -> Table:
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
        lines = file.read(SNIFFED_BYTES).decode("utf-8-sig", errors="replace").splitlines()
    skipped = next((number for number, line in enumerate(lines) if not _is_remark(line)), len(lines))
    if skipped == len(lines):
        raise BadInputError(f"{path}: no line of data in the first {SNIFFED_BYTES} bytes")
    first = lines[skipped]
    separator = max(_SEPARATORS, key=first.count)
    cells = [cell.strip().strip('"') for cell in first.split(separator)]
    has_header = not _NUMBER.match(cells[0]) and not re.match(r"[0-9]{4}-", cells[0])
    frame = pl.read_csv(
        path,
        has_header=has_header,
        skip_lines=skipped,
        separator=separator,
        infer_schema=False,
        encoding="utf8-lossy",
        glob=False,
    )
    if not has_header:
        names = _headerless(cells, path)
        if len(names) != len(frame.columns):
            raise BadInputError(
                f"{path}: {len(frame.columns)} columns, though the first line {first[:80]!r} has {len(names)} cells:"
                " expected no separator inside quotes"
            )
        frame.columns = list(names)
    return Table(_lower(frame, path), skipped + 1 + has_header)


def _is_remark(line: str) -> bool:
    text = line.strip()
    return not text or text.startswith("#") or "http" in text.lower()


def _headerless(cells: list[str], path: Path) -> tuple[str, ...]:
    truths = tuple(number for number, cell in enumerate(cells) if cell.lower() in {"true", "false"})
    names = _HEADERLESS.get((len(cells), truths))
    if names is None:
        raise BadInputError(
            f"{path}: no header and {len(cells)} columns, the first line {','.join(cells)[:80]!r}: expected a header,"
            " or candles as time,open,high,low,close,volume[,count], or Binance's or Kraken's archive files"
        )
    return names


def _lower(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    names = [name.strip().strip('\ufeff"').lower().replace(" ", "_") for name in frame.columns]
    if len(set(names)) != len(names):
        raise BadInputError(f"{path}: two columns of one name among {', '.join(frame.columns)}")
    frame.columns = names
    return frame
