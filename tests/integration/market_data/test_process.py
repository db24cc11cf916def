"""market-data as a process: real NATS, a venue that misbehaves, and a real paper venue."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from nats.aio.msg import Msg

from seawall_cli.embedded import NatsServer, free_port
from seawall_proto import BarClosed, BookChanged, Event, FeaturesComputed, FeedChanged, InstrumentListed, decode
from seawall_runtime.bus import Bus
from seawall_runtime.catchup import read_stored
from seawall_runtime.clock import now_ns
from tests.worlds.fake_venue import FakeVenue, until

BTC, ETH = "BTC-USDT-PERP", "ETH-USDT-PERP"


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.stop()


class Chain:
    """Processes over one NATS and one venue, and everything they say."""

    def __init__(self, folder: Path, nats_url: str, venue_port: int, *symbols: str, depth_every_ms: int = 100) -> None:
        self.folder = folder
        self.http = {name: free_port() for name in ("market_data", "feature")}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.heard: list[Event] = []
        self.headers: dict[str, dict[str, str]] = {}
        self.config = folder / "seawall.toml"
        listed = ", ".join(f'"{symbol}"' for symbol in symbols)
        self.config.write_text(
            f"""
            data_dir = "{folder / "data"}"
            [nats]
            url = "{nats_url}"
            [[venues]]
            name = "binance-usdm"
            account = "paper"
            rest_url = "http://127.0.0.1:{venue_port}"
            websocket_url = "ws://127.0.0.1:{venue_port}"
            symbols = [{listed}]
            [market_data]
            bar_interval_ms = 1000
            depth_every_ms = {depth_every_ms}
            """
        )

    def run(self, name: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{name}.log").open("ab")
        command = [sys.executable, "-m", f"seawall_{name}.main", "--config", str(self.config)]
        self.processes[name] = subprocess.Popen(
            [*command, "--http", f"127.0.0.1:{self.http[name]}"], stdout=log, stderr=log
        )
        return self.processes[name]

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for name, process in self.processes.items():
            assert process.wait(8) in (0, 4), self.log(name)

    async def hear(self, message: Msg) -> None:
        event = decode(message.data)
        self.heard.append(event)
        self.headers[event.id] = dict(message.headers or {})

    def feeds(self, symbol: str) -> list[str]:
        states = [event.state for event in self.heard if isinstance(event, FeedChanged) and event.symbol == symbol]
        return [state for state, before in zip(states, ["", *states], strict=False) if state != before]

    def count(self, kind: type[Event], symbol: str) -> int:
        return sum(1 for event in self.heard if type(event) is kind and getattr(event, "symbol", "") == symbol)

    def page(self, path: str, name: str = "market_data") -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http[name]}{path}", timeout=2) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:  # not ready is 503, with the reasons in the body
            return error.read().decode()


@pytest.fixture
async def bus(nats: NatsServer) -> AsyncIterator[Bus]:
    async with Bus(nats.url, service="test") as one:
        yield one


async def test_one_symbols_gap_leaves_the_other_live(nats: NatsServer, bus: Bus, tmp_path: Path) -> None:
    async with FakeVenue("BTCUSDT", "ETHUSDT") as venue:
        chain = Chain(tmp_path, nats.url, venue.port, BTC, ETH)
        await bus.subscribe("md.>", chain.hear)
        btc, eth = venue.markets["BTCUSDT"], venue.markets["ETHUSDT"]
        moving = asyncio.Event()
        moving.set()

        async def move() -> None:
            while True:
                await moving.wait()
                for market in (btc, eth):
                    await venue.send(market.depth())
                    await venue.send(market.quote())
                await asyncio.sleep(0.05)

        mover = asyncio.create_task(move())
        try:
            chain.run("market_data")
            await until(lambda: chain.feeds(BTC)[-1:] == chain.feeds(ETH)[-1:] == ["live"], 15)
            assert chain.count(InstrumentListed, BTC) >= 1
            venue.answers["/fapi/v1/depth"] = (503, {}, b"busy")
            moving.clear()
            await asyncio.sleep(0.1)
            btc.depth()  # lost on the way
            moving.set()
            await until(lambda: chain.feeds(BTC)[-1] == "stale")
            books = chain.count(BookChanged, BTC), chain.count(BookChanged, ETH)
            await asyncio.sleep(0.5)
            assert chain.count(BookChanged, BTC) == books[0]
            assert chain.count(BookChanged, ETH) > books[1]
            assert "stale" in await asyncio.to_thread(chain.page, "/readyz")
            venue.answers.clear()
            await until(lambda: chain.feeds(BTC)[-1] == "live")
            assert chain.feeds(ETH)[-1] == "live"
            assert "stale" not in chain.feeds(ETH)
            metrics = await asyncio.to_thread(chain.page, "/metrics")
            assert 'seawall_book_gaps_total{symbol="BTC-USDT-PERP",venue="binance-usdm"} 1.0' in metrics
            assert 'seawall_book_gaps_total{symbol="ETH' not in metrics
        finally:
            mover.cancel()
            await asyncio.to_thread(chain.stop)


async def test_an_unknown_symbol_is_refused_at_start_with_near_matches(nats: NatsServer, tmp_path: Path) -> None:
    async with FakeVenue("BTCUSDT", "ETHUSDT") as venue:
        chain = Chain(tmp_path, nats.url, venue.port, ETH, "BTC-USD-PERP")
        process = chain.run("market_data")
        code = await asyncio.to_thread(process.wait, 15)
    assert code == 4
    assert "BTC-USD-PERP is not listed at binance-usdm: did you mean BTC-USDT-PERP" in chain.log("market_data")


def paper_venue(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    port = free_port()
    command = [sys.executable, "-m", "seawall_paper_venue.main", "--port", str(port), "--source", "synthetic:5"]
    with (folder / "venue.log").open("wb") as log:
        return subprocess.Popen([*command, "--state", str(folder / "venue")], stdout=log, stderr=log), port


def assert_bars_are_whole(bars: list[BarClosed]) -> None:
    """Every second once; a bar said again is the same bar."""
    opens = sorted({bar.ts_open_ns for bar in bars})
    assert {after - before for before, after in pairwise(opens)} == {1_000_000_000}
    same: dict[str, set[tuple[float, ...]]] = {}
    for bar in bars:
        figures = (bar.open, bar.high, bar.low, bar.close, round(bar.volume, 9), float(bar.trade_count))
        same.setdefault(bar.id, set()).add(figures)
    assert all(len(figures) == 1 for figures in same.values())


async def test_neither_a_kill_nor_an_outage_of_the_bus_costs_a_bar(fresh_nats: NatsServer, tmp_path: Path) -> None:
    venue, port = paper_venue(tmp_path)
    chain = Chain(tmp_path, fresh_nats.url, port, BTC, ETH, depth_every_ms=0)
    begin_ns = now_ns()
    async with Bus(fresh_nats.url, service="test") as bus:
        await bus.subscribe("md.>", chain.hear)
        await bus.subscribe("feature.>", chain.hear)

        async def more_features() -> dict[str, int]:
            before = {symbol: chain.count(FeaturesComputed, symbol) for symbol in (BTC, ETH)}
            await until(lambda: all(chain.count(FeaturesComputed, symbol) > before[symbol] for symbol in before), 20)
            return before

        try:
            chain.run("feature")
            chain.run("market_data")
            await more_features()
            chain.processes["market_data"].kill()
            await asyncio.to_thread(chain.processes["market_data"].wait)
            await asyncio.sleep(1.2)
            chain.run("market_data")
            known = await more_features()
            for symbol in (BTC, ETH):
                bars = [bar for bar in chain.heard if isinstance(bar, BarClosed) and bar.symbol == symbol]
                assert_bars_are_whole(bars)
                assert any(bar.repaired for bar in bars)
                root = hashlib.blake2b(bars[-1].causes[0].encode(), digest_size=16).hexdigest()
                assert root in chain.headers[bars[-1].id]["traceparent"]  # a decision's trace begins at the tick
                computed = [one for one in chain.heard if isinstance(one, FeaturesComputed) and one.symbol == symbol]
                closes = [one.ts_bar_close_ns for one in computed]
                assert closes == sorted(set(closes))
                assert computed[known[symbol]].values["returns"] is not None  # the windows span the kill
            await asyncio.to_thread(fresh_nats.kill)
            await asyncio.sleep(2.5)
            await asyncio.to_thread(fresh_nats.start)
            known = await more_features()
            stored = [decode(one.data) for one in await read_stored(bus, (BarClosed,), begin_ns)]
            for symbol in (BTC, ETH):
                assert_bars_are_whole([bar for bar in stored if isinstance(bar, BarClosed) and bar.symbol == symbol])
                newest = [one for one in chain.heard if isinstance(one, FeaturesComputed) and one.symbol == symbol][-1]
                assert newest.values["volatility_5"] is not None  # the windows span the outage
        finally:
            await asyncio.to_thread(chain.stop)
            venue.terminate()
            venue.wait(8)
