"""Reads positions and resting stops, in rounds and whenever asked: the only proof of either."""

from __future__ import annotations

import asyncio
import contextlib

from seawall_proto import PositionSnapshot
from seawall_runtime.config import StopGuardianConfig
from seawall_stop_guardian import facts as f
from seawall_stop_guardian.session_account import GuardedAccount
from seawall_stop_guardian.session_pace import Pace
from seawall_venues.port import VenueError, VenueStop

READ_TIMEOUT_S = 2.0
BLIND_EVERY_S = 0.5  # without the user stream, reading is all there is
FULL_READ_EVERY_NS = 30_000_000_000
FULL_READ_AGAIN_NS = 5_000_000_000  # so that a stream which reconnects all the time does not use up the weight
# Binance's request weights; other venues are cheaper. Of its 40 a second the guardian uses 24 in the long run.
POSITIONS_WEIGHT = 5
FULL_WEIGHT = 40  # the stops of every symbol; those of one symbol weigh 1
WEIGHT_PER_SECOND = 24.0
WEIGHT_AT_ONCE = 120.0  # the first readings and an entry in several fills


class VenueReader:
    """Reads for one account. A reading that fails is told as nothing at all, never as empty."""

    def __init__(self, account: GuardedAccount, options: StopGuardianConfig) -> None:
        self.stream_up = False
        self._account = account
        self._options = options
        self._pace = Pace(burst=WEIGHT_AT_ONCE, per_second=WEIGHT_PER_SECOND)
        self._wanted = asyncio.Event()
        self._everything = True
        self._full_read_ns = 0

    def want(self, *, everything: bool = False) -> None:
        """Read soon; ``everything`` also reads the stops of symbols in which nothing is going on."""
        self._everything = self._everything or everything
        self._wanted.set()

    async def run(self) -> None:
        """Read for ever."""
        while True:
            hot = None if self._is_full_due() else self._hot()
            await self._pace.take(POSITIONS_WEIGHT + (FULL_WEIGHT if hot is None else len(hot)))
            self._wanted.clear()
            problems = await self._read(hot)
            if problems:
                self._account.context.metrics.count("seawall_errors_total", kind="venue_read")
            self._account.context.set_ready(self._account.part, not problems, "; ".join(problems))
            wait_s = self._options.verify_every_ms / 1_000
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self._wanted.wait(), timeout=wait_s if self.stream_up else min(wait_s, BLIND_EVERY_S)
                )

    def _is_full_due(self) -> bool:
        pause_ns = FULL_READ_AGAIN_NS if self._everything else FULL_READ_EVERY_NS
        return self._account.now_ns() - self._full_read_ns >= pause_ns or len(self._hot()) >= FULL_WEIGHT

    def _hot(self) -> list[str]:
        account, now_ns = self._account, self._account.now_ns()
        return [symbol for symbol, known in account.symbols.items() if known and account.is_hot(symbol, now_ns)]

    async def _read(self, hot: list[str] | None) -> list[str]:
        asked_ns = self._account.now_ns()
        if self._full_read_ns:
            problems = await asyncio.gather(self._read_stops(hot, asked_ns), self._read_positions(asked_ns))
        else:
            # first of all what rests: a position that is then found is judged with its stops known
            problems = (await self._read_stops(hot, asked_ns), await self._read_positions(asked_ns))
        return [problem for problem in problems if problem]

    async def _read_stops(self, hot: list[str] | None, asked_ns: int) -> str:
        session = self._account.session
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                if hot is None:
                    self._everything = False
                    stops = await session.open_stops()
                    told = {*self._account.symbols, *(stop.symbol for stop in stops)}
                    self._full_read_ns = asked_ns
                else:
                    answers = await asyncio.gather(*(session.open_stops(symbol) for symbol in hot))
                    stops = tuple(stop for answer in answers for stop in answer)
                    told = set(hot)
        except (VenueError, TimeoutError) as error:
            self._everything = self._everything or hot is None
            return f"stops not read: {error or type(error).__name__}"
        await self._tell_stops(told, stops, asked_ns)
        return ""

    async def _tell_stops(self, symbols: set[str], stops: tuple[VenueStop, ...], asked_ns: int) -> None:
        offset_ns = self._account.session.clock_offset_ns
        for symbol in sorted(symbols):
            own = tuple(stop for stop in stops if stop.symbol == symbol)
            if own:
                self._account.heat(symbol)
            await self._account.tell_rules(symbol)
            await self._account.feed(
                f.StopsRead(
                    venue=self._account.venue,
                    account=self._account.account,
                    symbol=symbol,
                    stops=own,
                    ts_asked_ns=asked_ns,
                    clock_offset_ns=offset_ns,
                )
            )

    async def _read_positions(self, asked_ns: int) -> str:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                found = {position.symbol: position for position in await self._account.session.positions()}
        except (VenueError, TimeoutError) as error:
            return f"positions not read: {error or type(error).__name__}"
        for symbol in {*self._account.symbols, *found}:
            await self._tell_position(symbol, found.get(symbol), asked_ns)
        return ""

    async def _tell_position(self, symbol: str, position: PositionSnapshot | None, asked_ns: int) -> None:
        if position is not None:
            self._account.heat(symbol)
        await self._account.tell_rules(symbol)
        await self._account.feed(
            f.PositionSeen(
                venue=self._account.venue,
                account=self._account.account,
                symbol=symbol,
                quantity=position.quantity if position else f.ZERO,
                entry_price=position.entry_price if position else f.ZERO,
                source="read",
                ts_asked_ns=asked_ns,
            )
        )
        if position is not None and position.mark_price > 0:
            await self._account.feed(
                f.MarkSeen(
                    venue=self._account.venue, account=self._account.account, symbol=symbol, price=position.mark_price
                )
            )
