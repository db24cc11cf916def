"""One symbol of the seeded market: fair price, book and trade flow acting on each other."""

from __future__ import annotations

from collections.abc import Mapping
from math import tanh
from random import Random

from .instruments import InstrumentRules
from .market_flow import Arrival, TradeFlow
from .market_ladder import Profile, Side
from .market_messages import BookMoved, BookStarted, Level, MarkMoved, QuoteMoved, SyntheticMessage, TradeMade
from .market_price import FairPrice

_SECOND_NS = 1_000_000_000
# notional resting at the touch, and of a usual trade, in quote units
_TOUCH_NOTIONAL = 60_000.0
_TRADE_NOTIONAL = 900.0
_DEEPEST = 0.015
# log price move for good per multiple of the touch that a trade takes
_LASTING_IMPACT = 0.15e-4
_FOLLOWER_BETA = 1.1
_FUNDING_BASE = 0.0001


class SyntheticSymbol:
    """State of one generated market. Ticks and lots are whole numbers; text is made on the way out."""

    def __init__(
        self,
        rules: InstrumentRules,
        rng: Random,
        *,
        start_price: float,
        trades_per_s: float,
        levels: int,
        is_leader: bool,
    ) -> None:
        self.symbol = rules.symbol
        self._rng = rng
        self._tick, self._lot = float(rules.tick_size), float(rules.lot_size)
        self._price_text = _Writer(str(rules.tick_size))
        self._quantity_text = _Writer(str(rules.lot_size))
        self._fair = FairPrice(start_price, rng, beta=0.0 if is_leader else _FOLLOWER_BETA)
        self._flow = TradeFlow(rng, trades_per_s, _TRADE_NOTIONAL)
        self._touch_lots = max(5.0, _TOUCH_NOTIONAL / start_price / self._lot)
        profile = Profile(
            levels=levels,
            deepest_ticks=max(levels * 3, int(start_price * _DEEPEST / self._tick)),
            touch_lots=self._touch_lots,
            bps_per_tick=self._tick / start_price * 1e4,
        )
        self._bids, self._asks = Side(1, profile, rng), Side(-1, profile, rng)
        self._update_id = 1_000_000
        self._published_id = self._update_id
        self._trade_id = 500_000
        self._basis = 0.0
        self._next_mark_ns = 0
        self._quoted: tuple[int, int, int, int] = (0, 0, 0, 0)

    def start(self) -> BookStarted:
        """Quote the first book."""
        self._requote()
        self._bids.fill_up()
        self._asks.fill_up()
        self._published_id = self._update_id
        started = BookStarted(
            0,
            self.symbol,
            self._update_id,
            self._levels(dict(self._bids.best_first())),
            self._levels(dict(self._asks.best_first())),
        )
        self._bids.changed.clear()
        self._asks.changed.clear()
        return started

    def step(self, now_ns: int, elapsed_ns: int, leader_move: float, said: list[SyntheticMessage]) -> float:
        """Advance to ``now_ns``, append what happened, and return the fair price's log return."""
        elapsed_s = elapsed_ns / _SECOND_NS
        regime = self._fair.regime
        trend = tanh(self._fair.drift_per_s * 1e4)
        lean = self._lean() + trend
        # before and within a rise more is bid than offered near the touch
        self._bids.crowd, self._asks.crowd = 1.0 + 0.6 * trend, 1.0 - 0.6 * trend
        for arrival in self._flow.until(now_ns / _SECOND_NS, regime.activity, max(-1.0, min(1.0, lean))):
            self._take(arrival, said)
        move = self._fair.step(now_ns / _SECOND_NS, elapsed_s, leader_move)
        self._requote()
        self._bids.shift()
        self._asks.shift()
        self._update_id += max(1, len(self._bids.changed) + len(self._asks.changed))
        self._quote(now_ns, said)
        said.append(self._moved(now_ns))
        if now_ns >= self._next_mark_ns:
            self._next_mark_ns = now_ns - now_ns % _SECOND_NS + _SECOND_NS
            said.append(self._marked(now_ns))
        return move

    def _lean(self) -> float:
        """How strongly takers are drawn to buy: they see a fair price above the book's middle, or below."""
        middle = (self._bids.best + self._asks.best) / 2
        return tanh((self._fair.price / self._tick - middle) / 8)

    def _requote(self) -> None:
        """Market makers put their best prices around the fair price, wider when it is stormy."""
        ticks = self._fair.price / self._tick
        extra = min(4, int(self._rng.expovariate(1.6) * self._fair.regime.activity))
        bid = int(ticks - extra / 2)
        ask = bid + 1 + extra
        self._bids.requote(bid)
        self._asks.requote(ask)

    def _take(self, arrival: Arrival, said: list[SyntheticMessage]) -> None:
        """A taker eats the best levels until it has enough; every level is a fill."""
        side = self._asks if arrival.is_buy else self._bids
        wanted = max(1, round(arrival.notional / (side.best * self._tick) / self._lot))
        ts_ns = int(arrival.at_s * _SECOND_NS)
        taken = 0
        while wanted > 0 and len(side) > 2:
            ticks = side.best
            lots = min(wanted, side.lots[ticks])
            side.put(ticks, side.lots[ticks] - lots)
            self._update_id += 1
            self._trade_id += 1
            wanted -= lots
            taken += lots
            said.append(
                TradeMade(
                    ts_ns,
                    self.symbol,
                    self._trade_id,
                    self._price_text.write(ticks),
                    self._quantity_text.write(lots),
                    not arrival.is_buy,
                )
            )
        impact = _LASTING_IMPACT * min(3.0, taken / self._touch_lots)
        self._fair.push(impact if arrival.is_buy else -impact)
        self._quote(ts_ns, said)

    def _quote(self, ts_ns: int, said: list[SyntheticMessage]) -> None:
        bid, ask = self._bids.best, self._asks.best
        quoted = (bid, self._bids.lots[bid], ask, self._asks.lots[ask])
        if quoted == self._quoted:
            return
        self._quoted = quoted
        price, quantity = self._price_text, self._quantity_text
        said.append(
            QuoteMoved(
                ts_ns,
                self.symbol,
                self._update_id,
                price.write(bid),
                quantity.write(quoted[1]),
                price.write(ask),
                quantity.write(quoted[3]),
            )
        )

    def _moved(self, now_ns: int) -> BookMoved:
        moved = BookMoved(
            now_ns,
            self.symbol,
            self._published_id + 1,
            self._update_id,
            self._published_id,
            self._levels(self._bids.changed),
            self._levels(self._asks.changed),
        )
        self._published_id = self._update_id
        self._bids.changed.clear()
        self._asks.changed.clear()
        return moved

    def _marked(self, now_ns: int) -> MarkMoved:
        """The index is the fair price; the contract strays from it a little, and funding follows that basis."""
        self._basis += -0.02 * self._basis + self._rng.gauss(0.0, 0.1e-4)
        middle = (self._bids.best + self._asks.best) / 2 * self._tick
        index = self._fair.price * (1.0 - self._basis)
        funding = _FUNDING_BASE + max(-0.0005, min(0.0005, self._basis))
        return MarkMoved(now_ns, self.symbol, (middle + self._fair.price) / 2, index, funding)

    def _levels(self, lots_by_ticks: Mapping[int, int]) -> list[Level]:
        price, quantity = self._price_text, self._quantity_text
        return [(price.write(ticks), quantity.write(lots)) for ticks, lots in lots_by_ticks.items()]


class _Writer:
    """Writes whole steps as decimal text with as many decimals as the step has."""

    __slots__ = ("_digits", "_step", "_unit")

    def __init__(self, step: str) -> None:
        _, _, decimals = step.partition(".")
        self._digits = len(decimals)
        self._unit: int = 10**self._digits
        self._step = int(step.replace(".", ""))

    def write(self, steps: int) -> str:
        if not self._digits:
            return str(steps * self._step)
        whole, rest = divmod(steps * self._step, self._unit)
        return f"{whole}.{rest:0{self._digits}d}"
