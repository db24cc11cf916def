"""The recorder as a process: started, killed, refused, stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conftest import World


def start(world: World) -> subprocess.Popen[bytes]:
    """Start ``python -m seawall_recorder.main`` as the supervisor does."""
    world.folder.mkdir(exist_ok=True)
    config = world.folder / "seawall.toml"
    config.write_text(
        f'data_dir = "{world.folder}"\n[nats]\nurl = "{world.nats.url}"\n'
        f'[database]\nurl = "{world.settings.url}"\npassword_file = "{world.settings.password_file}"\n'
    )
    command = [sys.executable, "-m", "seawall_recorder.main", "--config", str(config)]
    with (world.folder / "recorder.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def words(folder: Path) -> str:
    return (folder / "recorder.log").read_text()


async def ended(process: subprocess.Popen[bytes], within_s: float = 20) -> int:
    async with asyncio.timeout(within_s):
        while process.poll() is None:
            await asyncio.sleep(0.05)
    return int(process.returncode)


async def test_kill_9_and_a_new_start_leave_no_hole_and_a_stop_is_clean(world: World, ticks: Any) -> None:
    first = start(world)
    try:
        await world.publish(*ticks(1, 30_000))
        async with asyncio.timeout(30):
            while not await world.count("trades"):
                await asyncio.sleep(0.005)
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait(10)
    second = start(world)
    try:
        await world.until_recorded("trades", 30_000)
        second.send_signal(signal.SIGTERM)
        assert await ended(second) == 0, words(world.folder)
    finally:
        second.kill()
        second.wait(10)


async def test_a_schema_it_does_not_know_is_named_and_it_does_not_start(world: World) -> None:
    await world.ask("UPDATE alembic_version SET version_num = '9999'")
    process = start(world)
    try:
        assert await ended(process) == 4, words(world.folder)
    finally:
        process.kill()
        process.wait(10)
    assert "schema version: found 9999, expected" in words(world.folder)
