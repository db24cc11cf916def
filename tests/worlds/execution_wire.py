"""A wire between execution and the venue's REST that can lose an order's request or its answer."""

from __future__ import annotations

import asyncio
import re
import threading

from seawall_cli.embedded import free_port
from seawall_runtime.clock import now_ns

HOLD_S = 1.0
ORDER_ID = re.compile(rb"newClientOrderId=([0-9a-f]{32})")


class Wire:
    """Carries bytes both ways, in a thread of its own."""

    def __init__(self) -> None:
        self.port = free_port()
        self.target = 0
        self.lose = ""
        """``request`` or ``answer`` of the next order; empty while all is well."""
        self.lost = threading.Event()
        self.orders_ns: dict[str, int] = {}
        """When each order's request came by, by client order id."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self, target: int) -> None:
        self.target = target
        self._thread.start()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._carry, "127.0.0.1", self.port))
        self._loop.run_forever()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            venue_reader, venue_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        losing = asyncio.Event()
        forth = asyncio.create_task(self._forth(reader, venue_writer, losing))
        back = asyncio.create_task(self._back(venue_reader, writer, losing))
        await asyncio.wait({forth, back}, return_when=asyncio.FIRST_COMPLETED)
        for one in (writer, venue_writer):
            one.close()
        for task in (forth, back):
            task.cancel()

    async def _forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        while data := await reader.read(65_536):
            if self.lose and data.startswith(b"POST /fapi/v1/order"):
                if self.lose == "request":
                    self.lose = ""
                    self.lost.set()
                    return
                losing.set()
            writer.write(data)
            found = ORDER_ID.search(data)
            if found:
                self.orders_ns.setdefault(found.group(1).decode(), now_ns())
            await writer.drain()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        while data := await reader.read(65_536):
            if losing.is_set():
                self.lose = ""
                self.lost.set()
                await asyncio.sleep(HOLD_S)  # as a wire that went dead: neither an answer nor an end
                return
            writer.write(data)
            await writer.drain()
