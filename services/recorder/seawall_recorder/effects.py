"""Every stream read side by side, written together: at most 250 ms or BATCH messages behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from seawall_ledger import LedgerError
from seawall_proto import AlertRaised, derive_id
from seawall_runtime.dead_letters import DeadLetters
from seawall_runtime.effects import BaseEffects
from seawall_runtime.errors import StartError

from .batch import Taken
from .service import STREAM_NAMES
from .source import NOTHING, Message, StreamSource, position_of
from .writer import Writer

if TYPE_CHECKING:
    from seawall_runtime.context import Context

BATCH = 5_000  # rows a transaction: beyond it COPY gains little, and decoding would hold up the loop
EVERY_S = 0.25  # how long a message may wait for others
CAPACITY = 20_000  # messages held a stream, about 8 MiB; the stream itself keeps what we do not ask for
GLANCES = 10  # how often in that time it looks whether a batch is full
LOOK_EVERY_S = 1.0
# Messages and rows are many and never in cycles; looking for cycles among them at every 700 takes a third of the time.
GARBAGE_THRESHOLD = 100_000
MAX_KEPT_ASIDE = 1_000  # a run: each costs a write to disk, and beyond these the stream itself still has them
LAST_WRITE_S = 0.8  # the shell gives effects a second to stop


class RecorderEffects(BaseEffects):
    """Reads all streams and writes them; says when something was lost on the way."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        directory = context.config.data_dir / "recorder"
        self._unreadable = DeadLetters(directory / f"failures-{context.instance}.jsonl", context.log)
        self._writer = Writer(context.config.database, give_up=self._give_up, count=self._count, log=context.log)
        self._filled = asyncio.Event()
        self._sources: list[StreamSource] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._recording: asyncio.Task[None] | None = None
        self._closing = False
        self._kept_aside = 0
        self._told: dict[str, tuple[int, int]] = {}

    async def start(self) -> None:
        """Wait for the database, read how far each stream is written, then read and write on from there."""
        for part in ("database", *STREAM_NAMES):
            self.context.set_ready(part, False, "starting")
        gc.set_threshold(GARBAGE_THRESHOLD)
        self._spawn(self._look())
        try:
            positions = await self._writer.positions()
        except LedgerError as error:
            raise StartError(str(error)) from error
        for stream in STREAM_NAMES:
            source = StreamSource(
                self.context.bus,
                stream,
                written=positions.get(stream, NOTHING),
                capacity=CAPACITY,
                filled=self._filled,
                log=self.context.log,
            )
            self._sources.append(source)
            source.start()
        self._recording = self._spawn(self._record())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)
        return task

    async def stop(self) -> None:
        """Stop reading, write what is held if that is quick; the rest is read again at the next start."""
        for source in self._sources:
            await source.stop()
        self._closing = True
        self._filled.set()
        if self._recording is not None:
            # Only a finished write may be the last: a batch cut short and a later one written would be a hole.
            await asyncio.wait({self._recording}, timeout=LAST_WRITE_S)
            if not self._recording.done():
                self.context.log.info("stopped before the last batch was written; it is read again at the next start")
        await self._end()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._writer.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.context.fail(error)

    async def _record(self) -> None:
        while not self._closing:
            await self._filled.wait()
            await self._gather()
            self._filled.clear()
            await self._write_held()

    async def _gather(self) -> None:
        """Wait for more to write at once, until it is a batch or has waited long enough."""
        for _ in range(GLANCES):
            if self._closing or sum(source.waiting for source in self._sources) >= BATCH:
                return
            await asyncio.sleep(EVERY_S / GLANCES)

    async def _write_held(self) -> None:
        while batch := self._take():
            await self._writer.write(batch)
            if sum(len(taken.messages) for taken in batch) < BATCH:
                return

    def _take(self) -> list[Taken]:
        # the least busy stream first: the ledger's own is small, and must not wait behind ticks
        room = BATCH
        batch: list[Taken] = []
        for source in sorted(self._sources, key=lambda source: source.waiting):
            messages = source.take(room)
            room -= len(messages)
            if messages:
                batch.append(Taken(source.stream, messages))
        return batch

    async def _look(self) -> None:
        """Say once a second how the recording stands."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.context.set_ready("database", not self._writer.problem, self._writer.problem)
            for source in self._sources:
                self.context.set_ready(source.stream, not source.problem, source.problem)
                self.context.metrics.set("seawall_recorder_waiting_messages", source.waiting, stream=source.stream)
                self._tell_of_loss(source)

    def _tell_of_loss(self, source: StreamSource) -> None:
        known_lost, known_regressed = self._told.get(source.stream, (0, 0))
        self._told[source.stream] = (source.lost, source.regressed)
        if source.lost > known_lost:
            missing = source.lost - known_lost
            self.context.metrics.count("seawall_recorder_lost_messages_total", missing, stream=source.stream)
            self._alert("messages_lost", f"stream {source.stream} forgot {missing} messages before they were recorded")
        if source.regressed > known_regressed:
            self._alert("stream_regressed", f"stream {source.stream} lost what was recorded from it; it is read again")

    def _alert(self, name: str, detail: str) -> None:
        now_ns = self.context.now_ns()
        self.context.log.error(detail)
        self.context.bus.publish_nowait(
            AlertRaised(
                id=derive_id("recorder/alert", (name, detail), now_ns),
                ts_received_ns=now_ns,
                service="recorder",
                name=f"recorder_{name}",
                severity="critical",
                detail=detail,
            )
        )

    def _give_up(self, stream: str, message: Message, reason: str) -> None:
        position = position_of(message)
        self.context.metrics.count("seawall_dead_letters_total")
        self._kept_aside += 1
        if self._kept_aside > MAX_KEPT_ASIDE:
            return
        subject = message.subject.decode("utf-8", "replace")
        self.context.log.error(f"{stream} {position.sequence} on {subject} cannot be recorded: {reason}")
        self._unreadable.note(
            f"{stream}:{position.sequence}",
            ts_ns=position.ts_stored_ns,
            subject=subject,
            error=reason,
            data=message.data,
            final=True,
        )

    def _count(self, table: str, rows: int) -> None:
        self.context.metrics.count("seawall_rows_recorded_total", rows, table=table)
