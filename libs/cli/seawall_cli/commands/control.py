"""``seawall halt``, ``resume`` and ``flatten``: three verbs, never mixed.

A halt is written wherever it can be: the ledger and the bus. One copy is enough, since every
reader takes the most restrictive of those it can read. A resume needs both, and a version above
every halt seen. Flatten asks, and then watches until the ledger shows nothing open.
"""

from __future__ import annotations

import asyncio
import getpass
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypedDict

from seawall_cli.errors import CliError, ServerError, UnhealthyError, UsageError
from seawall_cli.wire import bus_of, ledger_of
from seawall_ledger import LedgerError
from seawall_proto import (
    Event,
    FlattenRequested,
    PositionChanged,
    TradingHalted,
    TradingResumed,
    derive_id,
)
from seawall_runtime.clock import now_ns
from seawall_runtime.config import Config
from seawall_runtime.errors import BusError

SCOPE = re.compile(r"global|venue:[\w-]+|account:[\w-]+/[\w-]+|symbol:[\w-]+|strategy:[\w-]+", re.ASCII)
LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Said:
    """What was said and which copies of it were written."""

    event: Event
    copies: dict[str, str]

    @property
    def written(self) -> int:
        """How many copies were written."""
        return sum(result == "written" for result in self.copies.values())


def check_scope(scope: str) -> str:
    """Return the scope. Raises UsageError with what was found and what was expected."""
    if not SCOPE.fullmatch(scope):
        raise UsageError(
            f"scope {scope!r}: expected global, venue:<venue>, account:<venue>/<account>, symbol:<symbol> "
            "or strategy:<name>"
        )
    return scope


def actor() -> str:
    """Return who is at the keyboard, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


async def halt(config: Config, scope: str, reason: str) -> Said:
    """Halt ``scope``. Raises ServerError where no copy could be written."""
    version = await _next_version(config, scope)
    said = await _say(
        config, TradingHalted(**_mark("halt"), scope=scope, version=version, actor=actor(), reason=reason)
    )
    if not said.written:
        raise ServerError(f"nothing was halted: {said.copies}")
    return said


async def resume(config: Config, scope: str, reason: str) -> Said:
    """Resume ``scope``. Raises UnhealthyError where not every copy could be written."""
    async with ledger_of(config) as ledger:
        halted = {event.scope for event in await ledger.halts()}
    if scope not in halted:
        raise UsageError(f"{scope} is not halted; halted now: {', '.join(sorted(halted)) or 'nothing'}")
    version = await _next_version(config, scope)
    said = await _say(
        config, TradingResumed(**_mark("resume"), scope=scope, version=version, actor=actor(), reason=reason)
    )
    if said.written < len(said.copies):
        raise UnhealthyError(f"not resumed, every copy must be written: {said.copies}")
    return said


async def flatten(config: Config, scope: str, reason: str, *, within_s: float) -> list[PositionChanged]:
    """Ask to close everything in ``scope`` and wait; return what is still open after ``within_s``."""
    event = FlattenRequested(**_mark("flatten"), scope=scope, actor=actor(), reason=reason)
    async with bus_of(config) as bus:
        await bus.publish(event)
    deadline = asyncio.get_running_loop().time() + within_s
    async with ledger_of(config) as ledger:
        while True:
            left = [
                position
                for venue in config.traded_venues
                for position in await ledger.positions(venue.name, venue.account)
                if position.quantity and in_scope(scope, position)
            ]
            if not left or asyncio.get_running_loop().time() > deadline:
                return left
            await asyncio.sleep(LOOK_EVERY_S)


def in_scope(scope: str, position: PositionChanged) -> bool:
    """True where a position belongs to ``scope``; a strategy's scope holds no position of its own."""
    kind, _, name = scope.partition(":")
    match kind:
        case "global":
            return True
        case "venue":
            return position.venue == name
        case "account":
            return f"{position.venue}/{position.account}" == name
        case "symbol":
            return position.symbol == name
    return False


class _Mark(TypedDict):
    id: str
    ts_received_ns: int


def _mark(verb: str) -> _Mark:
    """A person's command has no cause on the bus: its id comes from who said what when."""
    now = now_ns()
    return {"id": derive_id(f"cli.{verb}", (actor(), str(now)), 0), "ts_received_ns": now}


async def _next_version(config: Config, scope: str) -> int:
    """Return a version above every one seen; where the ledger is away, one above any it can hold."""
    try:
        async with ledger_of(config) as ledger, ledger.transaction() as transaction:
            return await transaction.next_halt_version(scope)
    except CliError:
        return now_ns()


async def _say(config: Config, event: Event) -> Said:
    async def to_ledger() -> None:
        async with ledger_of(config) as ledger, ledger.transaction() as transaction:
            await transaction.record(event)

    async def to_bus() -> None:
        async with bus_of(config) as bus:
            await bus.publish(event)

    return Said(event, {"ledger": await _tried(to_ledger), "bus": await _tried(to_bus)})


async def _tried(write: Callable[[], Awaitable[None]]) -> str:
    try:
        await write()
    except (CliError, LedgerError, BusError) as error:
        return str(error)
    return "written"
