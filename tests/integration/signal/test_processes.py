"""From features to an approved order over real processes, and what a kill -9 of either does."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from seawall_proto import (
    Event,
    HaltRequested,
    OrderApproved,
    OrderRefused,
    RefusalReason,
    SignalRaised,
    TradingHalted,
)
from seawall_runtime.bus import Bus
from seawall_runtime.clock import now_ns
from tests.worlds import risk_world, signal_world
from tests.worlds.decision_world import DecisionWorld, Ear, until
from tests.worlds.risk_world import BTC, ETH

UP = {
    "momentum_10": 0.001,
    "volatility_15": 0.0001,
    "rsi_7": 80.0,
    "rsi_14": 70.0,
    "book_imbalance_5": 0.4,
    "trade_flow_imbalance": 0.3,
    "spread_bps": 0.2,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DecisionWorld]:
    one = DecisionWorld(tmp_path_factory.mktemp("decisions"))
    try:
        one.start()
        one.run("risk")
        one.run("signal")
        one.ready("risk")
        one.ready("signal")
        yield one
    finally:
        one.stop()


@pytest.fixture
async def bus(world: DecisionWorld) -> AsyncIterator[Bus]:
    async with Bus(world.nats.url, service="test") as one:
        yield one


class Hand:
    """Publishes what market-data, feature and execution would, at the time of now."""

    def __init__(self, bus: Bus, name: str) -> None:
        self.bus = bus
        self.name = name
        self.risk = risk_world.World()
        self.signal = signal_world.World(symbols=(BTC, ETH))
        self.risk.open()

    async def say(self, *kinds: str, symbol: str = BTC) -> None:
        """Publish events by name, with ids of this hand's own."""
        self.risk.now = self.signal.now = now_ns()
        made: dict[str, Event] = {
            "listed": self.risk.listed(symbol),
            "feed": self.risk.feed(symbol),
            "quote": self.risk.quote(symbol),
            "book": self.risk.book(symbol),
            "reconciled": self.risk.reconciled("10000"),
            "features": self.signal.bar(symbol, dict(UP), close=risk_world.PRICES[symbol]),
        }
        for kind in kinds:
            event = made[kind]
            fields = {name: getattr(event, name) for name in event.__struct_fields__}
            await self.bus.publish(type(event)(**{**fields, "id": f"{self.name}-{event.id}"}))


async def test_features_become_a_signal_and_the_signal_an_approved_order(world: DecisionWorld, bus: Bus) -> None:
    ear = await Ear(SignalRaised, OrderApproved, OrderRefused).listen(bus)
    hand = Hand(bus, "first")
    await hand.say("listed", "feed", "reconciled")

    async def approved() -> OrderApproved | None:
        await hand.say("quote", "book", "features")
        found = [event for event in ear.heard if isinstance(event, OrderApproved)]
        return found[0] if found else None

    order = await until(approved, "an approval", within_s=10)
    signal = next(event for event in ear.heard if event.id == order.signal_id)
    assert (order.symbol, order.side, order.reduce_only) == (BTC, "buy", False)
    assert signal.causes[0].startswith("first-")
    assert order.ts_received_ns == signal.ts_received_ns, "the tick's time is inherited"
    assert order.expires_at_ns <= now_ns() + 2_000_000_000
    stored = await bus.api("STREAM.MSG.GET.LEDGER", {"last_by_subj": "risk.approved.binance-usdm.paper"})
    assert stored["message"]["subject"] == "risk.approved.binance-usdm.paper"


async def test_a_halt_and_a_kill_of_risk_leave_it_halted(world: DecisionWorld, bus: Bus) -> None:
    ear = await Ear(TradingHalted, OrderRefused, OrderApproved).listen(bus)
    await bus.publish(HaltRequested(id="halt-1", ts_received_ns=now_ns(), scope="global", actor="test", reason="stop"))
    halted = await ear.next()
    assert isinstance(halted, TradingHalted)
    assert (halted.scope, halted.actor, halted.reason) == ("global", "test", "stop")
    world.kill("risk")
    world.run("risk")
    world.ready("risk")
    hand = Hand(bus, "second")
    await hand.say("listed", "feed", symbol=ETH)

    async def halted_again() -> OrderRefused | None:
        await hand.say("quote", "book", "features", symbol=ETH)
        assert not any(isinstance(event, OrderApproved) for event in ear.heard)
        found = [event for event in ear.heard if getattr(event, "reason", None) is RefusalReason.HALTED]
        return found[0] if found else None

    refused = await until(halted_again, "a refusal", within_s=15)
    assert "global: stop" in refused.detail


async def test_a_killed_signal_service_does_not_repeat_old_signals(world: DecisionWorld, bus: Bus) -> None:
    ear = await Ear(SignalRaised).listen(bus)
    world.kill("signal")
    hand = Hand(bus, "third")
    for _ in range(5):
        await hand.say("features")
    await asyncio.sleep(2.1)  # they are history by the time it is back
    world.run("signal")
    world.ready("signal")
    fresh = now_ns()

    async def raised() -> SignalRaised | None:
        await hand.say("features")
        return ear.heard[0] if ear.heard else None

    signal = await until(raised, "a signal", within_s=10)
    assert signal.ts_received_ns >= fresh


def test_a_wrong_option_ends_the_service_with_a_clear_line(tmp_path: Path) -> None:
    config = tmp_path / "seawall.toml"
    config.write_text("[strategies.momentum]\nenter_score = 7.0\n")
    command = [sys.executable, "-m", "seawall_signal.main", "--config", str(config)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert "strategies.momentum.enter_score: found 7.0, expected `float` <= 1.0" in ended.stderr
    assert "Traceback" not in ended.stderr
