"""What fills do to a position, against money counted by hand and by a second way of counting."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall_execution.positions import Holding, book, holding_of

D = Decimal
FILL = st.tuples(
    st.sampled_from(["buy", "sell"]),
    st.decimals(min_value="0.01", max_value="99999", places=2),
    st.decimals(min_value="0.001", max_value="50", places=3),
)


def after(*fills: tuple[str, str, str]) -> Holding:
    holding = Holding()
    for side, price, quantity in fills:
        holding = book(holding, side, D(price), D(quantity))  # type: ignore[arg-type]
    return holding


@pytest.mark.parametrize(
    ("fills", "quantity", "entry", "realised"),
    [
        ([("buy", "100", "1")], "1", "100", "0"),
        ([("buy", "100", "1"), ("buy", "110", "1")], "2", "105", "0"),
        ([("buy", "100", "2"), ("sell", "110", "1")], "1", "100", "10"),
        ([("buy", "100", "1"), ("sell", "90", "1")], "0", "0", "-10"),
        ([("sell", "100", "1"), ("buy", "90", "1")], "0", "0", "10"),
        ([("sell", "100", "1"), ("sell", "120", "1"), ("buy", "130", "1")], "-1", "110", "-20"),
        ([("buy", "100", "1"), ("sell", "110", "3")], "-2", "110", "10"),
        ([("sell", "100", "2"), ("buy", "90", "5")], "3", "90", "20"),
    ],
)
def test_adding_averages_reducing_realises_and_a_flip_starts_afresh(
    fills: list[tuple[str, str, str]], quantity: str, entry: str, realised: str
) -> None:
    holding = after(*fills)
    assert (holding.quantity, holding.entry_price, holding.realised_pnl) == (D(quantity), D(entry), D(realised))


def test_thirds_lose_nothing_when_the_position_closes() -> None:
    holding = after(("buy", "100", "1"), ("buy", "101", "2"), ("sell", "105", "0.7"), ("sell", "105", "2.3"))
    assert holding == Holding(D("0.0"), D(0), holding.realised_pnl)
    assert abs(holding.realised_pnl - (D(315) - D(302))) < D("1e-40")


@given(st.lists(FILL, max_size=30))
def test_money_is_conserved_through_any_fills(fills: list[tuple[str, Decimal, Decimal]]) -> None:
    holding, cash, quantity = Holding(), D(0), D(0)
    for side, price, size in fills:
        holding = book(holding, side, price, size)  # type: ignore[arg-type]
        signed = size if side == "buy" else -size
        cash -= signed * price  # a few digits each: exact
        quantity += signed
    assert holding.quantity == quantity
    with localcontext(Context(prec=80)):
        # what was paid is what is held at cost, less what was gained
        assert abs(cash + holding.cost - holding.realised_pnl) < D("1e-40")
    assert holding.entry_price >= 0


@given(FILL)
def test_a_stored_position_is_the_same_holding(fill: tuple[str, Decimal, Decimal]) -> None:
    side, price, size = fill
    held = book(Holding(), side, price, size)  # type: ignore[arg-type]
    assert holding_of(held.quantity, held.entry_price, held.realised_pnl) == held
