"""What momentum makes of features: votes, entries, exits, and what it keeps quiet about."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seawall_proto import FeaturesComputed, OrderRefused, PositionChanged, RefusalReason, SignalRaised
from seawall_strategies import Market
from seawall_strategies.momentum import STRATEGY, MomentumOptions, MomentumState, contributions_of, votes_of

VENUE, SYMBOL = "binance-usdm", "BTC-USDT-PERP"
SECOND = 1_000_000_000
QUIET: dict[str, float | None] = {
    "momentum_10": 0.0,
    "volatility_15": 0.0001,
    "rsi_7": 50.0,
    "rsi_14": 50.0,
    "book_imbalance_5": 0.0,
    "trade_flow_imbalance": 0.0,
    "spread_bps": 0.1,
}
UP = {
    **QUIET,
    "momentum_10": 0.001,
    "rsi_7": 80.0,
    "rsi_14": 70.0,
    "book_imbalance_5": 0.4,
    "trade_flow_imbalance": 0.3,
}
DOWN = {
    **QUIET,
    "momentum_10": -0.001,
    "rsi_7": 20.0,
    "rsi_14": 30.0,
    "book_imbalance_5": -0.4,
    "trade_flow_imbalance": -0.3,
}


class Trader:
    """One market's momentum, fed bar by bar."""

    def __init__(self, options: MomentumOptions | None = None) -> None:
        self.options = options or MomentumOptions()
        self.state: MomentumState = STRATEGY.initial(self.options, Market(VENUE, SYMBOL))
        self.bars = 0
        self.sequence = 0

    def bar(self, values: dict[str, float | None], **changes: Any) -> SignalRaised | None:
        """Close a bar with these features and return the signal, if any."""
        self.bars += 1
        fields: dict[str, Any] = {"close": 60_000.0, "values": values, **changes}
        event = FeaturesComputed(
            id=f"bar-{self.bars}",
            ts_received_ns=self.bars * SECOND,
            venue=VENUE,
            symbol=SYMBOL,
            ts_venue_ns=self.bars * SECOND,
            interval_ns=SECOND,
            ts_bar_close_ns=self.bars * SECOND,
            version="1",
            **fields,
        )
        self.state, raised = STRATEGY.decide(self.state, event)
        assert len(raised) <= 1
        return raised[0] if raised else None

    def bars_of(self, values: dict[str, float | None], number: int) -> list[str]:
        """Close several like bars and return the directions raised, '-' for silence."""
        return [signal.direction if (signal := self.bar(values)) else "-" for _ in range(number)]

    def position(self, quantity: str) -> None:
        self.sequence += 1
        event = PositionChanged(
            venue=VENUE,
            account="paper",
            symbol=SYMBOL,
            quantity=Decimal(quantity),
            entry_price=Decimal(1),
            realised_pnl=Decimal(0),
            sequence=self.sequence,
        )
        self.state, raised = STRATEGY.decide(self.state, event)
        assert not raised

    def refused(self, reason: RefusalReason, bar: int | None = None) -> None:
        event = OrderRefused(
            ts_received_ns=(bar or self.bars) * SECOND,
            venue=VENUE,
            account="paper",
            symbol=SYMBOL,
            strategy="momentum",
            signal_id="",
            reason=reason,
        )
        self.state, raised = STRATEGY.decide(self.state, event)
        assert not raised

    def long(self) -> Trader:
        """A trader whose entry was filled."""
        signal = self.bar(UP)
        assert signal is not None
        self.position("0.01")
        return self


def test_a_confirmed_trend_is_followed_up_and_down() -> None:
    up, down = Trader().bar(UP), Trader().bar(DOWN)
    assert up is not None
    assert down is not None
    assert (up.direction, down.direction) == ("long", "short")
    assert up.strength == pytest.approx(down.strength)
    assert 0.45 <= up.strength <= 1.0


def test_a_signal_says_what_it_is_made_of_and_how_long_it_holds() -> None:
    signal = Trader().bar(UP)
    assert signal is not None
    assert set(signal.contributions) == {"trend", "rsi", "book", "flow"}
    assert sum(signal.contributions.values()) == pytest.approx(signal.strength)
    assert (signal.strategy, signal.venue, signal.symbol, signal.price) == ("momentum", VENUE, SYMBOL, 60_000.0)
    assert signal.horizon_ns == 30 * SECOND
    assert signal.expires_at_ns == signal.ts_received_ns + 2 * SECOND


def test_the_trend_is_measured_in_units_of_its_noise() -> None:
    votes = votes_of({**QUIET, "momentum_10": 0.001, "volatility_15": 0.0005})
    assert votes is not None
    assert votes.trend == pytest.approx(math.tanh(0.001 / (0.0005 * math.sqrt(10)) / 2))


def test_a_market_that_does_not_move_has_no_trend() -> None:
    votes = votes_of({**QUIET, "volatility_15": 0.0})
    assert votes is not None
    assert votes.trend == 0.0


@example({"rsi_7": 1.7e308, "rsi_14": 1.7e308})
@given(st.dictionaries(st.sampled_from(sorted(QUIET)), st.none() | st.floats(), max_size=len(QUIET)))
def test_no_features_whatever_make_a_score_that_is_no_number(values: dict[str, float | None]) -> None:
    votes = votes_of({**UP, **values})
    if votes is not None:
        assert all(math.isfinite(part) for part in contributions_of(MomentumOptions(), votes).values())
    signal = Trader().bar({**UP, **values})
    assert signal is None or 0.0 <= signal.strength <= 1.0


