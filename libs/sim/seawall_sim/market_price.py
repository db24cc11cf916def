"""The hidden fair price: calm, trend and storm follow each other, volatility clusters, followers lag the leader."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt, tanh
from random import Random

# how far, as a fraction, the price may stray before trends lean back
_LEASH = 0.04
# variance returns to its regime's level in about 8 s, and each shock feeds it (GARCH): the share is as large
# as it may be for the variance to have a variance of its own, share^2 * 2 * step < 2 * pull at 50 ms
_VOLATILITY_PULL_PER_S = 0.12
_SHOCK_SHARE_PER_S = 1.0


@dataclass(frozen=True, slots=True)
class Regime:
    """A weather of the market: drift and volatility in basis points per second and per root second."""

    name: str
    drift_bps: tuple[float, float]
    volatility_bps: float
    shortest_s: float
    mean_extra_s: float
    activity: float


CALM = Regime("calm", (0.0, 0.0), 0.4, 3.0, 6.0, 0.5)
TREND = Regime("trend", (0.45, 1.1), 0.75, 14.0, 18.0, 1.3)
STORM = Regime("storm", (0.0, 0.4), 1.8, 3.0, 6.0, 2.5)
_NEXT: dict[str, tuple[tuple[Regime, float], ...]] = {
    "calm": ((TREND, 0.85), (STORM, 0.15)),
    "trend": ((CALM, 0.55), (TREND, 0.25), (STORM, 0.20)),
    "storm": ((CALM, 0.60), (TREND, 0.40)),
}


class RegimeClock:
    """Which regime rules, since it was last asked."""

    __slots__ = ("_ends_s", "_rng", "drift_per_s", "regime")

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.regime = CALM
        self.drift_per_s = 0.0
        self._ends_s = CALM.shortest_s

    def advance(self, now_s: float, stretch: float) -> None:
        """Move to ``now_s``; ``stretch`` is the log distance from the starting price, which trends lean against."""
        if now_s < self._ends_s:
            return
        rng = self._rng
        choices = _NEXT[self.regime.name]
        self.regime = rng.choices([each for each, _ in choices], [weight for _, weight in choices])[0]
        upward = rng.random() < 0.5 - 0.5 * tanh(stretch / _LEASH)
        size = rng.uniform(*self.regime.drift_bps) * 1e-4
        self.drift_per_s = size if upward else -size
        self._ends_s = now_s + self.regime.shortest_s + rng.expovariate(1 / self.regime.mean_extra_s)


class FairPrice:
    """Log price with clustered volatility; ``follow`` adds a share of the leader's moves, a moment late."""

    __slots__ = ("_beta", "_clock", "_lag_s", "_log", "_pending", "_rng", "_start_log", "_variance")

    def __init__(self, start: float, rng: Random, *, beta: float = 0.0, lag_s: float = 0.6) -> None:
        self._rng = rng
        self._clock = RegimeClock(rng)
        self._start_log = self._log = log(start)
        self._variance = (CALM.volatility_bps * 1e-4) ** 2
        self._beta = beta
        self._lag_s = lag_s
        self._pending = 0.0  # the leader's move that this price has still to make

    @property
    def price(self) -> float:
        """The fair price now."""
        return exp(self._log)

    @property
    def regime(self) -> Regime:
        """The weather now."""
        return self._clock.regime

    @property
    def drift_per_s(self) -> float:
        """The log drift per second now."""
        return self._clock.drift_per_s

    def push(self, log_move: float) -> None:
        """Move by the lasting impact of a trade."""
        self._log += log_move

    def step(self, now_s: float, elapsed_s: float, leader_move: float) -> float:
        """Advance by ``elapsed_s``, in which the leader moved by this log return; return the own log return."""
        self._clock.advance(now_s, self._log - self._start_log)
        regime = self._clock.regime
        level = (regime.volatility_bps * 1e-4) ** 2
        shock = self._rng.gauss(0.0, 1.0)
        own_weight = 1.0 if not self._beta else 0.5
        noise = own_weight * shock * sqrt(self._variance * elapsed_s)
        self._variance += (level - self._variance) * _VOLATILITY_PULL_PER_S * elapsed_s
        self._variance += _SHOCK_SHARE_PER_S * elapsed_s * self._variance * (shock * shock - 1.0)
        self._variance = max(self._variance, level * 0.1)
        self._pending += self._beta * leader_move
        caught_up = self._pending * (1.0 - exp(-elapsed_s / self._lag_s))
        self._pending -= caught_up
        move = own_weight * self._clock.drift_per_s * elapsed_s + noise + caught_up
        self._log += move
        return move
