"""What stops new risk: exposure, unproven orders, and feeds that cannot be trusted."""

from __future__ import annotations

from decimal import Decimal

import pytest

from seawall_proto import (
    OrderApproved,
    OrderRefused,
    OrderState,
    RefusalReason,
)
from seawall_runtime.config import RiskConfig
from tests.worlds.risk_world import BTC, ETH, SECOND, World

D = Decimal


def test_gross_exposure_leaves_only_the_room_below_its_limit() -> None:
    world = World(RiskConfig(max_exposure=0.15)).open()
    world.fill_approved(world.ask(ETH, "short", strength=1.0))  # 1 000 of 1 500
    approved = world.ask(BTC, "long", strength=1.0)
    assert approved.quantity == D("0.008")  # 500 at 60 300
    world.fill_approved(approved)
    world.tell(world.position(ETH, "-0.600"))
    refused = world.ask(BTC, "long", strength=1.0)
    assert _refusal(refused) is RefusalReason.EXPOSURE_LIMIT
    assert "gross exposure 1980.00 of at most 1500.00" in refused.detail


def test_an_approval_counts_as_exposure_until_long_after_it_expired() -> None:
    world = World(RiskConfig(max_exposure=0.1)).open()
    assert isinstance(world.ask(ETH, "long", strength=1.0), OrderApproved)
    assert _refusal(world.ask(BTC, "long", strength=1.0)) is RefusalReason.EXPOSURE_LIMIT
    world.wait(6.9)
    assert _refusal(world.ask(BTC, "long", strength=1.0)) is RefusalReason.EXPOSURE_LIMIT
    world.wait(0.2)
    assert isinstance(world.ask(BTC, "long", strength=1.0), OrderApproved)


def test_a_resting_order_counts_with_what_it_may_still_fill() -> None:
    world = World(RiskConfig(max_exposure=0.1)).open()
    approved = world.ask(ETH, "long", strength=1.0)
    resting = world.order(approved, OrderState.PARTIALLY_FILLED, D("0.1"), limit_price=D(2_500))
    world.tell(resting, world.position(ETH, "0.1"))
    assert _refusal(world.ask(BTC, "long", strength=1.0)) is RefusalReason.EXPOSURE_LIMIT
    world.tell(world.order(approved, OrderState.CANCELED, D("0.1")))
    assert world.ask(BTC, "long", strength=1.0).quantity == D("0.012")  # 1 000 - 250 at 60 300


def test_an_unproven_order_blocks_new_risk_on_the_whole_account() -> None:
    world = World().open()
    approved = world.ask(ETH, "long")
    world.tell(world.order(approved, OrderState.UNKNOWN), world.position(BTC, "0.005"))
    refused = world.ask(BTC, "long", strength=1.0)
    assert _refusal(refused) is RefusalReason.UNKNOWN_ORDER
    assert world.ask(BTC, "flat").reduce_only, "less risk is always allowed"
    world.tell(world.order(approved, OrderState.NOT_PLACED))
    assert isinstance(world.ask(ETH, "long"), OrderApproved)


def test_a_late_copy_of_a_finished_order_does_not_come_back_to_life() -> None:
    world = World().open()
    approved = world.ask(ETH, "long")
    opened = world.order(approved, OrderState.OPEN)
    world.tell(opened, world.order(approved, OrderState.REJECTED))
    world.tell(opened)
    assert isinstance(world.ask(ETH, "long"), OrderApproved)


def test_what_has_no_price_cannot_be_counted_so_nothing_is_added() -> None:
    world = World(symbols=(BTC,)).open()
    stranger = world.position(ETH, "3", entry_price=D(0))
    world.tell(stranger)
    assert _refusal(world.ask(BTC, "long", strength=1.0)) is RefusalReason.EXPOSURE_LIMIT


def test_an_account_that_differs_from_the_ledger_takes_no_new_risk() -> None:
    world = World().open()
    world.tell(world.reconciled("10000", differences=("BTC-USDT-PERP: venue 1, ledger 0",)))
    refused = world.ask(BTC, "long")
    assert _refusal(refused) is RefusalReason.NOT_READY
    assert "venue 1, ledger 0" in refused.detail
    world.tell(world.reconciled("10000"))
    assert isinstance(world.ask(BTC, "long"), OrderApproved)


@pytest.mark.parametrize("state", ["syncing", "stale", "down"])
def test_a_feed_that_is_not_live_brings_no_orders(state: str) -> None:
    world = World().open()
    world.tell(world.feed(BTC, state))  # type: ignore[arg-type]
    refused = world.ask(BTC, "long")
    assert (_refusal(refused), refused.detail) == (RefusalReason.FEED_NOT_LIVE, f"feed is {state}")
    world.tell(world.feed(BTC), world.quote(BTC))
    assert "no book since" in world.ask(BTC, "long").detail
    world.tell(world.book(BTC))
    assert isinstance(world.ask(BTC, "long"), OrderApproved)


def test_old_prices_are_no_prices() -> None:
    world = World().open()
    world.now += 6 * SECOND
    world.tell(world.quote(ETH), world.book(ETH))
    refused = world.ask(BTC, "long")
    assert (_refusal(refused), refused.detail) == (RefusalReason.FEED_NOT_LIVE, "quote is 6000 ms old, limit 5000 ms")


@pytest.mark.parametrize("mid", [float("nan"), float("inf"), 0.0, -1.0])
def test_a_quote_that_is_no_price_takes_the_market_away(mid: float) -> None:
    world = World().open()
    world.tell(world.position(BTC, "0.01"), world.quote(BTC, mid))
    assert _refusal(world.ask(BTC, "long", price=60_000.0)) is RefusalReason.FEED_NOT_LIVE
    world.wait()
    assert world.exposures()[-1].gross_exposure == 600, "what is held keeps its last good price"


def test_a_crossed_quote_takes_the_market_away() -> None:
    world = World().open()
    world.tell(world.quote(BTC, spread_bps=-1.0))
    assert _refusal(world.ask(BTC, "long")) is RefusalReason.FEED_NOT_LIVE


def test_a_book_of_figures_that_are_none_is_refused() -> None:
    world = World().open()
    world.tell(world.book(BTC, quantity=float("nan")))
    assert _refusal(world.ask(BTC, "long")) is RefusalReason.FEED_NOT_LIVE


def _refusal(answer: object) -> RefusalReason:
    assert isinstance(answer, OrderRefused), f"expected a refusal, found {answer}"
    assert answer.detail
    return answer.reason
