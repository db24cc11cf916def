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
FULL_READ_EVERY_NS = 30_000_000_000  # stops of every symbol weigh 40 on Binance, of one symbol 1
MAX_SINGLE_READS = 20  # more symbols than this are read in one request


class VenueReader:
    """Reads for one account. A reading that fails is told as nothing at all, never as empty."""

    def __init__(self, account: GuardedAccount, options: StopGuardianConfig) -> None:
        self.stream_up = False
        self._account = account
        self._options = options
        self._pace = Pace(burst=8, per_second=4.0)  # at worst 24 weight a second of the 40 that Binance grants
        self._wanted = asyncio.Event()
        self._full_read_ns = 0

    def want(self, *, everything: bool = False) -> None:
        """Read soon; ``everything`` also reads the stops of symbols in which nothing is going on."""
        if everything:
            self._full_read_ns = 0
        self._wanted.set()

    async def run(self) -> None:
        """Read for ever."""
        while True:
            await self._pace.take()
            self._wanted.clear()
            problems = await self._read()
            if problems:
                self._account.context.metrics.count("seawall_errors_total", kind="venue_read")
            self._account.context.set_ready(self._account.part, not problems, "; ".join(problems))
            wait_s = self._options.verify_every_ms / 1_000
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self._wanted.wait(), timeout=wait_s if self.stream_up else min(wait_s, BLIND_EVERY_S)
                )

    async def _read(self) -> list[str]:
        asked_ns = self._account.context.now_ns()
        if self._full_read_ns:
            problems = await asyncio.gather(self._read_stops(asked_ns), self._read_positions(asked_ns))
        else:
            # first of all what rests: a position that is then found is judged with its stops known
            problems = (await self._read_stops(asked_ns), await self._read_positions(asked_ns))
        return [problem for problem in problems if problem]

    async def _read_stops(self, asked_ns: int) -> str:
        account = self._account
        hot = [symbol for symbol, known in account.symbols.items() if known and account.is_hot(symbol, asked_ns)]
        full = asked_ns - self._full_read_ns >= FULL_READ_EVERY_NS or len(hot) > MAX_SINGLE_READS
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                if full:
                    stops = await self._account.session.open_stops()
                    told = {*self._account.symbols, *(stop.symbol for stop in stops)}
                else:
                    answers = await asyncio.gather(*(self._account.session.open_stops(symbol) for symbol in hot))
                    stops = tuple(stop for answer in answers for stop in answer)
                    told = set(hot)
        except (VenueError, TimeoutError) as error:
            return f"stops not read: {error or type(error).__name__}"
        if full:
            self._full_read_ns = asked_ns
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
