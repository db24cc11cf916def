"""A stablecoin that leaves its peg brings no new risk in what is priced in it, and holds up no close."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from seawall_proto import CurrencyRated, Direction, OrderApproved, OrderRefused, RefusalReason
from seawall_runtime.config import RiskConfig
from tests.worlds.risk_world import BTC, SECOND, World


def rated(world: World, rate_usd: float | None, currency: str = "USDT", **changes: Any) -> CurrencyRated:
    fields: dict[str, Any] = {"assumed": False, "pegged": True, **world.head(), **changes}
    return CurrencyRated(currency=currency, rate_usd=rate_usd, **fields)


def refusal(answer: object) -> RefusalReason:
    assert isinstance(answer, OrderRefused), f"expected a refusal, found {answer}"
    return answer.reason


@pytest.mark.parametrize(("rate_usd", "worth"), [(0.9799, "0.9799"), (1.0201, "1.0201"), (0.12, "0.1200")])
def test_nothing_is_entered_in_a_coin_that_left_its_peg(rate_usd: float, worth: str) -> None:
    world = World().open()
    world.tell(rated(world, rate_usd))
    refused = world.ask(BTC, "long")
    assert refusal(refused) is RefusalReason.DEPEGGED
    assert refused.detail == f"a USDT is worth {worth} USD, limit 0.02 from one dollar"
    world.tell(rated(world, 0.9985))
    assert isinstance(world.ask(BTC, "long"), OrderApproved)


@pytest.mark.parametrize("rate_usd", [0.981, 1.0, 1.019, None])
def test_a_coin_at_its_peg_or_of_unknown_worth_stops_nobody(rate_usd: float | None) -> None:
    world = World().open()
    world.tell(rated(world, rate_usd))
    assert isinstance(world.ask(BTC, "long"), OrderApproved)


@pytest.mark.parametrize("direction", ["flat", "short"])
def test_what_is_held_in_it_can_be_closed(direction: Direction) -> None:
    world = World().open()
    world.tell(world.position(BTC, "0.010"), rated(world, 0.5))
    approved = world.ask(BTC, direction)
    assert (approved.reduce_only, approved.quantity) == (True, Decimal("0.010"))


def test_a_rate_that_nobody_can_tell_any_more_takes_nothing_back() -> None:
    world = World().open()
    world.tell(rated(world, 0.9))
    world.now += 3_600 * SECOND
    world.tell(rated(world, None))
    world.wait()
    assert refusal(world.ask(BTC, "long")) is RefusalReason.DEPEGGED


def test_an_older_word_does_not_replace_a_newer_one() -> None:
    world = World().open()
    late = rated(world, 1.0)
    world.now += SECOND
    world.tell(rated(world, 0.9), late)
    assert refusal(world.ask(BTC, "long")) is RefusalReason.DEPEGGED


@pytest.mark.parametrize("changes", [{"currency": "USDC"}, {"pegged": False}])
def test_other_coins_and_currencies_without_a_peg_are_none_of_its_business(changes: dict[str, Any]) -> None:
    world = World().open()
    world.tell(rated(world, 0.5, **changes))
    assert isinstance(world.ask(BTC, "long"), OrderApproved)


def test_the_limit_is_the_configurations() -> None:
    world = World(RiskConfig(max_depeg=0.1)).open()
    world.tell(rated(world, 0.91))
    assert isinstance(world.ask(BTC, "long"), OrderApproved)
    world.tell(rated(world, 0.89))
    assert refusal(world.ask(BTC, "long")) is RefusalReason.DEPEGGED
