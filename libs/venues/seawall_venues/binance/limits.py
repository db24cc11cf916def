"""Binance's request weights and order counts, kept in process and corrected by the venue's headers.

A fifth of every limit is kept back for cancels, reduce-only orders and the guardian, so that
entries and reads can never use up what protection needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

SECOND_NS = 1_000_000_000
RESERVED_SHARE = 0.20
# Used until exchangeInfo was read: the venue's published limits.
DEFAULT_WEIGHT_PER_MINUTE = 2_400
DEFAULT_ORDERS_PER_TEN_SECONDS = 300
DEFAULT_ORDERS_PER_MINUTE = 1_200
DEFAULT_BAN_S = 120  # the shortest ban the venue documents, where it names none
TOO_MANY_REQUESTS = "-1003"

_INTERVAL_S = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}
_SUFFIX = {"SECOND": "s", "MINUTE": "m", "HOUR": "h", "DAY": "d"}
_HEADER = {"REQUEST_WEIGHT": "x-mbx-used-weight-", "ORDERS": "x-mbx-order-count-"}


class RateLimit(msgspec.Struct, frozen=True, rename="camel"):
    """One row of ``rateLimits`` in exchangeInfo."""

    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int


class _RateLimits(msgspec.Struct, frozen=True, rename="camel"):
    rate_limits: tuple[RateLimit, ...] = ()


@dataclass(slots=True)
class Window:
    """What was used of one limit in the current interval."""

    kind: str
    header: str
    interval_ns: int
    limit: int
    index: int = -1
    used: int = 0

    def at(self, now_ns: int) -> Window:
        """Start afresh where the interval has passed; venue intervals are aligned to the clock."""
        index = now_ns // self.interval_ns
        if index != self.index:
            self.index, self.used = index, 0
        return self

    def has_room(self, cost: int, *, reserved: bool) -> bool:
        """True where ``cost`` fits below the limit, less the reserve for whom it is not."""
        return self.used + cost <= (self.limit if reserved else int(self.limit * (1 - RESERVED_SHARE)))


class RateBudget:
    """The limits of one process at one venue. Times are ns of the venue's clock."""

    def __init__(self) -> None:
        self._windows = [
            _window(RateLimit("REQUEST_WEIGHT", "MINUTE", 1, DEFAULT_WEIGHT_PER_MINUTE)),
            _window(RateLimit("ORDERS", "SECOND", 10, DEFAULT_ORDERS_PER_TEN_SECONDS)),
            _window(RateLimit("ORDERS", "MINUTE", 1, DEFAULT_ORDERS_PER_MINUTE)),
        ]
        self._blocked_until_ns = 0
        self._banned_until_ns = 0

    def learn(self, exchange_info: bytes) -> None:
        """Take the limits from exchangeInfo; an unreadable body keeps those already known."""
        try:
            rows = msgspec.json.decode(exchange_info, type=_RateLimits).rate_limits
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        known = [row for row in rows if row.rate_limit_type in _HEADER and row.interval in _INTERVAL_S]
        if known:
            self._windows = [_window(row) for row in known if row.limit > 0 and row.interval_num > 0]

    def observe(self, headers: Mapping[str, str], now_ns: int) -> None:
        """Correct the counts from a response's headers; others on the same address count too."""
        lowered = {name.lower(): value for name, value in headers.items()}
        for window in self._windows:
            text = lowered.get(window.header, "")
            if text.isascii() and text.isdigit():
                current = window.at(now_ns)
                current.used = max(current.used, int(text))

    def deny(self, status: int, retry_after_s: int, now_ns: int) -> None:
        """Hold back after the venue said 429 (too fast) or 418 and 403 (banned)."""
        wait_ns = (retry_after_s or DEFAULT_BAN_S) * SECOND_NS
        if status == 429:
            self._blocked_until_ns = max(self._blocked_until_ns, now_ns + (retry_after_s or 1) * SECOND_NS)
        elif status in (403, 418):
            self._banned_until_ns = max(self._banned_until_ns, now_ns + wait_ns)

    def take(self, *, weight: int, orders: int, reserved: bool, now_ns: int) -> str:
        """Spend and return "", or return why not; ``reserved`` may use the part kept back.

        While banned only reserved requests leave, and while slowed down too: a stop must be tried.
        """
        if not reserved and now_ns < max(self._banned_until_ns, self._blocked_until_ns):
            until_s = (max(self._banned_until_ns, self._blocked_until_ns) - now_ns) / SECOND_NS
            return f"the venue asked us to wait {until_s:.1f} s more"
        costs = [(window.at(now_ns), weight if window.kind == "REQUEST_WEIGHT" else orders) for window in self._windows]
        for window, cost in costs:
            if cost and not window.has_room(cost, reserved=reserved):
                return f"{window.kind} {window.used} of {window.limit} used in {window.interval_ns // SECOND_NS} s"
        for window, cost in costs:
            window.used += cost
        return ""


class FeedBudget:
    """The same limits as a market feed asks for them: public reads alone, never the part kept back."""

    def __init__(self) -> None:
        self._budget = RateBudget()

    def take(self, cost: int, now_ns: int) -> str:
        """Spend ``cost`` of the request weight and return "", or return why not."""
        return self._budget.take(weight=cost, orders=0, reserved=False, now_ns=now_ns)

    def observe(self, headers: Mapping[str, str], now_ns: int) -> None:
        """Correct the count from an answer's headers."""
        self._budget.observe(headers, now_ns)

    def learn(self, listing: bytes) -> None:
        """Take the limits from exchangeInfo; an unreadable body keeps those already known."""
        self._budget.learn(listing)

    def deny(self, status: int, code: str, retry_after_s: int, now_ns: int) -> None:
        """Hold back after a refusal; the code alone also says that we were too fast."""
        is_ban = status in (403, 418)
        self._budget.deny(429 if code == TOO_MANY_REQUESTS and not is_ban else status, retry_after_s, now_ns)


def _window(row: RateLimit) -> Window:
    header = f"{_HEADER[row.rate_limit_type]}{row.interval_num}{_SUFFIX[row.interval]}"
    return Window(row.rate_limit_type, header, row.interval_num * _INTERVAL_S[row.interval] * SECOND_NS, row.limit)
