"""What happens when NATS goes, freezes, or nats-py itself dies: nothing stale is sent, nothing waits for ever."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import Callable

import pytest
from nats.aio.msg import Msg

from seawall_cli.embedded import NatsServer
from seawall_proto import HaltRequested, TradePrinted
from seawall_runtime import link as link_module
from seawall_runtime.bus import Bus
from seawall_runtime.errors import PublishError, TryAgainError
from seawall_runtime.streams import ensure_streams
from tests.integration.runtime.conftest import MakeBus

_numbers = itertools.count()


def halt() -> HaltRequested:
    return HaltRequested(id=f"halt-{next(_numbers)}", scope="global", actor="test", reason="test")


def trade(trade_id: str) -> TradePrinted:
    return TradePrinted(
        id=trade_id, venue="v", symbol="BTC", ts_venue_ns=1, trade_id="1", price=1.0, quantity=1.0, aggressor="buy"
    )


async def until(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


async def kill(server: NatsServer, bus: Bus) -> None:
    await asyncio.to_thread(server.kill)
    await until(lambda: not bus.connected)


async def listen(bus: Bus, subject: str) -> list[Msg]:
    got: list[Msg] = []

    async def on_message(message: Msg) -> None:
        got.append(message)

    await bus.subscribe(subject, on_message)
    await bus.flush(2)
    return got


async def test_nothing_said_while_the_bus_is_down_is_sent_later(fresh_nats: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(fresh_nats.url)
    await ensure_streams(bus)
    got = await listen(bus, "md.>")
    control = await listen(bus, "control.>")
    await kill(fresh_nats, bus)
    assert not bus.publish_nowait(trade("stale"))
    with pytest.raises(PublishError, match="not connected"):
        await bus.publish(halt())
    assert 'seawall_flow_dropped_total{reason="disconnected",service="probe"} 1.0' in bus.metrics.render().decode()
    await asyncio.to_thread(fresh_nats.start)
    await until(lambda: bus.connected)
    assert bus.publish_nowait(trade("fresh"))
    await bus.publish(halt())
    await until(lambda: bool(got) and bool(control))
    await bus.flush(2)
    assert [b"fresh" in message.data for message in got] == [True]
    assert len(control) == 1


async def test_bytes_that_were_not_flushed_when_the_connection_broke_are_not_sent_later(
    fresh_nats: NatsServer, make_bus: MakeBus
) -> None:
    bus = await make_bus(fresh_nats.url)
    got = await listen(bus, "md.>")
    # what a half-dead connection leaves behind: bytes that the client holds, unsent
    client = bus.link._client
    client._pending.append(b"PUB md.trade.v.BTC 5\r\nstale\r\n")
    client._pending_data_size += 30
    await kill(fresh_nats, bus)
    await asyncio.to_thread(fresh_nats.start)
    await until(lambda: bus.connected)
    bus.publish_nowait(trade("fresh"))
    await until(lambda: bool(got))
    await bus.flush(2)
    assert [message.data for message in got if message.data == b"stale"] == []


async def test_it_keeps_trying_far_beyond_the_clients_own_limit(
    fresh_nats: NatsServer, make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "RECONNECT_WAIT_S", 0.005)
    bus = await make_bus(fresh_nats.url)
    closed: list[str] = []
    connected: list[bool] = []

    async def on_connected() -> None:
        connected.append(True)

    bus.hooks.on_closed.append(closed.append)
    bus.hooks.on_connected.append(on_connected)
    await kill(fresh_nats, bus)
    await until(lambda: max(server.reconnects for server in bus.link._client._server_pool) > 100)
    await asyncio.to_thread(fresh_nats.start)
    await until(lambda: bool(connected))
    assert not closed
    assert bus.connected


async def test_a_dead_read_loop_is_noticed_and_replaced(
    fresh_nats: NatsServer, make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "WATCHDOG_EVERY_S", 0.1)
    monkeypatch.setattr(link_module, "WATCHDOG_TIMEOUT_S", 0.3)
    bus = await make_bus(fresh_nats.url)
    await ensure_streams(bus)
    read_loop = bus.link._client._reading_task
    assert read_loop is not None
    read_loop.cancel()  # what an exception in nats-py's parser does
    await asyncio.sleep(0.05)
    assert bus.connected  # so the client says
    await until(lambda: bus.link._client.stats["reconnects"] == 1 and bus.connected)
    assert await bus.publish(halt())


async def test_a_frozen_server_is_given_up_and_its_backlog_is_bounded(
    fresh_nats: NatsServer, make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "WATCHDOG_EVERY_S", 0.2)
    monkeypatch.setattr(link_module, "WATCHDOG_TIMEOUT_S", 0.5)
    monkeypatch.setattr(link_module, "MAX_UNSENT_BYTES", 1 << 20)
    bus = await make_bus(fresh_nats.url)
    lost: list[bool] = []
    bus.hooks.on_lost.append(lambda: lost.append(True))
    pid = fresh_nats.child.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        unsent = 0
        async with asyncio.timeout(10):
            while not lost:
                for _ in range(1_000):
                    bus.publish_nowait(trade("x" * 1_000))
                await asyncio.sleep(0.01)
                unsent = max(unsent, bus.link._client.pending_data_size)
        assert (1 << 20) <= unsent <= (1 << 20) + 10_000
        with pytest.raises(TryAgainError):
            await bus.link.flush(0.5)
    finally:
        os.kill(pid, signal.SIGCONT)
    await until(lambda: bus.connected)
    got = await listen(bus, "md.trade.v.BTC")
    bus.publish_nowait(trade("after"))
    await until(lambda: any(b"after" in message.data for message in got))


async def test_a_client_that_closes_for_good_is_told(fresh_nats: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(fresh_nats.url)
    closed: list[str] = []
    bus.hooks.on_closed.append(closed.append)
    await bus.link._client._send_command(b"NONSENSE\r\n")  # the server answers -ERR, and nats-py closes for ever
    await bus.link._client._flush_pending()
    await until(lambda: bool(closed))
    assert "unknown protocol" in closed[0].lower()


async def test_a_client_whose_reconnecting_died_is_told(
    fresh_nats: NatsServer, make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "WATCHDOG_EVERY_S", 0.05)
    bus = await make_bus(fresh_nats.url)
    closed: list[str] = []
    bus.hooks.on_closed.append(closed.append)
    await kill(fresh_nats, bus)
    task = bus.link._client._reconnection_task
    assert task is not None
    task.cancel()
    await until(lambda: bool(closed))
    assert closed == ["the client stopped reconnecting"]


async def test_connecting_waits_for_a_server_that_is_not_there_yet(fresh_nats: NatsServer) -> None:
    await asyncio.to_thread(fresh_nats.kill)
    bus = Bus(fresh_nats.url, service="early")
    connecting = asyncio.create_task(bus.connect())
    await until(lambda: "Connect" in bus.link.problem)
    assert not connecting.done()
    assert not bus.publish_nowait(trade("early"))
    await asyncio.to_thread(fresh_nats.start)
    await asyncio.wait_for(connecting, 5)
    assert bus.connected
    await bus.close()


async def test_closing_is_bounded_whatever_the_server_does(fresh_nats: NatsServer) -> None:
    frozen, never = Bus(fresh_nats.url, service="frozen"), Bus("nats://127.0.0.1:9", service="never")
    await frozen.connect()
    connecting = asyncio.create_task(never.connect())
    await asyncio.sleep(0.05)
    pid = fresh_nats.child.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(4):
            for _ in range(2_000):
                frozen.publish_nowait(trade("x" * 5_000))
            await asyncio.sleep(0.1)
            await frozen.close(0.2)
            connecting.cancel()
            await never.close(0.2)
    finally:
        os.kill(pid, signal.SIGCONT)
