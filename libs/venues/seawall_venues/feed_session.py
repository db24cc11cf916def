"""A venue's market sockets and reads for some instruments: the only ones that market-data opens there.

Which sockets, what is said on them and what a frame is, the venue's ``FeedSpec`` knows.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .feed import Channel
from .feed_carrier import FeedCarrier, FeedListener, Tap
from .feed_connection import FeedConnection
from .feed_rest import FeedRest
from .port import Instrument
from .wire import FeedOptions, FeedSpec, Plan, Route, SocketRules

MAX_RENEWALS = 3  # tries in a row at one subscription; then the whole connection is replaced


class FeedSession:
    """Sockets and reads for the public data of some instruments of one venue."""

    def __init__(
        self,
        spec: FeedSpec,
        *,
        rest_url: str,
        websocket_url: str,
        listener: FeedListener,
        now_ns: Callable[[], int],
        jitter: random.Random,
        options: FeedOptions | None = None,
        rules: SocketRules | None = None,
        tap: Tap | None = None,
    ) -> None:
        self._spec = spec
        self._websocket_url = websocket_url.rstrip("/")
        self._listener = listener
        self._now_ns = now_ns
        self._jitter = jitter
        self._options = options or FeedOptions()
        self._rules = rules or spec.rules
        self._tap = tap
        on_body = (lambda url, body: tap.fetched(url, body, now_ns())) if tap is not None else None
        self._rest = FeedRest(spec, rest_url, now_ns, on_body)
        self._lines: list[_Line] = []

    async def instruments(self) -> tuple[Instrument, ...]:
        """Read every instrument the venue lists. Raises VenueError."""
        return self._spec.parse_instruments(await self._rest.listing())

    async def snapshot(self, instrument: Instrument) -> bytes:
        """Read the order book. Raises VenueError."""
        return await self._rest.fetch(self._spec.snapshot_request(instrument))

    async def trades(self, instrument: Instrument) -> bytes:
        """Read the newest trades. Raises VenueError."""
        return await self._rest.fetch(self._spec.trades_request(instrument))

    async def bars(self, instrument: Instrument, interval_ms: int, ts_from_ns: int, ts_to_ns: int) -> bytes:
        """Read the venue's own candles that open in ``[from, to)``. Raises VenueError."""
        return await self._rest.fetch(self._spec.bars_request(instrument, interval_ms, ts_from_ns, ts_to_ns))

    async def run(self, instruments: Sequence[Instrument]) -> None:
        """Keep every channel of these instruments flowing to the listener, until cancelled."""
        plans = self._spec.plans(self._websocket_url, instruments, self._options)
        self._lines = [self._line(plan, number) for number, plan in enumerate(plans, 1)]
        async with asyncio.TaskGroup() as tasks:
            for line in self._lines:
                tasks.create_task(line.connection.run(), name=f"feed-{line.carrier.name}")

    def renew(self, symbol: str, channel: Channel, attempt: int) -> None:
        """Subscribe anew, so that a snapshot comes; replace the connection where ``attempt`` says that it did not."""
        for line in self._lines:
            if line.carrier.carries(symbol, channel):
                line.renew(Route(symbol, channel), attempt)

    def is_connected(self, symbol: str, channel: Channel) -> bool:
        """True while a socket carries this channel of the symbol."""
        return any(line.carrier.newest is not None for line in self._lines if line.carrier.carries(symbol, channel))

    def is_renewing(self, symbol: str, channel: Channel) -> bool:
        """True while a renewal of this subscription waits to be sent."""
        return any(line.is_waiting(Route(symbol, channel)) for line in self._lines)

    async def close(self) -> None:
        """Close the connections of the reads; those of the streams end with ``run``."""
        await self._rest.close()

    def _line(self, plan: Plan, number: int) -> _Line:
        carrier = FeedCarrier(
            f"{self._spec.venue}.{number}",
            plan,
            lambda: self._spec.wire(plan, self._options),
            self._listener,
            follows_one_lane=self._spec.dialect.resync == "resubscription",
            tap=self._tap,
        )
        connection = FeedConnection(plan.url, carrier, self._rules, now_ns=self._now_ns, jitter=self._jitter)
        return _Line(carrier, connection, {})


class _Line(NamedTuple):
    """A connection, what it carries, and the last message of each renewal."""

    carrier: FeedCarrier
    connection: FeedConnection
    asked: dict[Route, str]

    def renew(self, route: Route, attempt: int) -> None:
        """Subscribe anew; a connection on which that does not help is replaced, once: others travel on it too.

        While the renewal before waits to be sent, another would only break what that one brings back.
        """
        lane = self.carrier.newest
        if attempt == MAX_RENEWALS + 1:
            self.connection.replace(f"{route.channel} of {route.symbol} did not come back")
        elif lane is not None and not self.is_waiting(route):
            messages = lane.wire.renewing(route)
            self.connection.send(messages)
            self.asked[route] = messages[-1] if messages else ""

    def is_waiting(self, route: Route) -> bool:
        """True while a renewal has not wholly left."""
        return self.connection.is_waiting(self.asked.get(route, ""))
