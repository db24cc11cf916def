"""Positions, profit, margin, funding, liquidation."""

from __future__ import annotations

from decimal import Decimal

import pytest

from seawall_sim.engine import FUNDING_INTERVAL_NS, Refusal, Refused
from tests.unit.sim_engine.driver import BTC, Driver


def test_profit_is_realised_by_what_is_closed():
    venue = Driver()
    venue.buy("0.5")  # at 60 000.1
    sold = venue.sell("0.2")  # at 60 000.0
    assert venue.fills(sold)[0].realised_pnl == Decimal("-0.02000000")
    assert venue.exchange.store.position(BTC).entry_price == Decimal("60000.1")


def test_position_turned_over_starts_at_the_new_price():
    venue = Driver()
    venue.buy("0.5")
    venue.sell("0.8")
    position = venue.exchange.store.position(BTC)
    assert (position.quantity, position.entry_price) == (Decimal("-0.3"), Decimal("60000.0"))


def test_break_even_price_has_paid_for_the_fees():
    venue = Driver()
    venue.buy("0.5")
    position = venue.exchange.store.position(BTC)
    assert position.break_even_price == Decimal("60000.1") * Decimal("1.0005")


def test_reduce_only_order_needs_something_to_reduce():
    venue = Driver()
    for reduce in (venue.sell, venue.buy):
        with pytest.raises(Refused) as refused:
            reduce("0.1", reduce_only=True)
        assert refused.value.refusal is Refusal.REDUCE_ONLY
    venue.buy("0.1")
    with pytest.raises(Refused) as refused:
        venue.buy("0.1", reduce_only=True)
    assert refused.value.refusal is Refusal.REDUCE_ONLY


def test_reduce_only_order_is_trimmed_to_the_position():
    venue = Driver()
    venue.buy("0.3")
    order = venue.sell("0.5", reduce_only=True)
    assert (order.status, order.executed, venue.held) == ("FILLED", Decimal("0.3"), 0)


def test_resting_reduce_only_orders_shrink_and_end_with_the_position():
    venue = Driver()
    venue.buy("0.3")
    resting = venue.sell("0.3", "60010.0", reduce_only=True)
    venue.sell("0.1")
    assert venue.look(resting).quantity == Decimal("0.2")
    venue.sell("0.2")
    assert venue.look(resting).status == "EXPIRED"


def test_reduce_only_order_cannot_be_amended_beyond_the_position():
    venue = Driver()
    venue.buy("0.3")
    resting = venue.sell("0.2", "60010.0", reduce_only=True)
    amended, _events = venue.exchange.amend(venue.now_ns, resting, "SELL", Decimal("0.9"), Decimal("60000.0"))
    assert amended.quantity == Decimal("0.3")
    assert venue.held == 0


def test_two_reduce_only_orders_never_close_more_than_there_is():
    venue = Driver()
    venue.buy("0.3")
    venue.sell("0.3", "60010.0", reduce_only=True)
    venue.sell("0.3", "60011.0", reduce_only=True)
    venue.trade("60100.0", "50", seller_aggressive=False)
    assert venue.held == 0
    assert not venue.exchange.store.open_orders()


def test_margin_bounds_what_can_be_opened_and_not_what_is_closed():
    venue = Driver(funds="1600")
    venue.buy("0.5")  # 30 000 at 20x ties up 1 500
    with pytest.raises(Refused) as refused:
        venue.buy("0.1")
    assert refused.value.refusal is Refusal.MARGIN_INSUFFICIENT
    assert venue.sell("0.5").status == "FILLED"


def test_open_orders_tie_up_margin():
    venue = Driver(funds="1600")
    venue.buy("0.5", "59000.0")
    assert venue.exchange.margin_summary().order_margin == Decimal("1475")
    with pytest.raises(Refused):
        venue.buy("0.1", "59000.0")


def test_leverage_changes_what_is_tied_up():
    venue = Driver()
    venue.buy("0.5")
    venue.mark("60000")
    venue.exchange.set_leverage(venue.now_ns, BTC, 10)
    assert venue.exchange.margin_summary().position_margin == Decimal(3000)
    for wrong in (0, 126):
        with pytest.raises(Refused) as refused:
            venue.exchange.set_leverage(venue.now_ns, BTC, wrong)
        assert refused.value.refusal is Refusal.LEVERAGE_INVALID


def test_leverage_cannot_be_lowered_below_what_the_funds_bear():
    venue = Driver(funds="1600")
    venue.buy("0.5")
    with pytest.raises(Refused) as refused:
        venue.exchange.set_leverage(venue.now_ns, BTC, 10)
    assert refused.value.refusal is Refusal.LEVERAGE_TOO_LOW


def test_high_leverage_allows_only_small_positions():
    venue = Driver(funds="1000000")
    venue.exchange.set_leverage(venue.now_ns, BTC, 125)
    with pytest.raises(Refused) as refused:
        venue.buy("6", "60000.0")
    assert refused.value.refusal is Refusal.POSITION_LIMIT


