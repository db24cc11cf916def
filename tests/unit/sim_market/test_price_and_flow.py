"""The hidden price and the arrivals of trades, each on its own."""

from __future__ import annotations

import statistics
from collections import defaultdict
from itertools import pairwise
from random import Random

import pytest

from seawall_sim.market_flow import TradeFlow
from seawall_sim.market_price import FairPrice

STEP_S = 0.05


def test_volatility_feeds_on_its_own_shocks() -> None:
    """Within one regime moves have fat tails: a normal variable's kurtosis is 3 (GARCH, Bollerslev 1986)."""
    price = FairPrice(100.0, Random(4))
    moves: dict[str, list[float]] = defaultdict(list)
    for step in range(60_000):
        drift = price.drift_per_s * STEP_S
        moves[price.regime.name].append(price.step(step * STEP_S, STEP_S, 0.0) - drift)
    for name in ("calm", "trend"):
        mean, deviation = statistics.mean(moves[name]), statistics.pstdev(moves[name])
        kurtosis = statistics.mean(((move - mean) / deviation) ** 4 for move in moves[name])
        assert kurtosis > 4, name


def test_weather_changes_and_every_kind_comes() -> None:
    price = FairPrice(100.0, Random(2))
    seen: list[str] = []
    for step in range(12_000):
        price.step(step * STEP_S, STEP_S, 0.0)
        if not seen or seen[-1] != price.regime.name:
            seen.append(price.regime.name)
    assert set(seen) == {"calm", "trend", "storm"}
    assert len(seen) > 10


def test_follower_makes_the_leaders_move_a_moment_later() -> None:
    follower = FairPrice(100.0, Random(3), beta=1.0)
    quiet = FairPrice(100.0, Random(3), beta=1.0)
    distance = []
    for step in range(60):
        leader_move = 0.01 if step == 0 else 0.0
        follower.step(step * STEP_S, STEP_S, leader_move)
        quiet.step(step * STEP_S, STEP_S, 0.0)
        distance.append(follower.price / quiet.price - 1)
    assert distance[0] < 0.002
    assert distance[-1] == pytest.approx(0.01, rel=0.05)


def test_impact_moves_the_price_for_good() -> None:
    price = FairPrice(100.0, Random(1))
    price.push(0.01)
    assert price.price == pytest.approx(101.005, rel=1e-4)


def test_trades_excite_further_trades() -> None:
    """At one and the same base rate: a Poisson process has as much variance as mean, ours has far more."""
    flow = TradeFlow(Random(5), 5.0, 1_000.0)
    counts = [len(flow.until((second + 1) * 1.0, 1.0, 0.0)) for second in range(2_000)]
    assert statistics.pvariance(counts) > 2.5 * statistics.mean(counts)
    # 0.6 further trades a trade: 1 / (1 - 0.6) times the base rate
    assert statistics.mean(counts) == pytest.approx(12.5, rel=0.1)


def test_lean_tips_the_side_and_sides_come_in_runs() -> None:
    arrivals = TradeFlow(Random(5), 20.0, 1_000.0).until(100.0, 1.0, 0.8)
    share = statistics.mean(arrival.is_buy for arrival in arrivals)
    assert share > 0.7
    plain = TradeFlow(Random(5), 20.0, 1_000.0).until(100.0, 1.0, 0.0)
    same = statistics.mean(one.is_buy == other.is_buy for one, other in pairwise(plain))
    assert same == pytest.approx(0.72, abs=0.03)


def test_sizes_are_lognormal_about_their_median() -> None:
    arrivals = TradeFlow(Random(5), 50.0, 900.0).until(200.0, 1.0, 0.0)
    sizes = [arrival.notional for arrival in arrivals]
    assert statistics.median(sizes) == pytest.approx(900, rel=0.05)
    assert statistics.mean(sizes) > 1.8 * statistics.median(sizes)
