"""Trading rules: what they round to, and that the leverage ladder has no step in its margin."""

from __future__ import annotations

from decimal import Decimal

import pytest

from seawall_sim.instruments import DEFAULT_RULES, UnlistedSymbolError, rules_for


@pytest.mark.parametrize("rules", DEFAULT_RULES.values(), ids=lambda rules: rules.symbol)
def test_maintenance_margin_has_no_step_between_brackets(rules):
    for lower, upper in zip(rules.brackets, rules.brackets[1:], strict=False):
        edge = lower.notional_cap
        assert upper.notional_floor == edge
        assert edge * lower.maintenance_ratio - lower.deduction == edge * upper.maintenance_ratio - upper.deduction


@pytest.mark.parametrize("rules", DEFAULT_RULES.values(), ids=lambda rules: rules.symbol)
def test_initial_margin_always_exceeds_maintenance_margin(rules):
    for bracket in rules.brackets:
        assert Decimal(1) / bracket.max_leverage > bracket.maintenance_ratio


def test_prices_and_quantities_round_down_to_their_steps():
    rules = DEFAULT_RULES["BTCUSDT"]
    assert rules.floor_price(Decimal("60000.19")) == Decimal("60000.1")
    assert rules.floor_quantity(Decimal("0.0019")) == Decimal("0.001")
    assert rules.price_text(Decimal("60000.1")) == "60000.10"


def test_unlisted_symbol_is_refused_by_name():
    with pytest.raises(UnlistedSymbolError, match=r"'NOPEUSDT'.*BTCUSDT"):
        rules_for(["BTCUSDT", "NOPEUSDT"])
