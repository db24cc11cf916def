"""A seeded market of our own: same seed, same market, to the last digit.

Calm, trends and storms alternate; volatility clusters; trades come in bursts and runs and eat the
book; the first symbol leads and the others follow. Pure: time is a number it counts up itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from random import Random

import msgspec

from .instruments import InstrumentRules
from .market_messages import SyntheticMessage
from .market_symbol import SyntheticSymbol

_USUAL_PRICES = {
    "BTC": 60_000.0,
    "ETH": 2_600.0,
    "SOL": 150.0,
    "BNB": 580.0,
    "XRP": 0.55,
    "ADA": 0.42,
    "DOGE": 0.12,
}
# a symbol nobody gave a price starts where a tick is about two basis points
_TICKS_OF_UNKNOWN = 5_000


class MarketOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How busy the market is. ``rate`` multiplies depth updates and trades per second alike.

    ``start_prices`` are in quote units by symbol; symbols without one start at a usual price.
    """

    rate: float = 1.0
    depth_updates_per_s: float = 20.0
    trades_per_s: float = 6.0
    levels: int = 80
    start_prices: Mapping[str, float] = {}


class SyntheticMarket:
    """Generates the market of several symbols, the first of which leads."""

    def __init__(
        self, instruments: Iterable[InstrumentRules], rng: Random, options: MarketOptions | None = None
    ) -> None:
        options = options or MarketOptions()
        self._step_ns = int(1e9 / (options.depth_updates_per_s * options.rate))
        self._symbols = [
            SyntheticSymbol(
                rules,
                Random(rng.getrandbits(64)),  # noqa: S311 - a market, not a secret
                start_price=_start_price(rules, options),
                trades_per_s=options.trades_per_s * options.rate,
                levels=options.levels,
                is_leader=index == 0,
            )
            for index, rules in enumerate(instruments)
        ]

    def messages(self) -> Iterator[SyntheticMessage]:
        """Yield the market without end, in order of time, beginning at zero with each symbol's book."""
        for symbol in self._symbols:
            yield symbol.start()
        now_ns = 0
        while True:
            now_ns += self._step_ns
            yield from self._step(now_ns)

    def _step(self, now_ns: int) -> list[SyntheticMessage]:
        """Return what happens in the step that ends at ``now_ns``."""
        said: list[SyntheticMessage] = []
        leader_move = 0.0
        for index, symbol in enumerate(self._symbols):
            move = symbol.step(now_ns, self._step_ns, leader_move, said)
            if index == 0:
                leader_move = move
        said.sort(key=_time_of)
        return said


def _time_of(message: SyntheticMessage) -> int:
    return message.ts_ns


def _start_price(rules: InstrumentRules, options: MarketOptions) -> float:
    given = options.start_prices.get(rules.symbol) or _USUAL_PRICES.get(rules.base)
    return given or float(rules.tick_size) * _TICKS_OF_UNKNOWN