def test_funding_is_paid_once_by_longs_when_its_hour_passes():
    venue = Driver()
    venue.buy("0.5")
    venue.mark("60000", "0.0001")
    before = venue.wallet
    venue.now_ns = (venue.now_ns // FUNDING_INTERVAL_NS + 1) * FUNDING_INTERVAL_NS
    venue.said()
    venue.mark("60000", "0.0001")
    venue.mark("60000", "0.0001")
    assert venue.wallet - before == Decimal("-3.00000000")
    assert venue.said() == ["account FUNDING_FEE"]


def test_shorts_receive_funding():
    venue = Driver()
    venue.sell("0.5")
    venue.mark("60000", "0.0001")
    before = venue.wallet
    venue.now_ns = (venue.now_ns // FUNDING_INTERVAL_NS + 1) * FUNDING_INTERVAL_NS
    venue.mark("60000", "0.0001")
    assert venue.wallet - before == Decimal("3.00000000")


def test_position_is_liquidated_when_maintenance_margin_is_gone():
    venue = Driver(funds="1600")
    venue.buy("0.5")
    (margin, _eth) = venue.exchange.margin_summary().positions
    price = margin.liquidation_price
    venue.book(bids=[("56940.0", "5")], asks=[("57000.0", "5")])
    venue.mark(str(price.quantize(Decimal("0.1")) + 1))
    assert venue.held == Decimal("0.5")
    venue.said()
    venue.mark(str(price.quantize(Decimal("0.1")) - 1))
    assert venue.held == 0
    (forced,) = venue.exchange.queries.forced_orders(BTC, 10)
    assert forced.client_order_id.startswith("autoclose-")
    assert "order CALCULATED FILLED" in venue.said()
    assert 0 <= venue.wallet < 1600


def test_insurance_fund_covers_what_the_book_cannot():
    venue = Driver(funds="1600")
    venue.buy("0.5")
    venue.book(bids=[("40000.0", "5")], asks=[("41000.0", "5")])
    venue.mark("50000")
    assert venue.held == 0
    assert venue.wallet == 0
    assert venue.exchange.queries.incomes(None, "INSURANCE_CLEAR", start_ns=None, end_ns=None, limit=9)


def test_margin_call_comes_before_liquidation_and_once():
    venue = Driver(funds="1600")
    venue.buy("0.5")
    venue.said()
    for price in ("57300", "57100", "57099"):
        venue.mark(price)
    assert venue.said() == ["MarginCalled"]


def test_isolated_position_loses_only_its_own_margin():
    venue = Driver(funds="10000")
    venue.exchange.set_margin_type(venue.now_ns, BTC, "isolated")
    venue.buy("0.5")
    assert venue.exchange.store.position(BTC).isolated_wallet == Decimal("1500.00250000")
    venue.book(bids=[("40000.0", "5")], asks=[("41000.0", "5")])
    venue.mark("57000")
    assert venue.held == 0
    assert Decimal(8400) < venue.wallet < Decimal(8500)  # ten thousand less the margin and the fees


def test_isolated_margin_is_given_back_with_what_is_closed():
    venue = Driver()
    venue.exchange.set_margin_type(venue.now_ns, BTC, "isolated")
    venue.buy("0.5")
    venue.sell("0.25")
    assert venue.exchange.store.position(BTC).isolated_wallet == Decimal("750.00125000")
    venue.sell("0.25")
    assert venue.exchange.store.position(BTC).isolated_wallet == 0


def test_isolated_margin_can_be_added_and_only_the_surplus_taken_out():
    venue = Driver()
    venue.exchange.set_margin_type(venue.now_ns, BTC, "isolated")
    venue.buy("0.5")
    venue.mark("60000.1")
    venue.exchange.move_isolated_margin(venue.now_ns, BTC, Decimal(100))
    assert venue.exchange.store.position(BTC).isolated_wallet == Decimal("1600.00250000")
    with pytest.raises(Refused) as refused:
        venue.exchange.move_isolated_margin(venue.now_ns, BTC, Decimal(-101))
    assert refused.value.refusal is Refusal.MARGIN_INSUFFICIENT


def test_margin_type_changes_only_while_nothing_is_open():
    venue = Driver()
    with pytest.raises(Refused) as refused:
        venue.exchange.set_margin_type(venue.now_ns, BTC, "cross")
    assert refused.value.refusal is Refusal.MARGIN_TYPE_SAME
    order = venue.buy("0.1", "59000.0")
    with pytest.raises(Refused) as refused:
        venue.exchange.set_margin_type(venue.now_ns, BTC, "isolated")
    assert refused.value.refusal is Refusal.MARGIN_TYPE_ORDERS
    venue.exchange.cancel(venue.now_ns, order)
    venue.buy("0.1")
    with pytest.raises(Refused) as refused:
        venue.exchange.set_margin_type(venue.now_ns, BTC, "isolated")
    assert refused.value.refusal is Refusal.MARGIN_TYPE_POSITION
