"""What strategies get to hear, when they may act, and what of their words is passed on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from seawall_proto import AlertRaised, FeaturesComputed, PositionChanged, SignalRaised
from seawall_runtime.config import Config, ConfigError, VenueConfig
from seawall_signal.hosting import hosted_by, initial
from seawall_signal.service import HOST
from seawall_strategies import Market
from seawall_strategies.momentum import MomentumOptions
from tests.worlds.signal_world import BTC, ETH, SECOND, VENUE, World, parrot

VENUES = (VenueConfig(name="binance-usdm", account="paper", rest_url="", websocket_url="", symbols=(BTC,)),)


def test_a_fresh_bar_of_a_live_feed_is_acted_on_and_the_signal_names_its_cause() -> None:
    world = World().tick()
    bar = world.bar()
    (signal,) = world.tell(bar)
    assert isinstance(signal, SignalRaised)
    assert (signal.causes, signal.ts_received_ns) == ((bar.id,), bar.ts_received_ns)
    assert len(signal.id) == 32


def test_the_same_bar_makes_the_same_signal_id() -> None:
    first, again = World().tick(), World().tick()
    assert first.tell(first.bar()) == again.tell(again.bar())


def test_each_strategy_and_market_has_a_state_of_its_own() -> None:
    world = World(parrot("one"), parrot("two")).tick()
    said = world.tell(world.bar(BTC), world.bar(ETH), world.bar(BTC))
    assert len(said) == 6
    assert len({signal.id for signal in said if isinstance(signal, SignalRaised)}) == 6
    assert [len(world.heard(symbol, name).acted) for symbol in (BTC, ETH) for name in ("one", "two")] == [2, 2, 1, 1]
    assert world.heard(ETH, "two").market == Market(VENUE, ETH)


def test_nothing_is_acted_on_before_the_time_is_known() -> None:
    world = World()
    assert world.tell(world.bar()) == []
    assert len(world.heard().warmed) == 1


def test_history_is_learnt_from_and_not_acted_on() -> None:
    world = World()
    old = [world.bar(ts_received_ns=world.now - age * SECOND) for age in (60, 3)]
    world.tick()
    assert world.tell(*old) == []
    assert world.heard().warmed == old
    (signal,) = world.tell(world.bar(ts_received_ns=world.now - 2 * SECOND, ts_venue_ns=0), world.bar())
    assert isinstance(signal, SignalRaised), "the first of them expires this very moment, the second is fresh"


def test_a_signal_that_is_over_when_it_is_made_is_not_published() -> None:
    world = World(parrot(expires_at_ns=1_000 * SECOND)).tick()
    assert world.tell(world.bar()) == []
    assert len(world.heard().acted) == 1


@pytest.mark.parametrize("state", ["syncing", "stale", "down"])
def test_a_feed_that_is_not_live_brings_no_signals(state: Any) -> None:
    world = World().tick()
    assert world.tell(world.feed(BTC, state), world.bar(BTC)) == []
    assert len(world.heard(BTC).warmed) == 1
    assert len(world.tell(world.bar(ETH))) == 1, "the other feed is live"
    assert len(world.tell(world.feed(BTC, "live"), world.bar(BTC))) == 1


def test_positions_reach_the_strategies_of_their_market_once_and_in_order() -> None:
    world = World().tick()
    first, second = world.position(BTC, "0.1", 1), world.position(BTC, "0.2", 2)
    world.tell(first, second, first, second)
    assert world.heard(BTC).acted == [first, second]


def test_a_position_from_before_a_restart_is_told_at_the_next_reconciliation() -> None:
    world = World().tick()
    world.tell(world.position(ETH, "-1", 7), world.reconciled(BTC="0.1", ETH="5"), world.reconciled(BTC="0.2"))
    (found,) = world.heard(BTC).acted
    assert isinstance(found, PositionChanged)
    assert (found.symbol, found.quantity) == (BTC, Decimal("0.1")), "once: later changes are told as they come"
    assert [event.quantity for event in world.heard(ETH).acted] == [-1], "a change heard before is newer"
    world.tell(world.position(BTC, "0", 1))
    assert world.heard(BTC).acted[-1].quantity == 0


def test_a_refusal_reaches_only_the_strategy_that_asked() -> None:
    world = World(parrot("one"), parrot("two")).tick()
    world.tell(world.bar())
    refusal = world.refusal(BTC, "two")
    world.tell(refusal)
    assert refusal in world.heard(BTC, "two").acted
    assert refusal not in world.heard(BTC, "one").acted


def test_a_strategy_hears_only_what_it_listens_to() -> None:
    world = World(parrot(hears=(FeaturesComputed,))).tick()
    world.tell(world.bar(), world.position(BTC, "0.1", 1), world.refusal(BTC, "parrot"))
    assert [type(event) for event in world.heard().acted] == [FeaturesComputed]


def test_markets_outside_the_configuration_are_not_traded() -> None:
    world = World(symbols=(BTC,)).tick()
    assert world.tell(world.bar(ETH), world.position(ETH, "1", 1), world.refusal(ETH, "parrot")) == []
    assert not world.host.states


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"strength": float("nan")}, "strength nan, expected in [0, 1]"),
        ({"strength": 1.5}, "strength 1.5, expected in [0, 1]"),
        ({"price": float("inf")}, "price inf, expected above 0"),
        ({"price": 0.0}, "price 0.0, expected above 0"),
        ({"contributions": {"trend": float("nan")}}, "expected finite numbers"),
        ({"strategy": "momentum"}, "signal of momentum on binance-usdm BTC-USDT-PERP, expected parrot"),
        ({"symbol": ETH}, "expected parrot on binance-usdm BTC-USDT-PERP"),
    ],
)
def test_a_signal_that_cannot_be_becomes_an_alert(wrong: dict[str, Any], complaint: str) -> None:
    world = World(parrot(**wrong)).tick()
    (alert,) = world.tell(world.bar())
    assert isinstance(alert, AlertRaised)
    assert complaint in alert.detail


def test_a_runaway_strategy_is_cut_short() -> None:
    world = World(parrot(times=50)).tick()
    said = world.tell(world.bar())
    assert [type(event) for event in said] == [SignalRaised] * 4 + [AlertRaised]


def test_momentum_runs_where_nothing_is_configured() -> None:
    (hosted,) = hosted_by(Config(venues=VENUES))
    assert (hosted.strategy.name, hosted.options) == ("momentum", MomentumOptions())
    state = initial(Config(venues=VENUES))(HOST)
    assert state.markets == {Market(VENUE, BTC)}


@pytest.mark.parametrize(
    ("strategies", "complaint"),
    [
        ({"moonshot": {}}, "strategies.moonshot: not installed"),
        ({"momentum": {"enter_score": 2.0}}, r"strategies.momentum.enter_score: found 2.0, expected `float` <= 1.0"),
    ],
)
def test_a_wrong_strategies_table_keeps_the_service_from_starting(strategies: Any, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        initial(Config(venues=VENUES, strategies=strategies))
