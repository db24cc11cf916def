"""After a restart: nothing is approved before the ledger was read and every old approval has lapsed."""

from __future__ import annotations

from decimal import Decimal

from seawall_proto import (
    ExposureChanged,
    HaltRequested,
    OrderApproved,
    OrderRefused,
    OrderState,
    RefusalReason,
    TradingHalted,
    TradingResumed,
)
from seawall_risk.facts import HaltsRead, LedgerRead
from seawall_runtime.config import RiskConfig
from tests.worlds.risk_world import ACCOUNT, BTC, ETH, MIDNIGHT, SECOND, VENUE, World

D = Decimal
DAY = 86_400 * SECOND


def restarted(before: World, **ledger: object) -> World:
    """A risk service without memory, at the same moment, that has just read the ledger."""
    world = World(before.limits)
    world.now = before.now
    world.tell(LedgerRead(**world.head(), **ledger))  # type: ignore[arg-type]
    for symbol in world.symbols:
        world.tell(world.listed(symbol), world.feed(symbol), world.quote(symbol), world.book(symbol))
    return world


def test_nothing_is_approved_before_the_ledger_was_read() -> None:
    world = World()
    world.tell(world.reconciled("10000"))
    for symbol in world.symbols:
        world.tell(world.listed(symbol), world.feed(symbol), world.quote(symbol), world.book(symbol))
    world.wait(60)
    refused = world.ask(BTC, "long")
    assert _refusal(refused) is RefusalReason.NOT_READY
    assert "ledger has not been read" in refused.detail


def test_the_ledger_read_begins_one_approval_lifetime_of_waiting() -> None:
    world = restarted(World(), reconciled=(World().reconciled("10000"),))
    refused = world.ask(BTC, "long")
    assert _refusal(refused) is RefusalReason.NOT_READY
    assert "alive for 2000 ms more" in refused.detail
    world.wait(1.9)
    assert _refusal(world.ask(BTC, "long")) is RefusalReason.NOT_READY
    world.wait(0.1)
    assert isinstance(world.ask(BTC, "long"), OrderApproved)


def test_positions_and_orders_of_the_ledger_count_at_once() -> None:
    before = World(RiskConfig(max_exposure=0.15)).open()
    order = before.order(before.ask(ETH, "long", strength=1.0), OrderState.OPEN)
    world = restarted(
        before,
        reconciled=(before.reconciled("10000"),),
        positions=(before.position(BTC, "0.01"),),
        orders=(order,),
    )
    world.wait(2)
    assert world.ask(BTC, "flat").quantity == D("0.01")
    assert _refusal(world.ask(ETH, "long")) is RefusalReason.ORDER_IN_FLIGHT
    assert world.exposures()[-1].gross_exposure == 1_595  # 0.01 BTC at 60 000 and 0.398 ETH at 2 500


def test_an_unproven_order_of_the_time_before_still_blocks() -> None:
    before = World().open()
    order = before.order(before.ask(ETH, "long"), OrderState.UNKNOWN)
    world = restarted(before, reconciled=(before.reconciled("10000"),), orders=(order,))
    world.wait(2)
    assert _refusal(world.ask(BTC, "long")) is RefusalReason.UNKNOWN_ORDER


def test_late_copies_of_what_the_ledger_knows_better_change_nothing() -> None:
    before = World().open()
    older, newer = before.position(BTC, "0.01"), before.position(BTC, "0.02")
    stale = before.reconciled("1")
    before.now += SECOND
    world = restarted(before, reconciled=(before.reconciled("10000"),), positions=(newer,))
    world.tell(older, stale)
    world.wait(2)
    assert world.ask(BTC, "flat").quantity == D("0.02")


def test_a_halt_outlives_risk() -> None:
    before = World().open()
    (halted, _) = before.tell(HaltRequested(**before.head(), scope="global", actor="operator", reason="test"))
    assert isinstance(halted, TradingHalted)
    world = restarted(before, reconciled=(before.reconciled("10000"),), halts=(halted,))
    world.wait(2)
    assert _refusal(world.ask(BTC, "long")) is RefusalReason.HALTED


def test_of_several_copies_the_newest_version_counts_and_a_tie_is_a_halt() -> None:
    before = World().open()
    halted = TradingHalted(**before.head(), scope="global", version=4, actor="operator", reason="test")
    resumed = TradingResumed(**before.head(), scope="global", version=5, actor="operator", reason="test")
    again = TradingHalted(**before.head(), scope="global", version=5, actor="guardian", reason="tie")
    reconciled = (before.reconciled("10000"),)
    for halts, reason in (
        ((resumed, halted), None),
        ((resumed, again), RefusalReason.HALTED),
        ((again, resumed), RefusalReason.HALTED),
    ):
        world = restarted(before, reconciled=reconciled, halts=halts)
        world.wait(2)
        assert getattr(world.ask(BTC, "long"), "reason", None) is reason


def test_a_halt_that_only_the_ledger_knows_is_found_while_running() -> None:
    world = World().open()
    halted = TradingHalted(**world.head(), scope="global", version=3, actor="operator", reason="bus was down")
    world.tell(HaltsRead(**world.head(), halts=(halted,)))
    assert _refusal(world.ask(BTC, "long")) is RefusalReason.HALTED


def test_a_new_halt_is_newer_than_a_resume_that_was_forgotten() -> None:
    before = World().open()
    (first, _) = before.tell(HaltRequested(**before.head(), scope="global", actor="operator", reason="test"))
    assert isinstance(first, TradingHalted)
    before.now += SECOND
    world = restarted(before, reconciled=(before.reconciled("10000"),))  # the ledger lists only standing halts
    (second, _) = world.tell(HaltRequested(**world.head(), scope="global", actor="operator", reason="again"))
    assert isinstance(second, TradingHalted)
    assert second.version > first.version + 1


def test_the_peak_outlives_risk() -> None:
    before = World().open()
    last = _exposure(before, equity="11000", peak="12000", daily="100")
    world = restarted(before, reconciled=(before.reconciled("10500"),), exposures=(last,))
    world.wait(2)
    assert world.exposures()[-1].peak_equity == 12_000
    assert world.exposures()[-1].daily_pnl == -400, "10 900 at midnight"
    assert not world.halts()
    world.tell(world.reconciled("10200"))
    world.wait(1)
    assert "12000" in world.halts()[0].reason


def test_a_loss_while_risk_was_down_over_midnight_is_this_days_loss() -> None:
    before = World().open()
    before.now = MIDNIGHT - 3_600 * SECOND
    last = _exposure(before, equity="10000", peak="10000", daily="300")
    before.now = MIDNIGHT + 3_600 * SECOND
    world = restarted(before, reconciled=(before.reconciled("9400"),), exposures=(last,))
    world.wait(2)
    assert world.halts()[0].reason.startswith("daily_loss_limit")


def _exposure(world: World, *, equity: str, peak: str, daily: str) -> ExposureChanged:
    return ExposureChanged(
        **world.head(),
        venue=VENUE,
        account=ACCOUNT,
        equity=D(equity),
        peak_equity=D(peak),
        gross_exposure=D(0),
        exposure_limit=D(5_000),
        daily_pnl=D(daily),
        drawdown_bps=0,
    )


def _refusal(answer: object) -> RefusalReason:
    assert isinstance(answer, OrderRefused), f"expected a refusal, found {answer}"
    assert answer.detail
    return answer.reason
