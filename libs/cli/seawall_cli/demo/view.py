"""The live view of a running demo, on stderr, so that stdout keeps its one line."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from seawall_cli.describe import describe, time_of_day
from seawall_cli.stack.supervisor import Supervisor
from seawall_proto import (
    BarClosed,
    Event,
    ExposureChanged,
    PositionChanged,
    ProtectionChanged,
    QuoteTicked,
    ServiceBeat,
)

from .sampler import Sampler

LINES_KEPT = 12  # what fits under the tables on a small terminal
QUIET = (QuoteTicked, BarClosed, ServiceBeat, ExposureChanged)


class View:
    """What the screen shows; ``note`` takes events, ``run`` draws."""

    def __init__(self, supervisor: Supervisor, sampler: Sampler, duration_s: float) -> None:
        self.supervisor = supervisor
        self.sampler = sampler
        self.duration_s = duration_s
        self.started = time.monotonic()
        self.quotes: dict[str, QuoteTicked] = {}
        self.positions: dict[str, PositionChanged] = {}
        self.protection: dict[str, ProtectionChanged] = {}
        self.exposure: ExposureChanged | None = None
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)

    def note(self, event: Event) -> None:
        """Remember what the next drawing needs."""
        match event:
            case QuoteTicked():
                self.quotes[event.symbol] = event
            case PositionChanged():
                self.positions[event.symbol] = event
            case ProtectionChanged():
                self.protection[event.symbol] = event
            case ExposureChanged():
                self.exposure = event
        if not isinstance(event, QUIET):
            self.lines.append(f"{time_of_day(event.ts_received_ns)}  {describe(event)}")

    async def run(self) -> None:
        """Draw four times a second until cancelled."""
        console = Console(stderr=True)
        with Live(self._draw(), console=console, refresh_per_second=4, transient=False) as live:
            while True:
                await asyncio.sleep(0.25)
                live.update(self._draw())

    def _draw(self) -> Group:
        elapsed = min(time.monotonic() - self.started, self.duration_s)
        equity = f", equity {self.exposure.equity:.2f} USDT" if self.exposure else ""
        head = Text(f"Seawall demo  {elapsed:4.0f} of {self.duration_s:.0f} s{equity}", style="bold")
        return Group(head, self._services(), self._markets(), *[Text(line) for line in self.lines])

    def _services(self) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for heading in self.sampler.ready:
            table.add_column(heading)
        words = []
        for name, ready in self.sampler.ready.items():
            restarts = self.supervisor.restarts[name]
            again = f" ({restarts} restarts)" if restarts else ""
            words.append(Text("ready" if ready else "not ready", style="green" if ready else "yellow") + Text(again))
        table.add_row(*words)
        return table

    def _markets(self) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for heading in ("market", "bid", "ask", "position", "entry", "protection"):
            table.add_column(heading)
        for symbol, quote in sorted(self.quotes.items()):
            position, protection = self.positions.get(symbol), self.protection.get(symbol)
            table.add_row(
                symbol,
                f"{quote.bid_price:g}",
                f"{quote.ask_price:g}",
                str(position.quantity) if position else "0",
                f"{position.entry_price:.2f}" if position and position.quantity else "",
                protection.state if protection else "",
            )
        return table
