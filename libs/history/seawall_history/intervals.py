"""Intervals of candles: their names, their lengths in nanoseconds, and the grid they open on."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from .errors import BadInputError

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
MINUTE_NS = 60 * NS_PER_S
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
WEEK_NS = 7 * DAY_NS

# The epoch was a Thursday and venues open a week on Monday.
_WEEK_ANCHOR_NS = 4 * DAY_NS
_UNITS = (("w", WEEK_NS), ("d", DAY_NS), ("h", HOUR_NS), ("m", MINUTE_NS), ("s", NS_PER_S))
_LENGTH_OF = dict(_UNITS)
_NAME = re.compile(r"([1-9][0-9]{0,5})([smhdw])\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def interval_ns_of(name: str) -> int:
    """Return the length of ``1s``, ``1m``, ``4h``, ``1d`` or ``1w``. Raises BadInputError.

    Months are refused: they are not all of one length.
    """
    match = _NAME.match(name)
    if not match:
        raise BadInputError(f"interval {name!r}: expected a number and one of s, m, h, d, w, such as 1m or 4h")
    return int(match[1]) * _LENGTH_OF[match[2]]


def interval_name(interval_ns: int) -> str:
    """Return the shortest name of a length: ``1h``, not ``60m``. Raises BadInputError below whole seconds."""
    for unit, length_ns in _UNITS:
        if interval_ns > 0 and interval_ns % length_ns == 0:
            return f"{interval_ns // length_ns}{unit}"
    raise BadInputError(f"interval of {interval_ns} ns: expected a whole number of seconds, at least one")


def anchor_ns(interval_ns: int) -> int:
    """Return a time on the grid of an interval; every opening time is a multiple of the interval away from it."""
    return _WEEK_ANCHOR_NS if interval_ns % WEEK_NS == 0 else 0


def floor_ns(ts_ns: int, interval_ns: int) -> int:
    """Return the last time on the grid that is not after ``ts_ns``."""
    return ts_ns - (ts_ns - anchor_ns(interval_ns)) % interval_ns


def ceil_ns(ts_ns: int, interval_ns: int) -> int:
    """Return the first time on the grid that is not before ``ts_ns``."""
    return ts_ns + (anchor_ns(interval_ns) - ts_ns) % interval_ns


def parse_time(text: str) -> int:
    """Return an ISO date or time in nanoseconds UTC; without a zone it is UTC. Raises BadInputError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInputError(
            f"time {text!r}: expected a date or time such as 2025-05-04 or 2025-05-04T15:30Z"
        ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000


def show_time(ts_ns: int) -> str:
    """Return a time as people write it, UTC, with fractions only where there are any."""
    try:
        moment = _EPOCH + timedelta(microseconds=ts_ns // 1_000)
    except OverflowError:
        return f"{ts_ns} ns"
    digits = f".{ts_ns % NS_PER_S:09d}".rstrip("0") if ts_ns % NS_PER_S else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{digits}Z"
