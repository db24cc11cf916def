"""A limit on calls in a sliding window, for venues that count calls and not weights."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

SECOND_NS = 1_000_000_000
SHARE = 0.8  # of the venue's limit: others on the same address count too
DEFAULT_BAN_S = 120.0


class CallBudget:
    """At most ``calls`` in ``seconds``, of which we use four fifths; a refusal is waited out.

    ``throttles`` and ``bans`` are the HTTP statuses and raw codes that mean "too fast" and "banned";
    ``ban_s`` is how long a ban lasts where the venue does not say.
    """

    def __init__(
        self,
        calls: int,
        seconds: float,
        *,
        throttles: frozenset[str] = frozenset({"429"}),
        bans: frozenset[str] = frozenset({"403", "418"}),
        ban_s: float = DEFAULT_BAN_S,
    ) -> None:
        self._calls = max(1, int(calls * SHARE))
        self._window_ns = int(seconds * SECOND_NS)
        self._throttles = throttles
        self._bans = bans
        self._ban_s = ban_s
        self._spent: deque[int] = deque(maxlen=self._calls)
        self._closed_until_ns = 0

    def take(self, cost: int, now_ns: int) -> str:
        """Spend ``cost`` calls and return "", or return why not."""
        if now_ns < self._closed_until_ns:
            return f"the venue asked us to wait {(self._closed_until_ns - now_ns) / SECOND_NS:.1f} s more"
        while self._spent and now_ns - self._spent[0] >= self._window_ns:
            self._spent.popleft()
        if len(self._spent) + cost > self._calls:
            return f"{len(self._spent)} of {self._calls} calls used in {self._window_ns / SECOND_NS:g} s"
        self._spent.extend([now_ns] * cost)
        return ""

    def observe(self, headers: Mapping[str, str], now_ns: int) -> None:
        """Nothing to learn: these venues do not tell of public reads."""

    def learn(self, listing: bytes) -> None:
        """Nothing to learn: these venues do not state their limits."""

    def deny(self, status: int, code: str, retry_after_s: int, now_ns: int) -> None:
        """Hold back: as long as the venue says, else for a window, or for the ban."""
        words = {str(status), code}
        is_ban = bool(words & self._bans)
        wait_s = retry_after_s or (self._ban_s if is_ban else self._window_ns / SECOND_NS)
        if is_ban or words & self._throttles:
            self._closed_until_ns = max(self._closed_until_ns, now_ns + int(wait_s * SECOND_NS))
