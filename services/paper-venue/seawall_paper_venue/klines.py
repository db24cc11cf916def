"""Candles of every interval, built from trades one minute at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice

import msgspec

MINUTE_MS = 60_000
DAY_MS = 86_400_000
# the venue answers at most 1 500 candles, and the 24 hour ticker needs 1 440 minutes
MAX_CANDLES = 1_500

FIXED_INTERVALS_MS: dict[str, int] = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "2h": 120 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "6h": 360 * MINUTE_MS,
    "8h": 480 * MINUTE_MS,
    "12h": 720 * MINUTE_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
}
INTERVALS = (*FIXED_INTERVALS_MS, "1w", "1M")
# 1970-01-01 was a Thursday; the venue's weeks start on Monday
_FIRST_MONDAY_MS = 4 * DAY_MS


def interval_bounds(interval: str, at_ms: int) -> tuple[int, int]:
    """Return the start and the end (exclusive) of the interval that holds ``at_ms``, in milliseconds UTC."""
    if interval == "1w":
        start = at_ms - (at_ms - _FIRST_MONDAY_MS) % (7 * DAY_MS)
        return start, start + 7 * DAY_MS
    if interval == "1M":
        first = datetime.fromtimestamp(at_ms // 1000, tz=UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
        return int(first.timestamp()) * 1000, int(following.timestamp()) * 1000
    length = FIXED_INTERVALS_MS[interval]
    start = at_ms - at_ms % length
    return start, start + length


class Candle(msgspec.Struct, gc=False):
    """Open, high, low, close, volumes and trade ids of one interval; ``close_ms`` is its last millisecond."""

    open_ms: int
    close_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = Decimal(0)
    quote_volume: Decimal = Decimal(0)
    taker_buy_volume: Decimal = Decimal(0)
    taker_buy_quote_volume: Decimal = Decimal(0)
    count: int = 0
    first_trade_id: int = -1
    last_trade_id: int = -1

    def absorb(self, later: Candle) -> None:
        """Add what happened in a later candle of the same interval."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.quote_volume += later.quote_volume
        self.taker_buy_volume += later.taker_buy_volume
        self.taker_buy_quote_volume += later.taker_buy_quote_volume
        self.count += later.count
        if later.first_trade_id >= 0:
            self.last_trade_id = later.last_trade_id
            if self.first_trade_id < 0:
                self.first_trade_id = later.first_trade_id


class _Series:
    """Closed candles of one interval above a minute, and the closed minutes of the running one."""

    __slots__ = ("closed", "interval", "running")

    def __init__(self, interval: str) -> None:
        self.interval = interval
        self.closed: deque[Candle] = deque(maxlen=MAX_CANDLES)
        self.running: Candle | None = None

    def close_minute(self, minute: Candle) -> Candle | None:
        """Take a closed minute; return the candle of this interval when that minute ends it."""
        start, end = interval_bounds(self.interval, minute.open_ms)
        if self.running is None:
            self.running = msgspec.structs.replace(minute, open_ms=start, close_ms=end - 1)
        else:
            self.running.absorb(minute)
        if minute.close_ms < end - 1:
            return None
        finished, self.running = self.running, None
        self.closed.append(finished)
        return finished

    def with_minute(self, minute: Candle | None) -> Candle | None:
        """Return the running candle including the minute that is still open."""
        if minute is None:
            return self.running
        if self.running is None:
            start, end = interval_bounds(self.interval, minute.open_ms)
            return msgspec.structs.replace(minute, open_ms=start, close_ms=end - 1)
        whole = msgspec.structs.replace(self.running)
        whole.absorb(minute)
        return whole


class Klines:
    """All candle series of one price. ``add`` takes a trade, ``roll`` lets time pass without one."""

    __slots__ = ("_higher", "minute", "minutes")

    def __init__(self) -> None:
        self.minute: Candle | None = None
        self.minutes: deque[Candle] = deque(maxlen=MAX_CANDLES)
        self._higher = {interval: _Series(interval) for interval in INTERVALS if interval != "1m"}

    def add(
        self, at_ms: int, price: Decimal, quantity: Decimal, *, taker_buys: bool, trade_id: int
    ) -> list[tuple[str, Candle]]:
        """Book one trade; return the (interval, candle) pairs that closed because its time is past their end."""
        closed = self.roll(at_ms)
        minute = self.minute
        if minute is None:
            start, end = interval_bounds("1m", at_ms)
            minute = self.minute = Candle(start, end - 1, price, price, price, price)
        if minute.count == 0:
            minute.open = minute.high = minute.low = price
            minute.first_trade_id = trade_id
        elif price > minute.high:
            minute.high = price
        elif price < minute.low:
            minute.low = price
        quote = price * quantity
        minute.close = price
        minute.volume += quantity
        minute.quote_volume += quote
        minute.count += 1
        minute.last_trade_id = trade_id
        if taker_buys:
            minute.taker_buy_volume += quantity
            minute.taker_buy_quote_volume += quote
        return closed

    def roll(self, now_ms: int) -> list[tuple[str, Candle]]:
        """Close every minute that has ended; a minute without a trade repeats the last close."""
        closed: list[tuple[str, Candle]] = []
        self._leap(now_ms)
        while self.minute is not None and now_ms > self.minute.close_ms:
            minute = self.minute
            self.minutes.append(minute)
            closed.append(("1m", minute))
            for interval, series in self._higher.items():
                finished = series.close_minute(minute)
                if finished is not None:
                    closed.append((interval, finished))
            last = minute.close
            self.minute = Candle(minute.close_ms + 1, minute.close_ms + MINUTE_MS, last, last, last, last)
        return closed

    def _leap(self, now_ms: int) -> None:
        """After a gap longer than is kept, go on with the first minute that still counts."""
        minute = self.minute
        if minute is None or now_ms - minute.close_ms <= MAX_CANDLES * MINUTE_MS:
            return
        self.minutes.append(minute)
        start, end = interval_bounds("1m", now_ms - MAX_CANDLES * MINUTE_MS)
        last = minute.close
        self.minute = Candle(start, end - 1, last, last, last, last)
        self._higher = {interval: _Series(interval) for interval in self._higher}

    def running(self, interval: str) -> Candle | None:
        """Return the candle of this interval that is still open, or None before the first trade."""
        return self.minute if interval == "1m" else self._higher[interval].with_minute(self.minute)

    def candles(self, interval: str) -> Iterator[Candle]:
        """Yield the candles of this interval, oldest first, the open one last."""
        yield from self.minutes if interval == "1m" else self._higher[interval].closed
        running = self.running(interval)
        if running is not None:
            yield running

    def last_day(self, now_ms: int) -> Candle | None:
        """Return the 24 hours before ``now_ms`` as one candle, by whole minutes."""
        oldest = now_ms - DAY_MS
        skipped = next((index for index, candle in enumerate(self.minutes) if candle.close_ms >= oldest), None)
        whole: Candle | None = None
        recent = islice(self.minutes, skipped, None) if skipped is not None else iter(())
        for candle in (*recent, *((self.minute,) if self.minute else ())):
            if whole is None:
                whole = msgspec.structs.replace(candle, close_ms=now_ms)
            else:
                whole.absorb(candle)
        return whole