@pytest.mark.parametrize("name", [name for name in QUIET if name != "spread_bps"])
def test_nothing_is_raised_while_an_input_warms_up(name: str) -> None:
    assert Trader().bar({**UP, name: None}) is None
    assert Trader().bar({key: value for key, value in UP.items() if key != name}) is None


@pytest.mark.parametrize("leaning", ["book_imbalance_5", "trade_flow_imbalance"])
def test_a_breakout_that_book_or_flow_lean_against_is_a_false_one(leaning: str) -> None:
    strong = {**UP, "momentum_10": 0.01, "rsi_7": 95.0, "rsi_14": 95.0}
    assert Trader().bar({**strong, leaning: -0.34}) is not None
    assert Trader().bar({**strong, leaning: -0.35}) is None


@pytest.mark.parametrize("spread_bps", [None, 10.1, -0.1, float("nan")])
def test_a_wide_or_unknown_spread_keeps_it_out(spread_bps: float | None) -> None:
    assert Trader().bar({**UP, "spread_bps": spread_bps}) is None


def test_moves_too_small_to_pay_their_fees_can_be_left_alone() -> None:
    assert Trader(MomentumOptions(min_move_bps=10.1)).bar(UP) is None
    assert Trader(MomentumOptions(min_move_bps=9.9)).bar(UP) is not None


def test_a_wish_is_said_once_and_not_at_every_bar() -> None:
    trader = Trader().long()
    assert trader.bars_of(UP, 20) == ["-"] * 20


def test_it_leaves_when_the_trend_fades_but_not_before_the_minimum_holding() -> None:
    assert Trader().long().bars_of(QUIET, 6) == ["-", "-", "-", "-", "flat", "-"]


def test_it_leaves_at_once_when_the_trend_turns() -> None:
    assert Trader().long().bars_of(DOWN, 1) == ["flat"]


def test_it_leaves_when_it_can_no_longer_see() -> None:
    assert Trader().long().bars_of({**UP, "rsi_7": None}, 5)[-1] == "flat"


def test_it_never_holds_for_ever() -> None:
    assert Trader(MomentumOptions(max_holding_bars=8)).long().bars_of(UP, 8) == ["-"] * 7 + ["flat"]


def test_after_leaving_it_pauses_and_only_then_goes_the_other_way() -> None:
    trader = Trader().long()
    assert trader.bars_of(DOWN, 1) == ["flat"]
    trader.position("0")
    assert trader.bars_of(DOWN, 4) == ["-", "-", "-", "short"]


def test_it_does_not_enter_again_before_it_knows_that_it_is_out() -> None:
    trader = Trader(MomentumOptions(retry_bars=100)).long()
    assert trader.bars_of(DOWN, 1) == ["flat"]
    assert trader.bars_of(DOWN, 30) == ["-"] * 30
    trader.position("0")
    assert trader.bars_of(DOWN, 1) == ["short"]


def test_an_entry_that_nobody_answers_is_raised_again_a_bounded_number_of_times() -> None:
    trader = Trader()
    said = trader.bars_of(UP, 30)
    assert [bar for bar, direction in enumerate(said) if direction != "-"] == [0, 5, 10, 15, 20, 25]
    assert [direction for direction in said if direction != "-"] == ["long", "long", "long", "flat", "flat", "flat"]


def test_getting_out_is_raised_until_it_is_done() -> None:
    trader = Trader().long()
    assert trader.bars_of(DOWN, 1) == ["flat"]
    assert trader.bars_of(DOWN, 50).count("flat") == 10
    trader.position("0")
    assert "flat" not in trader.bars_of(QUIET, 20)


def test_a_refusal_is_tried_again_after_a_while_as_long_as_the_trend_holds() -> None:
    trader = Trader()
    assert trader.bar(UP) is not None
    trader.refused(RefusalReason.HALTED)
    assert trader.bars_of(UP, 5) == ["-", "-", "-", "-", "long"]


def test_a_refusal_that_says_it_is_there_already_is_taken_as_done() -> None:
    trader = Trader()
    assert trader.bar(UP) is not None
    trader.refused(RefusalReason.ALREADY_POSITIONED)
    assert trader.bars_of(UP, 20) == ["-"] * 20
    assert trader.bars_of(DOWN, 1) == ["flat"]
    trader.refused(RefusalReason.NOTHING_TO_CLOSE)
    assert trader.bars_of(DOWN, 4)[-1] == "short"


def test_a_late_answer_to_an_earlier_wish_says_nothing() -> None:
    trader = Trader()
    assert trader.bars_of(UP, 6)[0::5] == ["long", "long"]
    trader.refused(RefusalReason.ALREADY_POSITIONED, bar=1)
    assert trader.bars_of(UP, 5)[-1] == "long"


def test_a_position_closed_by_its_stop_is_not_wished_back_at_once() -> None:
    trader = Trader().long()
    trader.position("0")
    assert trader.bars_of(UP, 4) == ["-", "-", "-", "long"]


def test_a_position_found_after_a_restart_is_taken_over_and_closed_in_its_time() -> None:
    trader = Trader()
    trader.position("-0.02")
    assert trader.bars_of(UP, 1) == ["flat"]
    trader.position("0")
    assert trader.bars_of(UP, 4)[-1] == "long"


def test_a_late_zero_from_the_exit_before_does_not_undo_a_new_wish() -> None:
    trader = Trader()
    assert trader.bar(UP) is not None
    trader.position("0")
    trader.position("0.01")
    assert trader.bars_of(UP, 10) == ["-"] * 10
