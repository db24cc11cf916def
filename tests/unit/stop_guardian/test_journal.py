"""The journal: nothing noted is lost by a crash, and a bad disk never stops anything."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from seawall_proto import PositionFlattened
from seawall_stop_guardian import journal as module
from seawall_stop_guardian.facts import Memory, StopMemory
from seawall_stop_guardian.journal import Journal

STOP = StopMemory(client_stop_id="a" * 32, side="sell", quantity=Decimal("0.5"), trigger_price=Decimal("97.0"))


def memory(symbol: str = "BTC-USDT-PERP", **changes: object) -> Memory:
    whole = Memory(
        venue="v",
        account="a",
        symbol=symbol,
        quantity=Decimal("0.5"),
        entry_price=Decimal("100.00"),
        opened_ns=1,
        distance_bps=300,
        trigger_price=Decimal("97.0"),
        stops=(STOP,),
    )
    return msgspec.structs.replace(whole, **changes)


def event(number: int) -> PositionFlattened:
    return PositionFlattened(
        id=f"event-{number}", venue="v", account="a", symbol="BTC-USDT-PERP", quantity=Decimal(number), reason="r"
    )


@asynccontextmanager
async def running(path: Path, health: Callable[[str], None] = lambda problem: None) -> AsyncIterator[Journal]:
    """A journal that writes; on leaving it is dropped as by kill -9."""
    journal = Journal(path, on_health=health)
    journal.load()
    writer = asyncio.create_task(journal.run())
    try:
        yield journal
    finally:
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writer


async def test_what_was_flushed_is_there_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "v-a.jsonl"
    async with running(path) as journal:
        journal.remember(memory())
        journal.remember(memory("ETH-USDT-PERP"))
        journal.queue([event(1), event(2), event(3)])
        journal.sent(["event-2"])
        journal.remember(memory(distance_bps=150))
        assert await journal.flushed(2)
    async with running(path) as again:
        assert again.memories == {
            "BTC-USDT-PERP": memory(distance_bps=150),
            "ETH-USDT-PERP": memory("ETH-USDT-PERP"),
        }
        assert list(again.pending.values()) == [event(1), event(3)]


async def test_a_flat_symbol_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "v-a.jsonl"
    async with running(path) as journal:
        journal.remember(memory())
        journal.remember(memory(quantity=Decimal(0), stops=()))
        assert await journal.flushed(2)
    async with running(path) as again:
        assert again.memories == {}


async def test_half_a_line_and_a_damaged_line_cost_only_themselves(tmp_path: Path) -> None:
    path = tmp_path / "v-a.jsonl"
    async with running(path) as journal:
        journal.remember(memory())
        journal.queue([event(1)])
        assert await journal.flushed(2)
    whole = path.read_bytes()
    path.write_bytes(
        b'{"kind":"memory","memory":{"venue"\n\xff\xfe\n{"kind":"event","event":{"type":"x"}}\n' + whole + b'{"ki'
    )
    async with running(path) as again:
        assert again.unreadable_lines == 4
        assert again.memories == {"BTC-USDT-PERP": memory()}
        assert list(again.pending) == ["event-1"]


async def test_at_start_the_file_is_compacted_to_what_still_counts(tmp_path: Path) -> None:
    path = tmp_path / "v-a.jsonl"
    async with running(path) as journal:
        journal.remember(memory())
        assert await journal.flushed(2)
        for number in range(200):
            journal.remember(memory(opened_ns=number))
            journal.queue([event(number)])
            journal.sent([f"event-{number}"])
        assert await journal.flushed(2)
    long = path.stat().st_size
    async with running(path) as again:
        again.remember(memory(opened_ns=1_000))
        assert await again.flushed(2)
    assert path.stat().st_size < long / 50
    assert len(path.read_bytes().splitlines()) == 1


async def test_while_it_runs_the_file_stays_within_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMPACT_ABOVE_BYTES", 10_000)
    path = tmp_path / "v-a.jsonl"
    async with running(path) as journal:
        for number in range(300):
            journal.remember(memory(opened_ns=number))
            assert await journal.flushed(2)
            assert path.stat().st_size < 11_000


async def test_too_many_waiting_events_cost_the_oldest_and_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PENDING_EVENTS", 10)
    async with running(tmp_path / "v-a.jsonl") as journal:
        journal.queue([event(number) for number in range(25)])
        assert list(journal.pending) == [f"event-{number}" for number in range(15, 25)]
        assert journal.dropped_events == 15


async def test_a_full_disk_is_told_and_heals_without_losing_a_line(tmp_path: Path) -> None:
    path = tmp_path / "v-a.jsonl"
    path.with_suffix(".new").symlink_to("/dev/full")  # the first write hits a full disk, which then has room again
    told: list[str] = []
    async with running(path, told.append) as journal:
        journal.remember(memory())
        assert not await journal.flushed(0.5)
        assert "No space left" in journal.problem
        journal.queue([event(1)])
        while journal.problem:
            await asyncio.sleep(0.02)
        assert await journal.flushed(2)
    assert [bool(problem) for problem in told] == [True, False]
    async with running(path) as again:
        assert again.memories == {"BTC-USDT-PERP": memory()}
        assert list(again.pending) == ["event-1"]


async def test_a_folder_that_cannot_be_written_is_told_and_waited_for_no_longer_than_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    told: list[str] = []
    async with running(tmp_path / "file" / "v-a.jsonl", told.append) as journal:
        journal.remember(memory())
        started = asyncio.get_running_loop().time()
        assert not await journal.flushed(0.1)
        assert asyncio.get_running_loop().time() - started < 0.5
        assert journal.memories, "the process still knows"
    assert len(told) == 1


async def test_a_file_that_is_no_journal_is_set_aside_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 1_000)
    path = tmp_path / "v-a.jsonl"
    path.write_bytes(b"x" * 1_001)
    async with running(path) as journal:
        journal.remember(memory())
        while journal.problem:
            await asyncio.sleep(0.01)
        assert await journal.flushed(2)
    assert path.with_suffix(".unreadable").read_bytes() == b"x" * 1_001
    async with running(path) as again:
        assert again.memories == {"BTC-USDT-PERP": memory()}


async def test_close_writes_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "v-a.jsonl"
    journal = Journal(path, on_health=lambda problem: None)
    journal.load()
    journal.remember(memory())
    await journal.close()
    async with running(path) as again:
        assert again.memories
