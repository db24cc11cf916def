"""From a signal to an approved order, or to the reason why not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from seawall_proto import OrderApproved, OrderRefused, OrderState, RefusalReason
from seawall_runtime.config import RiskConfig
from tests.worlds.risk_world import ACCOUNT, BTC, ETH, SECOND, VENUE, World

D = Decimal


def test_strength_times_the_position_limit_is_bought_rounded_down_to_lots() -> None:
    world = World().open("10000")
    approved = world.ask(BTC, "long", strength=0.5)
    assert isinstance(approved, OrderApproved)
    # 0.5 x 10 % x 10 000 = 500 at the worst price of 60 300: 0.00829 -> 0.008
    assert (approved.side, approved.quantity) == ("buy", D("0.008"))
    assert approved.worst_price == D("60300.0")
    assert approved.reference_price == 60_000
    assert not approved.reduce_only


def test_an_approval_says_all_that_execution_must_hold_it_to() -> None:
    world = World().open()
    approved = world.ask(ETH, "short", strength=1.0)
    assert (approved.venue, approved.account, approved.symbol) == (VENUE, ACCOUNT, ETH)
    assert (approved.side, approved.order_type, approved.limit_price) == ("sell", "market", None)
    assert approved.quantity == D("0.400")  # 1 000 at 2 500: selling never costs more than the mid
    assert approved.worst_price == D("2487.50")
    assert approved.expires_at_ns == world.now + 2 * SECOND
    assert (approved.stop_distance_bps, approved.epoch, approved.strategy) == (300, 1, "momentum")
    assert approved.causes == (approved.signal_id,)
    assert approved.ts_received_ns == world.now
    assert len(approved.id) == 32


def test_the_same_signal_twice_has_one_intent_id() -> None:
    world, again = World().open(), World().open()
    assert world.ask(BTC, "long").id == again.ask(BTC, "long").id


def test_a_second_signal_while_an_order_is_under_way_is_refused() -> None:
    world = World().open()
    approved = world.ask(BTC, "long")
    assert _refusal(world.ask(BTC, "long")) is RefusalReason.ORDER_IN_FLIGHT
    world.tell(world.order(approved, OrderState.INTENDED))
    assert _refusal(world.ask(BTC, "long")) is RefusalReason.ORDER_IN_FLIGHT
    assert isinstance(world.ask(ETH, "long"), OrderApproved), "another symbol is another order"


def test_a_fill_that_is_not_in_the_position_yet_still_counts_as_under_way() -> None:
    world = World().open()
    approved = world.ask(BTC, "long")
    world.now += 1_000_000
    world.tell(world.order(approved, OrderState.FILLED))
    refused = world.ask(BTC, "long")
    assert _refusal(refused) is RefusalReason.ORDER_IN_FLIGHT
    assert "not in the position yet" in refused.detail
    world.tell(world.position(BTC, approved.quantity))
    assert _refusal(world.ask(BTC, "long")) is RefusalReason.ALREADY_POSITIONED


def test_fills_that_come_one_by_one_count_until_the_last_is_in_the_position() -> None:
    world = World().open()
    approved = world.ask(ETH, "long", strength=0.8)
    world.now += 1_000_000
    world.tell(world.order(approved, OrderState.FILLED))
    world.now += 1_000_000
    world.tell(world.position(ETH, "0.1"))
    refused = world.ask(ETH, "long")
    assert _refusal(refused) is RefusalReason.ORDER_IN_FLIGHT
    assert refused.detail == f"fill of {approved.quantity - D('0.1')} is not in the position yet"
    world.tell(world.position(ETH, approved.quantity))
    assert _refusal(world.ask(ETH, "long")) is RefusalReason.ALREADY_POSITIONED


def test_a_position_told_before_its_order_does_not_block_for_long() -> None:
    world = World().open()
    approved = world.ask(BTC, "long")
    position = world.position(BTC, approved.quantity)
    world.now += 1_000_000
    world.tell(position, world.order(approved, OrderState.FILLED))
    assert _refusal(world.ask(BTC, "long")) is RefusalReason.ORDER_IN_FLIGHT
    world.wait(2.1)
    assert _refusal(world.ask(BTC, "long")) is RefusalReason.ALREADY_POSITIONED


def test_more_strength_buys_up_to_the_new_target() -> None:
    world = World().open()
    world.fill_approved(world.ask(ETH, "long", strength=0.3))
    more = world.ask(ETH, "long", strength=0.9)
    assert isinstance(more, OrderApproved)
    held = world.portfolio.accounts[VENUE].markets[ETH].position
    assert (held + more.quantity) * 2_500 <= D("900")
    world.fill_approved(more)
    assert _refusal(world.ask(ETH, "long", strength=0.3)) is RefusalReason.ALREADY_POSITIONED


def test_a_position_at_its_limit_takes_no_more() -> None:
    world = World().open()
    world.tell(world.position(ETH, "0.401"))
    assert _refusal(world.ask(ETH, "long", strength=1.0)) is RefusalReason.POSITION_LIMIT


def test_flat_closes_exactly_what_is_held_and_can_only_reduce() -> None:
    world = World().open()
    world.tell(world.position(BTC, "-0.013"))
    approved = world.ask(BTC, "flat")
    assert (approved.side, approved.quantity, approved.reduce_only) == ("buy", D("0.013"), True)


def test_flat_with_nothing_held_has_nothing_to_close() -> None:
    assert _refusal(World().open().ask(BTC, "flat")) is RefusalReason.NOTHING_TO_CLOSE


def test_a_reversal_first_closes_and_opens_only_when_asked_again() -> None:
    world = World().open()
    world.tell(world.position(BTC, "0.010"))
    closing = world.ask(BTC, "short", strength=1.0)
    assert (closing.side, closing.quantity, closing.reduce_only) == ("sell", D("0.010"), True)
    world.fill_approved(closing)
    opening = world.ask(BTC, "short", strength=1.0)
    assert (opening.side, opening.reduce_only) == ("sell", False)


def test_a_close_larger_than_the_venue_takes_is_cut_to_its_largest_order() -> None:
    world = World().open()
    world.tell(world.listed(BTC, market_max_quantity=D("0.004")), world.position(BTC, "0.010"))
    assert world.ask(BTC, "flat").quantity == D("0.004")


def test_a_close_is_not_sent_twice_but_an_unproven_one_does_not_stand_in_its_way() -> None:
    world = World().open()
    world.tell(world.position(BTC, "0.010"))
    approved = world.ask(BTC, "flat")
    assert _refusal(world.ask(BTC, "flat")) is RefusalReason.ORDER_IN_FLIGHT
    world.tell(world.order(approved, OrderState.UNKNOWN))
    assert world.ask(BTC, "flat").reduce_only


@pytest.mark.parametrize("symbol", ["DOGE-USDT-PERP", "BTC-USDC-PERP"])
def test_an_instrument_outside_the_configuration_is_unknown(symbol: str) -> None:
    assert _refusal(World().open().ask(symbol, "long")) is RefusalReason.UNKNOWN_INSTRUMENT


def test_a_venue_outside_the_configuration_is_refused_too() -> None:
    refused = World().open().ask(BTC, "long", venue="elsewhere")
    assert (refused.reason, refused.account) == (RefusalReason.UNKNOWN_INSTRUMENT, "none")


def test_an_instrument_whose_rules_were_not_seen_is_unknown() -> None:
    world = World().open()
    world.tell(world.listed(BTC, lot_size=D(0)))
    assert _refusal(world.ask(BTC, "long")) is RefusalReason.UNKNOWN_INSTRUMENT


def test_a_late_signal_is_refused() -> None:
    world = World().open()
    signal = world.signal(BTC, "long")
    world.wait(2.0)
    (refused,) = world.tell(signal)
    assert _refusal(refused) is RefusalReason.EXPIRED
    assert refused.detail == "expired 0 ms ago"


@pytest.mark.parametrize(
    "broken",
    [
        {"strength": float("nan")},
        {"strength": 1.01},
        {"strength": -0.1},
        {"price": float("inf")},
        {"price": float("nan")},
        {"price": 0.0},
    ],
)
def test_a_signal_whose_figures_are_none_is_refused(broken: dict[str, float]) -> None:
    assert _refusal(World().open().ask(BTC, "long", **broken)) is RefusalReason.INVALID_SIGNAL


def test_a_wish_too_small_for_the_venue_is_refused_with_the_figures() -> None:
    refused = World().open().ask(BTC, "long", strength=0.1)
    assert _refusal(refused) is RefusalReason.BELOW_MINIMUM
    assert "target 100.00" in refused.detail
    assert "0.001 at 60000" in refused.detail


def test_no_strength_is_no_order() -> None:
    assert _refusal(World().open().ask(BTC, "long", strength=0.0)) is RefusalReason.BELOW_MINIMUM


def test_a_thin_book_cuts_the_order_to_a_tenth_of_its_depth() -> None:
    world = World().open()
    world.tell(world.book(BTC, quantity=0.002))  # 0.04 within reach: 0.004 may be taken
    assert world.ask(BTC, "long", strength=1.0).quantity == D("0.004")


def test_a_book_too_thin_for_the_smallest_order_is_refused() -> None:
    world = World().open()
    world.tell(world.book(BTC, quantity=0.0004))
    refused = world.ask(BTC, "long", strength=1.0)
    assert _refusal(refused) is RefusalReason.LIQUIDITY
    assert "0.1 of the depth within 1 % is 0.0008" in refused.detail


def test_an_order_that_would_walk_too_far_is_refused() -> None:
    world = World(RiskConfig(max_slippage_bps=2)).open()
    world.tell(world.book(ETH, quantity=0.5, step_bps=6))
    refused = world.ask(ETH, "long", strength=1.0)
    assert _refusal(refused) is RefusalReason.SLIPPAGE
    assert "bps from mid" in refused.detail


def test_a_market_that_ran_away_from_the_signal_is_not_chased() -> None:
    world = World().open()
    world.tell(world.quote(BTC, 60_400.0), world.book(BTC, 60_400.0))
    refused = world.ask(BTC, "long", price=60_000.0)
    assert _refusal(refused) is RefusalReason.SLIPPAGE
    assert "66.7 bps worse than the signal's 60000" in refused.detail
    assert isinstance(world.ask(BTC, "short", price=60_000.0), OrderApproved), "a better price is welcome"


def test_too_many_approvals_a_minute_are_braked_and_closing_is_not() -> None:
    world = World(RiskConfig(max_orders_per_minute=3, max_position=0.1)).open()
    for _ in range(3):
        world.fill_approved(world.ask(ETH, "long", strength=0.5))
        world.tell(world.position(ETH, "0"))
    assert _refusal(world.ask(BTC, "long")) is RefusalReason.ORDER_RATE
    world.tell(world.position(ETH, "0.2"))
    assert world.ask(ETH, "flat").reduce_only
    world.wait(61)
    assert isinstance(world.ask(BTC, "long"), OrderApproved)


def _refusal(answer: object) -> RefusalReason:
    assert isinstance(answer, OrderRefused), f"expected a refusal, found {answer}"
    assert answer.detail
    return answer.reason
