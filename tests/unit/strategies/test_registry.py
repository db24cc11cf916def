"""Finding strategies by entry point, and refusing what cannot be hosted, in words that help."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seawall_strategies import (
    BrokenStrategyError,
    Market,
    OptionsError,
    Strategy,
    UnknownStrategyError,
    check,
    installed,
    load,
    options_of,
)
from seawall_strategies.momentum import STRATEGY, MomentumOptions
from tests.paths import REPOSITORY

README = REPOSITORY / "libs" / "strategies" / "README.md"


class Site:
    """A folder of installed packages, as pip would leave them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, module: str, code: str, *points: str) -> None:
        (self.folder / f"{module}.py").write_text(code)
        information = self.folder / f"{module}-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text("\n".join(["[seawall.strategies]", *points, ""]))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield Site(tmp_path)
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_momentum_is_found_without_anybody_naming_its_module() -> None:
    assert "momentum" in installed()
    assert load("momentum") is STRATEGY


def test_the_readmes_own_strategy_is_found_hosted_and_decides(site: Site) -> None:
    code = README.read_text().split("```python\n")[1].split("```")[0]
    site.install("seawall_breakout", code, "breakout = seawall_breakout:STRATEGY")
    assert "breakout" in installed()
    strategy = load("breakout")
    options = options_of(strategy, {"move_bps": 20.0})
    state = strategy.initial(options, Market("binance-usdm", "BTC-USDT-PERP"))
    event = strategy.listens_to[0](
        id="bar",
        ts_received_ns=1_000,
        venue="binance-usdm",
        symbol="BTC-USDT-PERP",
        ts_venue_ns=1_000,
        interval_ns=1_000_000_000,
        ts_bar_close_ns=1_000,
        close=100.0,
        values={"momentum_10": 0.003},
        version="1",
    )
    _, raised = strategy.decide(state, event)
    assert [(signal.strategy, signal.direction) for signal in raised] == [("breakout", "long")]
    with pytest.raises(OptionsError, match=r"strategies\.breakout\.move_bps: found 'much', expected `float`"):
        options_of(strategy, {"move_bps": "much"})


def test_a_strategy_that_is_not_installed_is_told_with_those_that_are() -> None:
    with pytest.raises(UnknownStrategyError, match=r"strategies\.moonshot: not installed; installed are: .*momentum"):
        load("moonshot")


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("import no_such_module_anywhere", "cannot be loaded: No module named 'no_such_module_anywhere'"),
        ("STRATEGIES = 1", "has no attribute 'STRATEGY'"),
        ("def (:", "cannot be loaded"),
        ("STRATEGY = 'buy'", "found str, expected a Strategy"),
    ],
)
def test_an_entry_point_that_leads_nowhere_says_where_it_should_lead(site: Site, code: str, complaint: str) -> None:
    site.install("broken_strategy", code, "broken = broken_strategy:STRATEGY")
    with pytest.raises(BrokenStrategyError, match="strategies.broken: .*" + complaint):
        load("broken")


def test_two_packages_may_not_offer_the_same_name(site: Site) -> None:
    site.install("first_offer", "STRATEGY = 1", "same = first_offer:STRATEGY")
    site.install("second_offer", "STRATEGY = 1", "same = second_offer:STRATEGY")
    with pytest.raises(
        BrokenStrategyError, match="offered more than once: first_offer:STRATEGY, second_offer:STRATEGY"
    ):
        load("same")


def test_a_strategy_must_be_called_what_its_entry_point_says() -> None:
    with pytest.raises(BrokenStrategyError, match="calls itself 'momentum', expected 'other'"):
        check("other", STRATEGY)


def test_a_strategy_that_listens_to_what_nobody_tells_it_is_refused() -> None:
    deaf = Strategy("deaf", MomentumOptions, (), STRATEGY.initial, STRATEGY.decide)
    with pytest.raises(BrokenStrategyError, match="listens to nothing; expected some of FeaturesComputed"):
        check("deaf", deaf)
    curious = Strategy("curious", MomentumOptions, (type(None),), STRATEGY.initial, STRATEGY.decide)  # type: ignore[arg-type]
    with pytest.raises(BrokenStrategyError, match="listens to NoneType"):
        check("curious", curious)


def test_options_must_be_a_checked_struct() -> None:
    loose = Strategy("loose", dict, STRATEGY.listens_to, STRATEGY.initial, STRATEGY.decide)  # type: ignore[arg-type]
    with pytest.raises(BrokenStrategyError, match="options must be a subclass"):
        check("loose", loose)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"enter_score": 1.5}, r"strategies\.momentum\.enter_score: found 1\.5, expected `float` <= 1\.0"),
        ({"cool_down_bars": 0}, r"strategies\.momentum\.cool_down_bars: found 0, expected `int` >= 1"),
        ({"retry_bars": "5"}, r"strategies\.momentum\.retry_bars: found '5', expected `int`, got `str`"),
        ({"enter_scor": 0.5}, r"strategies\.momentum\.enter_scor: found a value, expected no such option"),
        ({"exit_score": 0.9}, r"strategies\.momentum.*expected exit_score below enter_score 0\.45"),
        ({"trend_weight": 0.9}, r"strategies\.momentum.*expected weights that sum to .* not to 1\.45"),
        ({"min_holding_bars": 99}, r"strategies\.momentum.*expected min_holding_bars of at most max_holding_bars 30"),
    ],
)
def test_a_wrong_option_is_told_by_path_finding_and_expectation(table: dict[str, object], complaint: str) -> None:
    with pytest.raises(OptionsError, match=complaint):
        options_of(STRATEGY, table)


def test_options_left_out_have_their_defaults() -> None:
    assert options_of(STRATEGY, {}) == MomentumOptions()
    assert options_of(STRATEGY, {"max_holding_bars": 60}) == MomentumOptions(max_holding_bars=60)
