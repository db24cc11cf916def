"""What stops new risk: exposure, unproven orders, equity, drawdown, daily loss, feeds and halts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from seawall_proto import (
    AlertRaised,
    HaltRequested,
    OrderApproved,
    OrderRefused,
    OrderState,
    PositionSnapshot,
    RefusalReason,
    TradingHalted,
    TradingResumed,
)
from seawall_risk.facts import PersistHalt
from seawall_runtime.config import RiskConfig
from seawall_runtime.service import TimerElapsed
from tests.risk_world import BTC, ETH, MIDNIGHT, SECOND, VENUE, World

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


def test_an_account_that_differs_from_the_ledger_takes_no_new_risk() -> None:
    world = World().open()
    world.tell(world.reconciled("10000", differences=("BTC-USDT-PERP: venue 1, ledger 0",)))
    refused = world.ask(BTC, "long")
    assert _refusal(refused) is RefusalReason.NOT_READY
    assert "venue 1, ledger 0" in refused.detail
    world.tell(world.reconciled("10000"))
    assert isinstance(world.ask(BTC, "long"), OrderApproved)


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
