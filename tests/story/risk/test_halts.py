"""Halts: granted to anyone, sticky, ended only by a newer resume, and never in the way of less risk."""

from __future__ import annotations

from decimal import Decimal

import pytest

from seawall_proto import (
    AlertRaised,
    HaltRequested,
    OrderApproved,
    OrderRefused,
    RefusalReason,
    TradingHalted,
    TradingResumed,
)
from seawall_risk.facts import PersistHalt
from tests.worlds.risk_world import BTC, SECOND, World

D = Decimal


def test_resuming_accepts_the_loss_so_that_the_same_limit_does_not_halt_again() -> None:
    world = World().open("10000")
    world.tell(world.reconciled("8000"))
    world.wait()
    (halted,) = world.halts()
    resumed = TradingResumed(
        **world.head(), scope="global", version=halted.version + 1, actor="operator", reason="accepted"
    )
    assert world.tell(resumed) == [PersistHalt(fact=resumed)]
    world.wait()
    assert len(world.halts()) == 1
    assert isinstance(world.ask(BTC, "long"), OrderApproved)


@pytest.mark.parametrize(
    "scope",
    ["global", "venue:binance-usdm", "account:binance-usdm/paper", "symbol:BTC-USDT-PERP", "strategy:momentum"],
)
def test_a_halt_of_any_scope_that_covers_the_order_stops_it_and_lets_it_close(scope: str) -> None:
    world = World().open()
    request = HaltRequested(**world.head(), scope=scope, actor="operator", reason="looks wrong")
    halted, kept = world.tell(request)
    assert isinstance(halted, TradingHalted)
    assert kept == PersistHalt(fact=halted)
    assert (halted.scope, halted.actor, halted.reason) == (scope, "operator", "looks wrong")
    refused = world.ask(BTC, "long")
    assert _refusal(refused) is RefusalReason.HALTED
    assert scope in refused.detail
    assert "looks wrong" in refused.detail
    world.tell(world.position(BTC, "0.01"))
    assert world.ask(BTC, "flat").reduce_only


def test_a_halt_of_another_symbol_or_strategy_changes_nothing() -> None:
    world = World().open()
    for scope in ("symbol:ETH-USDT-PERP", "strategy:other", "venue:elsewhere"):
        world.tell(HaltRequested(**world.head(), scope=scope, actor="operator", reason="test"))
    assert isinstance(world.ask(BTC, "long"), OrderApproved)


def test_only_a_resume_newer_than_the_halt_resumes() -> None:
    world = World().open()
    (halted, _) = world.tell(HaltRequested(**world.head(), scope="global", actor="operator", reason="test"))
    assert isinstance(halted, TradingHalted)
    for version in (halted.version - 1, halted.version):
        stale = TradingResumed(**world.head(), scope="global", version=version, actor="operator", reason="go")
        (alert,) = world.tell(stale)
        assert isinstance(alert, AlertRaised)
        assert _refusal(world.ask(BTC, "long")) is RefusalReason.HALTED
    world.tell(
        TradingResumed(**world.head(), scope="global", version=halted.version + 1, actor="operator", reason="go")
    )
    assert isinstance(world.ask(BTC, "long"), OrderApproved)


def test_asking_twice_for_a_halt_keeps_its_version() -> None:
    world = World().open()
    for _ in range(2):
        world.now += SECOND
        world.tell(HaltRequested(**world.head(), scope="global", actor="operator", reason="test"))
    assert len({halted.version for halted in world.halts()}) == 1


def test_a_halt_said_by_somebody_else_is_kept_too() -> None:
    world = World().open()
    halted = TradingHalted(**world.head(), scope="global", version=7, actor="cli", reason="test")
    assert world.tell(halted) == [PersistHalt(fact=halted)]
    assert world.tell(halted) == [], "a copy is no news"
    assert _refusal(world.ask(BTC, "long")) is RefusalReason.HALTED


def test_halts_that_cannot_be_read_for_two_seconds_count_as_a_halt() -> None:
    world = World().open()
    world.now += 2 * SECOND + 1
    world.tell(world.quote(BTC), world.book(BTC))
    refused = world.ask(BTC, "long")
    assert _refusal(refused) is RefusalReason.HALTED
    assert "last readable 2.0 s ago" in refused.detail
    world.wait(0.1)
    assert isinstance(world.ask(BTC, "long"), OrderApproved)


def _refusal(answer: object) -> RefusalReason:
    assert isinstance(answer, OrderRefused), f"expected a refusal, found {answer}"
    assert answer.detail
    return answer.reason
