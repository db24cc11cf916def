"""Binance USD-M user stream: one listen key, one socket, for ever."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import websockets
from websockets.asyncio.client import ClientConnection, connect

from seawall_venues.binance.orders import Symbol
from seawall_venues.binance.user_frames import ListenKeyExpired, UnknownFrame, parse_frame
from seawall_venues.port import StreamChanged, UserUpdate, VenueError

KEEP_ALIVE_S = 30 * 60  # the venue drops a listen key after 60 minutes without one
PING_EVERY_S = 5.0  # a dead connection is noticed within two of these
PING_TIMEOUT_S = 5.0
OPEN_TIMEOUT_S = 5.0
SETTLED_S = 10.0  # a connection that lived this long was no failed attempt
MAX_FRAME_BYTES = 1 << 20  # the largest real frame is an ACCOUNT_UPDATE of some 100 positions, about 20 KiB
BACKOFF_S = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)


class UserStream:
    """Reconnects with backoff and jitter; counts what it cannot read and goes on."""

    def __init__(
        self,
        websocket_url: str,
        *,
        create_listen_key: Callable[[], Awaitable[str]],
        keep_listen_key: Callable[[], Awaitable[None]],
        symbol: Symbol,
        clock_ns: Callable[[], int],
        jitter: random.Random,
    ) -> None:
        self.unreadable: Counter[str] = Counter()
        self._url = websocket_url.rstrip("/")
        self._create_listen_key = create_listen_key
        self._keep_listen_key = keep_listen_key
        self._symbol = symbol
        self._clock_ns = clock_ns
        self._jitter = jitter

    async def updates(self) -> AsyncIterator[UserUpdate]:
        """Yield updates for ever; a StreamChanged frames each connection."""
        attempt = 0
        while True:
            started_s = asyncio.get_running_loop().time()
            try:
                async with contextlib.aclosing(self._connection()) as connection:
                    async for update in connection:
                        yield update
                reason = "closed by the venue"
            except (VenueError, OSError, TimeoutError, websockets.WebSocketException) as error:
                reason = f"{type(error).__name__}: {error}"[:200]
            yield StreamChanged(connected=False, reason=reason, ts_received_ns=self._clock_ns())
            if asyncio.get_running_loop().time() - started_s > SETTLED_S:
                attempt = 0
            wait_s = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
            attempt += 1
            await asyncio.sleep(wait_s * (0.5 + self._jitter.random()))

    async def _connection(self) -> AsyncGenerator[UserUpdate, None]:
        listen_key = await self._create_listen_key()
        async with connect(
            f"{self._url}/ws/{listen_key}",
            open_timeout=OPEN_TIMEOUT_S,
            ping_interval=PING_EVERY_S,
            ping_timeout=PING_TIMEOUT_S,
            close_timeout=1.0,
            max_size=MAX_FRAME_BYTES,
            proxy=None,
        ) as socket:
            keeper = asyncio.create_task(self._keep(socket))
            try:
                yield StreamChanged(connected=True, reason="connected", ts_received_ns=self._clock_ns())
                async for frame in socket:
                    for update in self._read(frame):
                        yield update
            finally:
                keeper.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await keeper

    def _read(self, frame: str | bytes) -> tuple[UserUpdate, ...]:
        """Return what a frame says; one that cannot be read casts doubt, so state must be read again."""
        data = frame.encode() if isinstance(frame, str) else frame
        now_ns = self._clock_ns()
        try:
            return parse_frame(data, self._symbol, now_ns)
        except ListenKeyExpired:
            raise
        except UnknownFrame:
            self.unreadable["unknown"] += 1
            return ()
        except VenueError as error:
            self.unreadable["malformed"] += 1
            return (StreamChanged(connected=True, reason=str(error)[:200], ts_received_ns=now_ns),)

    async def _keep(self, socket: ClientConnection) -> None:
        """Renew the listen key; where that fails, drop the connection so that a new key is asked for."""
        while True:
            await asyncio.sleep(KEEP_ALIVE_S)
            try:
                await self._keep_listen_key()
            except VenueError:
                await socket.close()
                return
