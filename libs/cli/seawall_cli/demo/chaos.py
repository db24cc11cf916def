"""Kill -9 everything once, at random moments that a seed repeats."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from dataclasses import dataclass

from seawall_cli.stack.plan import SERVICES
from seawall_cli.stack.supervisor import Supervisor

FIRST, LAST = 0.15, 0.75  # of the run: after it trades, and early enough to come back
SERVERS = ("nats", "postgres")


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill: when, in seconds from the start of the run, and whom."""

    at_s: float
    victim: str


def plan_kills(seed: int, duration_s: float) -> list[Kill]:
    """Return one kill for every service and server, in order of time; equal for equal seeds."""
    chance = random.Random(seed)  # noqa: S311  repeatable, not secret
    victims = [*SERVICES, *SERVERS]
    moments = sorted(chance.uniform(FIRST, LAST) * duration_s for _ in victims)
    chance.shuffle(victims)
    return [Kill(round(moment, 2), victim) for moment, victim in zip(moments, victims, strict=True)]


async def carry_out(kills: list[Kill], supervisor: Supervisor, seed: int) -> None:
    """Wait for each moment and kill; say so on stderr."""
    started = asyncio.get_running_loop().time()
    print(f"kill plan, seed {seed}: " + ", ".join(f"{k.victim}@{k.at_s:g}s" for k in kills), file=sys.stderr)
    for kill in kills:
        await asyncio.sleep(max(0.0, started + kill.at_s - asyncio.get_running_loop().time()))
        item = supervisor.watched.get(kill.victim)
        if item is not None:
            item.child.send(signal.SIGKILL)
            print(f"{kill.at_s:6.2f} s  kill -9 {kill.victim}", file=sys.stderr)
