"""Times as others write them, in nanoseconds UTC: numbers of any unit, dates, texts with and without a zone."""

from __future__ import annotations

import re

import polars as pl

from seawall_history.errors import BadInputError

_UTC_NAMES = {None, "UTC", "Etc/UTC", "GMT", "Zulu", "+00:00"}
_OFFSET = re.compile(r"(Z|[+-][0-9]{2}:?[0-9]{2})$")
# Numbers are told apart by their size: each unit's are between 1973 and 5138.
_NS_PER_UNIT = ((1e11, 1_000_000_000), (1e14, 1_000_000), (1e17, 1_000), (float("inf"), 1))
_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%d/%m/%Y %H:%M",
    "%Y-%m-%d %I-%p:%M",  # CryptoDataDownload's "2019-06-04 01-AM", to which the minutes are added
)


def times_of(column: pl.Series, where: str) -> tuple[pl.Series, str]:
    """Return a column as nanoseconds, null where a value is no time, and its zone where that is not UTC.

    A time without a zone is UTC. Raises BadInputError where the whole column is no time.
    """
    if isinstance(column.dtype, pl.Datetime):
        zone = column.dtype.time_zone
        return column.dt.timestamp("ns"), "" if zone in _UTC_NAMES else str(zone)
    if column.dtype == pl.Date:
        return column.cast(pl.Datetime("ns")).dt.timestamp("ns"), ""
    if column.dtype.is_numeric():
        return _numbers(column, where), ""
    if column.dtype == pl.String:
        return _texts(column.str.strip_chars(), where)
    raise BadInputError(f"{where}: column {column.name!r} holds {column.dtype}, expected times")


def _numbers(column: pl.Series, where: str) -> pl.Series:
    finite = column.drop_nulls() if column.dtype.is_integer() else column.filter(column.is_finite().fill_null(False))
    median = finite.median()
    if not isinstance(median, int | float) or median <= 1e8:
        raise BadInputError(
            f"{where}: column {column.name!r} holds numbers such as {median:g}, expected times since 1970"
            if isinstance(median, int | float)
            else f"{where}: column {column.name!r} holds no number, expected times since 1970"
        )
    factor = next(factor for below, factor in _NS_PER_UNIT if median < below)
    if column.dtype.is_integer():
        return column.cast(pl.Int64, strict=False) * factor
    # a float of seconds is exact to some hundred nanoseconds; venues mean microseconds
    return (column.fill_nan(None) * (factor / 1_000)).round().cast(pl.Int64, strict=False) * 1_000


def _texts(column: pl.Series, where: str) -> tuple[pl.Series, str]:
    first = next((text for text in column.head(1_000) if text), "")
    if not first:
        raise BadInputError(f"{where}: column {column.name!r} is empty, expected times")
    if re.fullmatch(r"[0-9]+", first):
        return _numbers(column.cast(pl.Int64, strict=False), where), ""
    if re.fullmatch(r"[0-9]+\.[0-9]*|[0-9.]+[eE]\+?[0-9]+", first):
        return _numbers(column.cast(pl.Float64, strict=False), where), ""
    plain = column.str.replace("T", " ", literal=True)
    offset = _OFFSET.search(first) if ":" in first else None
    if offset:
        zoned = plain.str.replace(r"Z$", "+0000").str.replace(r"([+-]\d\d):(\d\d)$", "${1}${2}")
        parsed = zoned.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", time_unit="ns", strict=False)
        zone = "" if offset[1] in {"Z", "+00:00", "+0000"} else offset[1]
    else:
        parsed, zone = _without_zone(plain, first, where), ""
    if parsed.null_count() == len(parsed):
        raise _no_times(column.name, first, where)
    return parsed.dt.timestamp("ns"), zone


def _without_zone(column: pl.Series, first: str, where: str) -> pl.Series:
    if re.search(r"-[AP]M$", first):
        column = column + ":00"
    for pattern in _FORMATS:
        sample = pl.Series([column.drop_nulls()[0]]).str.to_datetime(pattern, time_unit="ns", strict=False)
        if sample.null_count() == 0:
            return column.str.to_datetime(pattern, time_unit="ns", strict=False)
    raise _no_times(column.name, first, where)


def _no_times(name: str, first: str, where: str) -> BadInputError:
    return BadInputError(f"{where}: column {name!r} holds {first!r}, expected times such as 2025-05-04 15:33:00")
