"""How much each client has used of the venue's limits: request weight by address, orders by account."""

from __future__ import annotations

import msgspec

from .faults import VenueFault

MINUTE_MS = 60_000
TEN_SECONDS_MS = 10_000
# a client that goes on this far beyond the limit although it was told is banned
BAN_FACTOR = 1.2
# the venue bans for 2 minutes up to 3 days, longer each time
FIRST_BAN_MS = 120_000
LONGEST_BAN_MS = 3 * 86_400_000
# addresses remembered; a paper venue has a handful of clients
MAX_ADDRESSES = 1_000


class UsageLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue allows. Orders as USD-M announces them in exchangeInfo.

    The weight is above the announced 2 400: on paper several clients, each within its limit, share one address.
    """

    weight_1m: int = 6_000
    orders_10s: int = 300
    orders_1m: int = 1_200


class Window:
    """Counts within fixed windows of the clock, as the venue does."""

    def __init__(self, length_ms: int) -> None:
        self._length_ms = length_ms
        self._started = -1
        self._count = 0

    def add(self, now_ms: int, amount: int) -> int:
        """Count and return the sum of the running window."""
        started = now_ms // self._length_ms
        if started != self._started:
            self._started, self._count = started, 0
        self._count += amount
        return self._count

    def left_ms(self, now_ms: int) -> int:
        """Return how long the running window still lasts."""
        return self._length_ms - now_ms % self._length_ms


class _Address:
    def __init__(self) -> None:
        self.weight = Window(MINUTE_MS)
        self.banned_until_ms = 0
        self.bans = 0


class Usage:
    """Counts weight by address and orders for the one account."""

    def __init__(self, limits: UsageLimits) -> None:
        self.limits = limits
        self._addresses: dict[str, _Address] = {}
        self._orders_10s = Window(TEN_SECONDS_MS)
        self._orders_1m = Window(MINUTE_MS)

    def add_weight(self, address: str, now_ms: int, weight: int) -> int:
        """Count a request and return the minute's weight. Raises VenueFault 429, then 418."""
        known = self._addresses.get(address)
        if known is None:
            if len(self._addresses) >= MAX_ADDRESSES:
                self._addresses.pop(next(iter(self._addresses)))
            known = self._addresses[address] = _Address()
        if now_ms < known.banned_until_ms:
            raise self._banned(address, known, now_ms)
        used = known.weight.add(now_ms, weight)
        if used > self.limits.weight_1m * BAN_FACTOR:
            known.banned_until_ms = now_ms + min(FIRST_BAN_MS * 2**known.bans, LONGEST_BAN_MS)
            known.bans += 1
            raise self._banned(address, known, now_ms)
        if used > self.limits.weight_1m:
            raise VenueFault(
                -1003,
                f"Too many requests; current limit of IP({address}) is {self.limits.weight_1m} requests per minute. "
                "Please use the websocket for live updates to avoid polling the API.",
                status=429,
                retry_after_s=known.weight.left_ms(now_ms) // 1000 + 1,
            )
        return used

    def add_orders(self, now_ms: int, in_ten_seconds: int, in_minute: int) -> tuple[int, int]:
        """Count orders and return the sums of ten seconds and of the minute. Raises VenueFault 429."""
        ten_seconds = self._orders_10s.add(now_ms, in_ten_seconds)
        minute = self._orders_1m.add(now_ms, in_minute)
        if ten_seconds > self.limits.orders_10s:
            raise self._too_many_orders(self.limits.orders_10s, "TEN_SECONDS", self._orders_10s.left_ms(now_ms))
        if minute > self.limits.orders_1m:
            raise self._too_many_orders(self.limits.orders_1m, "MINUTE", self._orders_1m.left_ms(now_ms))
        return ten_seconds, minute

    @staticmethod
    def _banned(address: str, known: _Address, now_ms: int) -> VenueFault:
        return VenueFault(
            -1003,
            f"Way too many requests; IP({address}) banned until {known.banned_until_ms}. "
            "Please use the websocket for live updates to avoid bans.",
            status=418,
            retry_after_s=(known.banned_until_ms - now_ms) // 1000 + 1,
        )

    @staticmethod
    def _too_many_orders(limit: int, interval: str, left_ms: int) -> VenueFault:
        return VenueFault(
            -1015,
            f"Too many new orders; current limit is {limit} orders per {interval}.",
            status=429,
            retry_after_s=left_ms // 1000 + 1,
        )
