"""Catching up: after a restart, after a lost connection, and after messages that came too fast."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from seawall_proto import ROUTE_OF

from . import clock
from .catchup import CatchUp, read_stored
from .context import Context
from .errors import BusError
from .inbox import Inbox
from .shell import Shell

RETRY_S = 1.0
GAP_MARGIN_S = 30.0  # a dead connection is noticed within 15 s; the rest is for clocks that differ
MEND_EVERY_S = 10.0  # a service that is too slow must not spend its time on catching up
LOG_EVERY_S = 10.0
NANOSECONDS = 1_000_000_000


class Gaps:
    """Keeps what comes live waiting while what was missed is read from the streams.

    Without a ``CatchUp`` it only counts and logs: what was missed stays missed.
    """

    def __init__(
        self,
        wanted: CatchUp | None,
        context: Context,
        shell: Shell,
        inbox: Inbox,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._wanted = wanted
        self._context = context
        self._shell = shell
        self._inbox = inbox
        self._spawn = spawn
        self._started = False
        self._mending = False
        self._since_ns = 0
        self._mended_s = -MEND_EVERY_S
        self._logged_s = -LOG_EVERY_S
        kinds = wanted.kinds if wanted else ()
        self._prefixes = tuple(ROUTE_OF[kind].wildcard.split("*", 1)[0] for kind in kinds)

    async def start(self) -> None:
        """Catch up on the time before this process, then let live events through."""
        if self._wanted is not None:
            self._since_ns = clock.now_ns() - int(self._wanted.seconds * NANOSECONDS)
        await self._mend()
        self._started = True

    def lost(self) -> None:
        """The connection is gone: whatever comes live next waits until the gap is mended."""
        if self._wanted is not None:
            self._inbox.open = False
            self._since_ns = self._since_ns or clock.now_ns() - int(GAP_MARGIN_S * NANOSECONDS)

    async def connected(self) -> None:
        """The connection is back."""
        if self._since_ns and self._started:
            self._spawn(self._mend())

    def dropped(self, subject: str) -> None:
        """Messages on a subject were lost because they came faster than they were handled."""
        now_s = clock.elapsed_s()
        if now_s - self._logged_s > LOG_EVERY_S:
            self._logged_s = now_s
            self._context.log.warning(f"messages lost on {subject}: they came faster than they were handled")
        if subject.startswith(self._prefixes) and self._started and now_s - self._mended_s > MEND_EVERY_S:
            self._mended_s = now_s
            self.lost()
            self._spawn(self._mend())

    async def _mend(self) -> None:
        if self._mending:
            return  # the one under way sees the new gap when it is done
        self._mending = True
        while self._since_ns:
            since_ns, self._since_ns = self._since_ns, 0
            await self._catch_up(since_ns)
        self._mending = False
        self._inbox.open = True
        self._inbox.wake()

    async def _catch_up(self, since_ns: int) -> None:
        assert self._wanted is not None
        while True:
            try:
                stored = await read_stored(self._context.bus, self._wanted.kinds, since_ns)
            except BusError as error:
                self._context.set_ready("caught_up", False, str(error))
                self._context.log.warning(f"catch-up waits: {error}")
                await asyncio.sleep(RETRY_S)
                continue
            fresh = await self._shell.replay(stored)
            self._context.set_ready("caught_up", True)
            self._context.log.info("caught up", read=len(stored), fresh=fresh)
            return
