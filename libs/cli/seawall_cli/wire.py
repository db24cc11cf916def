"""The command line's connections: to the bus and to the ledger of a running system."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from seawall_ledger import Ledger, LedgerError, connect
from seawall_runtime.bus import Bus
from seawall_runtime.config import Config

from .errors import ServerError

CONNECT_WITHIN_S = 5.0  # a person is waiting


@asynccontextmanager
async def bus_of(config: Config) -> AsyncIterator[Bus]:
    """Connect to the bus. Raises ServerError naming the URL."""
    bus = Bus(config.nats.url, service="cli")
    try:
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await bus.connect()
        except TimeoutError as error:
            raise ServerError(f"NATS at {config.nats.url} does not answer: {bus.link.problem}") from error
        yield bus
    finally:
        await bus.close()


@asynccontextmanager
async def ledger_of(config: Config) -> AsyncIterator[Ledger]:
    """Connect to the ledger. Raises ServerError saying what is wrong."""
    try:
        ledger = await connect(config.database, application="seawall-cli", patience_s=CONNECT_WITHIN_S, connections=2)
    except LedgerError as error:
        raise ServerError(str(error)) from error
    try:
        yield ledger
    finally:
        await ledger.close()
