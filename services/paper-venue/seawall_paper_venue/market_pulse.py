"""What the venue sends by the clock: paced depth, candles, aggregates, mark prices, tickers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from .broadcast import Broadcaster
from .depth_pace import DepthPace
from .klines import INTERVALS, Candle
from .market_frames import AggregateTrade, DepthUpdate
from .market_shapes import continuous_kline_frame, kline_frame, mini_ticker_frame, ticker_frame
from .streams import DEPTH_PACES_MS, PARTIAL_DEPTHS
from .symbol_market import AGGREGATE_WITHIN_MS, SymbolMarket

_encode = msgspec.json.Encoder().encode
_BEAT_MS = 50
_KLINE_EVERY_MS = 250
_MARK_EVERY_MS = 250
_TICKER_EVERY_MS = 1_000
_SLOW_TICKER_EVERY_MS = 2_000
_SLOW_MARK_EVERY_MS = 3_000
_PERIODS_MS = (*DEPTH_PACES_MS, _TICKER_EVERY_MS, _SLOW_TICKER_EVERY_MS, _SLOW_MARK_EVERY_MS)


class MarketPulse:
    """Beats every 50 ms on the wall clock and sends what is due, to those who listen."""

    def __init__(
        self,
        markets: Mapping[str, SymbolMarket],
        broadcaster: Broadcaster,
        tell_mark: Callable[[SymbolMarket, int], None],
    ) -> None:
        self._markets = markets
        self._caster = broadcaster
        self._tell_mark = tell_mark
        self._spans: dict[int, int] = {}
        self._paces: dict[tuple[str, int], DepthPace] = {}
        self._partial_sent: dict[str, int] = {}
        self._kline_sent: dict[str, int] = {}

    async def run(self, clock: Callable[[], int]) -> None:
        """Beat until cancelled."""
        while True:
            now_ns = clock()
            beat_ns = _BEAT_MS * 1_000_000
            await asyncio.sleep((beat_ns - now_ns % beat_ns) / 1e9)
            now_ns = clock()
            self.beat(now_ns)
            self._caster.flush()

    def beat(self, now_ns: int) -> None:
        """Send everything whose time has come; a beat that comes late sends what it missed once."""
        now_ms = now_ns // 1_000_000
        due = self._due(now_ms)
        for market in self._markets.values():
            running = market.running_aggregate
            if running is not None and now_ms - running.transaction_ms > AGGREGATE_WITHIN_MS:
                ended = market.end_aggregate()
                if ended is not None:
                    self.send_aggregate(market, ended, now_ms)
            for pace_ms in DEPTH_PACES_MS:
                if pace_ms in due:
                    self._send_depth(market, pace_ms, now_ms)
            if _MARK_EVERY_MS in due:
                self._beat_mark(market, now_ns, due)
            if _KLINE_EVERY_MS in due:
                self.send_closed(market, market.klines.roll(now_ms), now_ms)
                self._send_klines(market, now_ms)
        if _TICKER_EVERY_MS in due:
            self._send_tickers(now_ms, due)
            self._send_mark_arrays(now_ms, due)

    def _due(self, now_ms: int) -> set[int]:
        """Return the periods of which a new span has begun since the last beat."""
        due = set()
        for every_ms in _PERIODS_MS:
            span = now_ms // every_ms
            if self._spans.get(every_ms) != span:
                self._spans[every_ms] = span
                due.add(every_ms)
        return due

    def add_depth(self, market: SymbolMarket, update: DepthUpdate) -> None:
        """Add a change of the book to the paced streams that are listened to."""
        for pace_ms in DEPTH_PACES_MS:
            pace = self._paces.get((market.symbol, pace_ms))
            if pace is None:
                if not any(self._caster.wanted(name) for name in market.streams.depth[pace_ms]):
                    continue
                pace = self._paces[market.symbol, pace_ms] = DepthPace()
            pace.add(update)
        self._send_partials(market, 0, update.event_ms)

    def send_aggregate(self, market: SymbolMarket, aggregate: AggregateTrade, now_ms: int) -> None:
        """Send a finished aggregate of trades."""
        if self._caster.wanted(market.streams.aggregate_trade):
            aggregate.event_ms = max(aggregate.event_ms, min(now_ms, aggregate.event_ms + AGGREGATE_WITHIN_MS))
            self._caster.send(market.streams.aggregate_trade, _encode(aggregate))

    def send_closed(self, market: SymbolMarket, closed: Sequence[tuple[str, Candle]], now_ms: int) -> None:
        """Send candles that are final."""
        for interval, candle in closed:
            self._send_kline(market, interval, candle, now_ms, is_final=True)

    def _send_depth(self, market: SymbolMarket, pace_ms: int, now_ms: int) -> None:
        pace = self._paces.get((market.symbol, pace_ms))
        if pace is not None:
            names = market.streams.depth[pace_ms]
            frame = pace.take(now_ms)
            if not any(self._caster.wanted(name) for name in names):
                del self._paces[market.symbol, pace_ms]
            elif frame is not None:
                payload = _encode(frame)
                for name in names:
                    self._caster.send(name, payload)
        self._send_partials(market, pace_ms, now_ms)

    def _send_partials(self, market: SymbolMarket, pace_ms: int, now_ms: int) -> None:
        """Send the top of the book to whom it is new."""
        book = market.book
        for levels in PARTIAL_DEPTHS:
            for name in market.streams.partial_depth[levels, pace_ms]:
                if not self._caster.wanted(name):
                    continue
                before = self._partial_sent.get(name, book.last_update_id - 1)
                if before == book.last_update_id:
                    continue
                self._partial_sent[name] = book.last_update_id
                bids, asks = book.top(levels)
                frame = DepthUpdate(
                    event_ms=now_ms,
                    transaction_ms=market.book_transaction_ms,
                    symbol=market.symbol,
                    first_update_id=before + 1,
                    last_update_id=book.last_update_id,
                    previous_update_id=before,
                    bids=bids,
                    asks=asks,
                )
                self._caster.send(name, _encode(frame))

    def _beat_mark(self, market: SymbolMarket, now_ns: int, due: set[int]) -> None:
        now_ms = now_ns // 1_000_000
        if not market.source_has_mark and market.derive_mark(now_ms):
            self._tell_mark(market, now_ns)
        market.book_mark(now_ms)
        for every_ms, name in (
            (_TICKER_EVERY_MS, market.streams.mark_1s),
            (_SLOW_MARK_EVERY_MS, market.streams.mark_3s),
        ):
            if every_ms in due and self._caster.wanted(name):
                frame = market.mark_frame(now_ms)
                if frame is not None:
                    self._caster.send(name, _encode(frame))

    def _send_klines(self, market: SymbolMarket, now_ms: int) -> None:
        for interval in INTERVALS:
            name = market.streams.kline[interval]
            if not self._caster.wanted(name) and not self._caster.wanted(market.streams.continuous_kline[interval]):
                continue
            candle = market.klines.running(interval)
            if candle is None or self._kline_sent.get(name) == candle.last_trade_id:
                continue
            self._kline_sent[name] = candle.last_trade_id
            self._send_kline(market, interval, candle, now_ms, is_final=False)

    def _send_kline(self, market: SymbolMarket, interval: str, candle: Candle, now_ms: int, *, is_final: bool) -> None:
        name, continuous = market.streams.kline[interval], market.streams.continuous_kline[interval]
        if self._caster.wanted(name):
            self._caster.send(name, _encode(kline_frame(market.symbol, interval, candle, now_ms, is_final)))
        if self._caster.wanted(continuous):
            frame = continuous_kline_frame(market.symbol, interval, candle, now_ms, is_final)
            self._caster.send(continuous, _encode(frame))

    def _send_tickers(self, now_ms: int, due: set[int]) -> None:
        """Send 24 hour tickers: every 2 s for one symbol, every 1 s for all."""
        slow = _SLOW_TICKER_EVERY_MS in due
        for whole, one_of, shape in (
            ("!ticker@arr", "ticker", ticker_frame),
            ("!miniTicker@arr", "mini_ticker", mini_ticker_frame),
        ):
            rows = []
            for market in self._markets.values():
                name: str = getattr(market.streams, one_of)
                wants_one = slow and self._caster.wanted(name)
                if not wants_one and not self._caster.wanted(whole):
                    continue
                row = shape(market, now_ms)
                if row is None:
                    continue
                rows.append(row)
                if wants_one:
                    self._caster.send(name, _encode(row))
            if rows:
                self._caster.send(whole, _encode(rows))

    def _send_mark_arrays(self, now_ms: int, due: set[int]) -> None:
        for every_ms, name in ((_TICKER_EVERY_MS, "!markPrice@arr@1s"), (_SLOW_MARK_EVERY_MS, "!markPrice@arr")):
            if every_ms in due and self._caster.wanted(name):
                frames = [market.mark_frame(now_ms) for market in self._markets.values()]
                self._caster.send(name, _encode([frame for frame in frames if frame is not None]))
