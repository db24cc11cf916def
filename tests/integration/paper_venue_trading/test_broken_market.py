"""A venue over a market that stands still would be worse than none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from seawall_cli.embedded import free_port

BREAK_AFTER_A_SECOND = """
import asyncio, sys
from seawall_paper_venue import main, market_hub
run = market_hub.MarketHub.run
async def broken(self):
    async def fail():
        await asyncio.sleep(1)
        raise ZeroDivisionError("planted")
    await asyncio.gather(run(self), fail())
market_hub.MarketHub.run = broken
main.main()
"""


def test_a_bug_in_the_market_ends_the_venue(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BREAK_AFTER_A_SECOND, "--port", str(free_port()), "--state", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "planted" in done.stderr


def test_what_cannot_be_played_ends_with_status_two_and_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "seawall_paper_venue.main", "--source", "recording:/nowhere", "--state"]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("seawall-paper-venue: /nowhere: does not exist")
    assert done.stderr.count("\n") == 1
