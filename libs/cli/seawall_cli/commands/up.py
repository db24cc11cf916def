"""``seawall up``: the whole system until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys

from seawall_cli.stack.plan import StackOptions
from seawall_cli.stack.supervisor import Supervisor


async def run_up(options: StackOptions) -> None:
    """Start everything, say where it listens, and keep it running until SIGINT or SIGTERM."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with Supervisor(options) as supervisor:
        print(f"config   {supervisor.config_path}", file=sys.stderr)
        print(f"nats     {supervisor.endpoints.nats_url}", file=sys.stderr)
        print(f"database {supervisor.endpoints.database_url}", file=sys.stderr)
        print(f"venue    {supervisor.endpoints.venue_url}", file=sys.stderr)
        print(f"logs     {options.directory / 'logs'}", file=sys.stderr)
        print("running; Ctrl-C stops it", file=sys.stderr)
        await stopping.wait()
        print("stopping", file=sys.stderr)
