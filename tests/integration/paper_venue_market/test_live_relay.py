"""A venue that relays another exchange, with a second paper venue as that exchange."""

from __future__ import annotations

import asyncio
import json
import logging
from random import Random
from typing import Any

import pytest

from seawall_paper_venue.market_frames import DepthUpdate, MarketMessage
from seawall_paper_venue.sources import LiveSource, Sink, SyntheticSource, UpstreamError, open_source
from seawall_paper_venue.sources import live as live_module
from seawall_sim.instruments import rules_for
from seawall_sim.market import MarketOptions

pytestmark = pytest.mark.asyncio(loop_scope="module")
SYMBOLS = ("BTCUSDT", "ETHUSDT")


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "_FIRST_RETRY_S", 0.1)
    monkeypatch.setattr(live_module, "_SNAPSHOT_EVERY_S", 0.3)


def market(seed: int = 1) -> SyntheticSource:
    return SyntheticSource(rules_for(SYMBOLS).values(), seed, MarketOptions(rate=5))


def relay_of(upstream: Any) -> LiveSource:
    return LiveSource(SYMBOLS, upstream.url, upstream.socket_url, Random(1))


async def until(condition: Any, seconds: float = 8.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def check_unbroken(venue: Any, frames: int) -> None:
    """Follow the venue's book by its rule for so many frames."""
    async with venue.session.ws_connect(f"{venue.url}/ws/btcusdt@depth@0ms") as connection:
        previous = 0
        for _ in range(frames):
            frame = json.loads((await connection.receive(timeout=8)).data)
            assert not previous or frame["pu"] == previous
            previous = frame["u"]


async def test_relayed_book_is_the_upstreams_book(start_venue: Any) -> None:
    upstream = await start_venue(market())
    relay = await start_venue(relay_of(upstream))
    await until(lambda: relay.hub.messages > 100)
    ours, theirs = relay.hub.markets["BTCUSDT"].book, upstream.hub.markets["BTCUSDT"].book
    upstream.task.cancel()
    await asyncio.gather(upstream.task, return_exceptions=True)
    upstream.hub._pulse.beat((upstream.hub.clock() // 10**9 + 1) * 10**9)
    upstream.hub.flush()
    await until(lambda: ours.last_update_id == theirs.last_update_id)
    assert ours.top(1_000) == theirs.top(1_000)


async def test_trades_quotes_and_marks_come_through(start_venue: Any) -> None:
    upstream = await start_venue(market())
    relay = await start_venue(relay_of(upstream))
    btc = relay.hub.markets["BTCUSDT"]
    await until(lambda: len(btc.trades) > 3 and btc.quote is not None and btc.source_has_mark)
    theirs = {trade.trade_id: trade for trade in upstream.hub.markets["BTCUSDT"].trades}
    assert all(trade.price == theirs[trade.trade_id].price for trade in btc.trades)
    assert relay.listener.marks
    await check_unbroken(relay, 5)


async def test_upstream_restart_is_survived_without_a_gap_for_clients(start_venue: Any) -> None:
    """The new upstream counts from the beginning again; relayed ids go on rising."""
    upstream = await start_venue(market(1), speed=15.0)  # so that its ids are far ahead of the next one's
    port = upstream.runner.addresses[0][1]
    source = relay_of(upstream)
    relay = await start_venue(source)
    following = asyncio.create_task(check_unbroken(relay, 18))
    await until(lambda: relay.hub.messages > 100)
    trades = relay.hub.markets["BTCUSDT"].trades
    last_trade = trades[-1].trade_id if trades else 0
    await upstream.stop()
    again = await start_venue(market(2), port=port)
    before = relay.hub.messages
    await until(lambda: relay.hub.messages > before + 100)
    await following
    assert source.connections >= 2
    theirs, ours = again.hub.markets["BTCUSDT"].book, relay.hub.markets["BTCUSDT"].book
    await until(lambda: ours.top(3)[0] == theirs.top(3)[0])
    await until(lambda: ours.top(3)[1] == theirs.top(3)[1])
    ids = [trade.trade_id for trade in trades]
    assert ids == sorted(set(ids))
    assert ids[-1] > last_trade


async def test_lost_change_is_noticed_and_healed(start_venue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream = await start_venue(market())
    source = relay_of(upstream)
    relay = await start_venue(source)
    dropped = 0
    decode = live_module._decode

    def lossy(text: Any) -> Any:
        """Swallow one depth frame, as a bad network path would."""
        nonlocal dropped
        envelope = decode(text)
        if not dropped and isinstance(envelope.data, DepthUpdate):
            dropped = envelope.data.last_update_id
            envelope.data.symbol = "LOST"
        return envelope

    following = asyncio.create_task(check_unbroken(relay, 15))
    await until(lambda: relay.hub.messages > 50)
    monkeypatch.setattr(live_module, "_decode", lossy)
    await until(lambda: source.gaps == 1)
    await following
    ours, theirs = relay.hub.markets["BTCUSDT"].book, upstream.hub.markets["BTCUSDT"].book
    await until(lambda: ours.last_update_id > dropped)
    bids, asks = ours.top(1)
    assert float(bids[0][0]) < float(asks[0][0])
    assert abs(float(bids[0][0]) - float(theirs.top(1)[0][0][0])) < 50


async def test_absent_upstream_is_tried_again_until_it_comes(start_venue: Any, unused_port: int) -> None:
    source = open_source(f"live:http://127.0.0.1:{unused_port},ws://127.0.0.1:{unused_port}", rules_for(SYMBOLS))
    relay = await start_venue(source, wait=False)
    await asyncio.sleep(0.3)
    assert not relay.hub.is_ready
    assert not relay.task.done()
    await start_venue(market(), port=unused_port)
    await relay.hub.wait_ready(8)


async def test_symbol_that_upstream_does_not_list_is_a_clear_error(start_venue: Any) -> None:
    upstream = await start_venue(market())
    relay = await start_venue(
        LiveSource(("SOLUSDT",), upstream.url, upstream.socket_url), symbols=("SOLUSDT",), wait=False
    )
    with pytest.raises(UpstreamError, match="Invalid symbol"):
        await asyncio.wait_for(relay.task, 5)


class Nobody(Sink):
    """Takes messages and does nothing."""

    def accept(self, ts_ns: int, message: MarketMessage) -> None: ...

    def flush(self) -> None: ...


async def test_garbage_from_upstream_breaks_the_connection_and_not_the_venue(caplog: pytest.LogCaptureFixture) -> None:
    source = LiveSource(SYMBOLS, "http://127.0.0.1:1", "ws://127.0.0.1:1")
    for garbage in (b"", b"\xff\xfe", b"[]", b'{"stream":"x","data":{"e":"trade"}}', b'{"stream":"x","data":7}'):
        with pytest.raises(live_module.UpstreamLost, match="none of the venue's"):
            source._relay(garbage, Nobody())
    with caplog.at_level(logging.WARNING), pytest.raises(TimeoutError):
        await asyncio.wait_for(source.run(Nobody(), 1.0), 0.3)
    assert "lost" in caplog.text
