"""Counters of all services, added up across their restarts."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from dataclasses import dataclass, field

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

SAMPLE_EVERY_S = 1.0
TIMEOUT = aiohttp.ClientTimeout(total=0.8)

COUNTED = {"seawall_frames", "seawall_book_gaps", "seawall_errors", "seawall_decisions"}

Labels = tuple[tuple[str, str], ...]


@dataclass
class Counters:
    """Totals that survive a restart of the process that counts: a drop means it began anew."""

    totals: dict[tuple[str, Labels], float] = field(default_factory=lambda: defaultdict(float))
    last: dict[tuple[str, str, Labels], float] = field(default_factory=dict)

    def add(self, service: str, name: str, labels: Labels, value: float) -> None:
        """Take one reading of one counter."""
        before = self.last.get((service, name, labels), 0.0)
        self.totals[name, labels] += value - before if value >= before else value
        self.last[service, name, labels] = value

    def total(self, name: str, **labels: str) -> float:
        """Return the sum over all series that carry these labels."""
        wanted = set(labels.items())
        return sum(value for (metric, found), value in self.totals.items() if metric == name and wanted <= set(found))


class Sampler:
    """Reads every service's ``/metrics`` and ``/readyz`` once a second."""

    def __init__(self, http_ports: dict[str, int]) -> None:
        self.http_ports = http_ports
        self.counters = Counters()
        self.ready: dict[str, bool] = dict.fromkeys(http_ports, False)

    async def run(self) -> None:
        """Sample until cancelled."""
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            while True:
                await self.sample(session)
                await asyncio.sleep(SAMPLE_EVERY_S)

    async def sample_once(self) -> None:
        """Take one reading of everything."""
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            await self.sample(session)

    async def sample(self, session: aiohttp.ClientSession) -> None:
        """Take one reading of everything over an open session."""
        await asyncio.gather(*(self._read(session, service, port) for service, port in self.http_ports.items()))

    async def _read(self, session: aiohttp.ClientSession, service: str, port: int) -> None:
        self.ready[service] = False
        # ValueError: whoever took a fallen service's port answers something else
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
            async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                self.ready[service] = answer.status == 200
            async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                self._take(service, await answer.text())

    def _take(self, service: str, text: str) -> None:
        for family in text_string_to_metric_families(text):
            if family.name in COUNTED:
                for sample in family.samples:
                    if sample.name.endswith("_total"):
                        self.counters.add(service, family.name, tuple(sorted(sample.labels.items())), sample.value)
