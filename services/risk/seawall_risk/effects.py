"""What risk does besides deciding: reads the ledger at start and its halts all the time, and keeps halts."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterable, Iterator

import msgspec

from seawall_ledger import Ledger, LedgerError, OutboxRelay, connect
from seawall_proto import (
    ROUTE_OF,
    DecodeError,
    Event,
    ExposureChanged,
    TradingHalted,
    TradingResumed,
    decode,
    event_type,
)
from seawall_runtime.catchup import read_stored
from seawall_runtime.context import Context
from seawall_runtime.effects import BaseEffects
from seawall_runtime.errors import ApiError, BusError

from .facts import HaltsRead, LedgerRead, PersistHalt

READ_EVERY_S = 0.5  # four tries within the time after which unreadable halts count as halts
PATIENCE_S = 1.0  # longer than a slow answer, shorter than that time
STREAM_KEEPS_NS = 30 * 86_400 * 1_000_000_000
NOT_FOUND = 404

NEWEST_EXPOSURE = """
SELECT payload::text AS payload FROM events
WHERE type = $1 AND venue = $2 AND account = $3 ORDER BY ts_received_ns DESC LIMIT 1
"""


class RiskEffects(BaseEffects):
    """Risk without a readable ledger stays up, refuses, and keeps trying."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._ledger: Ledger | None = None
        self._loaded = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Read the ledger now if it can be read now; otherwise keep trying beside the loop."""
        self.context.set_ready("ledger", False, "not read yet")
        await self._read()
        self._tasks.append(asyncio.create_task(self._keep_reading(), name="risk-ledger"))

    async def perform(self, command: msgspec.Struct, cause: Event) -> None:
        """Keep a halt or a resume: as often as it takes, for it must outlive this process."""
        if not isinstance(command, PersistHalt):
            return await super().perform(command, cause)
        while not self.context.stopping.is_set():
            try:
                ledger = self._ledger
                if ledger is not None:
                    async with ledger.transaction() as tx:
                        await tx.record(command.fact)
                    return None
            except LedgerError as error:
                self.context.metrics.count("seawall_errors_total", kind="halt_not_kept")
                self.context.log.error(f"{command.fact.scope}: halt or resume not kept yet: {error}")
            await asyncio.sleep(READ_EVERY_S)
        return None

    async def stop(self) -> None:
        """Close the ledger."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._ledger is not None:
            await self._ledger.close()

    async def _keep_reading(self) -> None:
        while True:
            await asyncio.sleep(READ_EVERY_S)
            await self._read()

    async def _read(self) -> None:
        """Feed everything once, then the halts again and again; a failed read feeds nothing."""
        try:
            ledger = self._ledger or await self._connect()
            if self._loaded:
                await self.context.feed(HaltsRead(halts=await ledger.halts()))
            else:
                await self.context.feed(await self._everything(ledger))
                self._loaded = True
        except (LedgerError, BusError) as error:
            if self.context.readiness.parts.get("ledger") != (False, str(error)):
                self.context.log.warning(f"the ledger cannot be read: {error}")
            self.context.set_ready("ledger", False, str(error))
        else:
            self.context.set_ready("ledger", True)

    async def _connect(self) -> Ledger:
        ledger = await connect(self.context.config.database, application="risk", patience_s=PATIENCE_S)
        self._tasks.append(asyncio.create_task(self._relay(ledger), name="risk-relay"))
        self._ledger = ledger
        return ledger

    async def _relay(self, ledger: Ledger) -> None:
        relay = OutboxRelay(ledger, self.context.bus, retry_on=(BusError,))
        while True:
            try:
                await relay.run()
            except LedgerError as error:
                self.context.log.error(f"the outbox of risk waits: {error}")
            await asyncio.sleep(READ_EVERY_S)

    async def _everything(self, ledger: Ledger) -> LedgerRead:
        venues = [(venue.name, venue.account) for venue in self.context.config.traded_venues]
        reconciled = [await ledger.last_reconciled(*venue) for venue in venues]
        exposures = [found for venue in venues for found in await self._exposures(ledger, *venue)]
        return LedgerRead(
            positions=tuple([held for venue in venues for held in await ledger.positions(*venue)]),
            orders=tuple([order for venue in venues for order in await ledger.open_orders(*venue)]),
            reconciled=tuple(found for found in reconciled if found is not None),
            halts=(*await ledger.halts(), *await self._streamed_halts()),
            exposures=tuple(sorted(exposures, key=lambda exposure: exposure.ts_received_ns)),
        )

    async def _exposures(self, ledger: Ledger, venue: str, account: str) -> list[ExposureChanged]:
        """Return the last words on an account: the recorder's, and the stream's where the recorder is behind."""
        rows = await ledger.rows(NEWEST_EXPOSURE, event_type(ExposureChanged), venue, account)
        texts = [row["payload"].encode() for row in rows]
        subject = ROUTE_OF[ExposureChanged].template.format(venue=venue, account=account)
        try:
            reply = await self.context.bus.api("STREAM.MSG.GET.LEDGER", {"last_by_subj": subject})
            texts.append(base64.b64decode(reply["message"]["data"]))
        except ApiError as error:
            if error.code != NOT_FOUND:
                raise
        return [event for event in self._decoded(texts) if isinstance(event, ExposureChanged)]

    async def _streamed_halts(self) -> list[TradingHalted | TradingResumed]:
        """Return what the ledger stream holds of halts: of all readable copies the most restrictive counts."""
        since_ns = self.context.now_ns() - STREAM_KEEPS_NS
        stored = await read_stored(self.context.bus, (TradingHalted, TradingResumed), since_ns)
        events = self._decoded(message.data for message in stored)
        return [event for event in events if isinstance(event, TradingHalted | TradingResumed)]

    def _decoded(self, texts: Iterable[bytes]) -> Iterator[Event]:
        for text in texts:
            try:
                yield decode(text)
            except DecodeError as error:
                self.context.metrics.count("seawall_errors_total", kind="unreadable_copy")
                self.context.log.warning(f"a stored copy cannot be read: {error}")
