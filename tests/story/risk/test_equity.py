"""What an account is worth from one event to the next, and the falls that halt it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from seawall_proto import (
    OrderRefused,
    PositionSnapshot,
    RefusalReason,
)
from seawall_risk.facts import PersistHalt
from seawall_runtime.config import RiskConfig
from seawall_runtime.service import TimerElapsed
from tests.worlds.risk_world import BTC, ETH, MIDNIGHT, SECOND, VENUE, World

D = Decimal


@pytest.mark.parametrize("equity", ["0", "-25"])
def test_without_equity_nothing_is_approved_and_nothing_divides_by_it(equity: str) -> None:
    world = World().open(equity)
    refused = world.ask(BTC, "long")
    assert _refusal(refused) is RefusalReason.NO_EQUITY
    assert refused.detail.startswith("equity")
    assert [said.drawdown_bps for said in world.exposures()] == [0]


def test_an_account_that_was_never_reconciled_has_no_equity() -> None:
    world = World()
    world.open()
    world.portfolio.accounts[VENUE].cash = None
    assert "not been reconciled" in world.ask(BTC, "long").detail


def test_a_fall_from_the_peak_halts_everything_until_somebody_resumes() -> None:
    world = World(RiskConfig(max_drawdown=0.15, max_daily_loss=1.0)).open("10000")
    world.tell(world.reconciled("8500"))
    refused = world.ask(BTC, "long")
    assert _refusal(refused) is RefusalReason.DRAWDOWN_LIMIT
    assert "1500.00 below its peak 10000.00, limit 1500.00" in refused.detail
    world.wait()
    (halted,) = world.halts()
    assert (halted.scope, halted.actor) == ("global", "risk")
    assert halted.reason.startswith("drawdown_limit of binance-usdm/paper: equity 8500.00")
    assert PersistHalt(fact=halted) in world.said
    world.tell(world.reconciled("9999"))
    world.wait()
    assert _refusal(world.ask(BTC, "long")) is RefusalReason.HALTED, "a halt is sticky"
    assert len(world.halts()) == 1, "and said once"


def test_a_loss_within_one_day_halts_and_midnight_utc_begins_a_new_one() -> None:
    world = World(RiskConfig(max_daily_loss=0.05)).open("10000")
    world.now = MIDNIGHT + 86_400 * SECOND - 10 * SECOND
    world.tell(world.reconciled("9600"))
    world.wait(1)
    assert not world.halts()
    world.wait(20)
    world.tell(world.reconciled("9200"))  # 400 today, 800 in all
    world.wait(1)
    assert not world.halts()
    world.tell(world.reconciled("9120"))
    world.wait(1)
    assert world.halts()[0].reason.startswith("daily_loss_limit")
    assert "lost 480.00 of 9600.00 since midnight UTC, limit 480.00" in world.halts()[0].reason


def test_profit_that_is_not_taken_counts_in_equity_and_in_the_peak() -> None:
    world = World().open("10000")
    world.tell(world.position(BTC, "0.1"))
    world.tell(world.quote(BTC, 61_000.0))
    world.wait()
    last = world.exposures()[-1]
    assert (last.equity, last.peak_equity, last.gross_exposure) == (10_100, 10_100, 6_100)
    world.tell(world.quote(BTC, 60_500.0))
    world.wait()
    last = world.exposures()[-1]
    assert (last.equity, last.peak_equity, last.drawdown_bps) == (10_050, 10_100, 49)
    assert (last.daily_pnl, last.exposure_limit) == (50, 5_025)


def test_taking_a_profit_does_not_count_it_twice_in_between() -> None:
    world = World().open("10000")
    world.tell(world.position(BTC, "0.1"))
    world.tell(world.quote(BTC, 61_000.0))
    world.now += 1_000_000
    fill = world.fill(BTC, "0.1", realised="100", fee="3")
    world.tell(fill, fill)
    world.tell(TimerElapsed(**world.head()))
    assert world.exposures()[-1].peak_equity == 10_100, "the position still shows the profit"
    world.tell(world.position(BTC, "0"))
    world.wait()
    assert world.exposures()[-1].equity == 10_097
    world.tell(world.reconciled("10096.5"))
    world.wait()
    assert world.exposures()[-1].equity == D("10096.5"), "the venue has the last word"


def test_a_fee_in_another_coin_waits_for_the_venue_to_value_it() -> None:
    world = World().open("10000")
    world.tell(world.position(BTC, "0"))
    world.tell(world.fill(BTC, "0.1", realised="10", fee="0.005", fee_asset="BNB"))
    world.wait(3)
    assert world.exposures()[-1].equity == 10_010


def test_the_venues_mark_values_what_no_quote_was_seen_for() -> None:
    world = World(symbols=(BTC,)).open()
    held = PositionSnapshot(symbol=ETH, quantity=D(1), entry_price=D(2_500), mark_price=D(2_600), unrealised_pnl=D(100))
    world.tell(world.position(ETH, "1"), world.reconciled("10100", [held]))
    world.wait()
    assert (world.exposures()[-1].equity, world.exposures()[-1].gross_exposure) == (10_100, 2_600)


def test_figures_are_told_once_a_second_at_most_and_only_when_they_changed() -> None:
    world = World().open()
    before = len(world.exposures())
    for _ in range(5):
        world.wait(1)
    assert len(world.exposures()) == before
    world.tell(world.position(BTC, "0.1"))
    world.wait(1)
    assert len(world.exposures()) == before + 1


def _refusal(answer: object) -> RefusalReason:
    assert isinstance(answer, OrderRefused), f"expected a refusal, found {answer}"
    assert answer.detail
    return answer.reason
