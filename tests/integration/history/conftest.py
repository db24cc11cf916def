"""A venue that misbehaves, a store of the test's own, and the command as people run it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from seawall_history.store import Store
from tests.integration.history.fake_binance import FakeBinance

# As main.py does it; adding it twice changes nothing.
PROGRAM = (
    "from seawall_cli.main import app, main; from seawall_cli.commands.data import data_app;"
    " app.add_typer(data_app, name='data'); main()"
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Awaitable[Ended]]


@pytest.fixture
async def venue() -> AsyncIterator[FakeBinance]:
    """A Binance of the test's own."""
    server = FakeBinance()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "history")


@pytest.fixture
def data(tmp_path: Path) -> Run:
    """Run ``seawall data …`` as a process of its own; Ctrl-C comes when ``interrupt_when`` says so."""

    async def run(*arguments: str, interrupt_when: Callable[[], bool] | None = None) -> Ended:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", PROGRAM, "data", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=tmp_path,
        )
        ending = asyncio.create_task(process.communicate())
        while interrupt_when is not None and not ending.done():
            if interrupt_when():
                process.send_signal(signal.SIGINT)
                break
            await asyncio.sleep(0.005)
        out, err = await ending
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    return run
