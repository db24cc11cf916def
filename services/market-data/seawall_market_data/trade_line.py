"""Trades in one unbroken line into the bars: repeats left out, holes mended from the venue's own lists.

The venue numbers its trades without a hole, so a missing number is a missing trade. Then, and after
every start and reconnection, trades wait while the venue's newest trades are read; with them the
bars are whole again. What that list does not reach back to is taken from the venue's own candles
where it has them for this interval, and left out where not: no bar is ever published in part.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from seawall_proto import BarClosed, TradePrinted

from .bars import BarBuilder
from .commands import FetchBars, FetchTrades, NoteTrouble, Said, Trouble

LISTED_TRADES = 1_000  # what the venue lists at most; fewer in the answer: there are no older ones
MAX_HELD = 20_000  # ten seconds of the busiest minute known; beyond, mending is given up
MAX_ATTEMPTS = 4  # the list lags behind the stream at times
HISTORY_BARS = 100  # more than the longest feature window, so that a start is warm at once
MAX_OWED = 16  # ranges of candles asked for and not yet answered; older ones are forgotten
NS_PER_MS = 1_000_000


class TradeLine:
    """The trades of one symbol, and the bars they make."""

    __slots__ = ("_attempt", "_has_venue_bars", "_held", "_known", "_newest_ns", "_owed", "_request", "bars")

    def __init__(self, bars: BarBuilder, venue_bars_ms: Collection[int]) -> None:
        self.bars = bars
        self._has_venue_bars = bars.interval_ns // NS_PER_MS in venue_bars_ms
        self._known = 0  # number of the last trade in the bars; 0 where what follows stands alone
        self._newest_ns = 0
        self._held: list[TradePrinted] | None = []  # while mending; None while the line is whole
        self._owed: list[tuple[int, int]] = []
        self._request = 0
        self._attempt = 0

    @property
    def is_whole(self) -> bool:
        """True while every trade since the last mending is in the bars."""
        return self._held is None

    def connected(self) -> Said:
        """The stream is there: ask what it did not carry."""
        self._held = self._held or []
        return [self._ask(attempt=0)]

    def disconnected(self) -> None:
        """The stream broke: what comes next may not follow on what came last."""
        self._held = self._held or []
        self._request += 1  # an answer on its way knows nothing of what is missed from here on

    def take(self, trade: TradePrinted) -> Said:
        """Take a trade from the stream: say it, the bars it closes, and what to fetch."""
        number = int(trade.trade_id)
        newest = self._newest()
        if number <= newest:
            if trade.ts_venue_ns <= self._newest_ns:
                return []  # said before, on a connection that this one took over from
            return self._begin_again(trade)  # later in time, yet a lower number: the venue counts afresh
        self._newest_ns = trade.ts_venue_ns
        if self._held is not None:
            self._held.append(trade)
            return [trade, *(self._mend((), all_there_is=False) if len(self._held) > MAX_HELD else ())]
        if number == newest + 1 or not self.bars.open_ns:
            return [trade, *self._into_bars(trade), *self._tell_skipped()]
        self._held = [trade]
        return [trade, self._note("trade_hole", f"{number - newest - 1} missing before {number}"), self._ask(0)]

    def listed(self, request: int, trades: Sequence[TradePrinted] | None) -> Said:
        """Take the venue's newest trades, oldest first; None where it could not be asked."""
        if self._held is None or request != self._request:
            return []
        if trades is None or self._lags(trades):
            if self._attempt + 1 < MAX_ATTEMPTS:
                return [self._ask(self._attempt + 1)]
            return self._mend((), all_there_is=False)
        return self._mend(trades, all_there_is=len(trades) < LISTED_TRADES)

    def pass_time(self, ts_venue_ns: int, ts_received_ns: int) -> Said:
        """Close the bars that have ended by a venue time."""
        if self._held is not None or ts_venue_ns < self.bars.close_ns:
            return []
        return [*self.bars.close_until(ts_venue_ns, ts_received_ns), *self._tell_skipped()]

    def candles(self, bars: Sequence[BarClosed], ts_venue_ns: int) -> Said:
        """Take the venue's own candles for bars that could not be built; only those that have ended."""
        ended = [
            bar
            for bar in bars
            if bar.ts_close_ns <= ts_venue_ns and any(start <= bar.ts_open_ns < end for start, end in self._owed)
        ]
        if ended:
            self._owed = [(start, end) for start, end in self._owed if end > ended[-1].ts_close_ns]
        return list(ended)

    def _lags(self, listed: Sequence[TradePrinted]) -> bool:
        """True where the list is older than what the stream has carried since."""
        if not self._held:
            return False
        return not listed or int(listed[-1].trade_id) < int(self._held[0].trade_id) - 1

    def _newest(self) -> int:
        return int(self._held[-1].trade_id) if self._held else self._known

    def _begin_again(self, trade: TradePrinted) -> Said:
        self._known, self._newest_ns = 0, trade.ts_venue_ns
        self._held = [trade]
        return [trade, self._note("trade_hole", f"the venue counts afresh from {trade.trade_id}"), self._ask(0)]

    def _mend(self, listed: Sequence[TradePrinted], *, all_there_is: bool) -> Said:
        """Put what was listed and what was held into the bars, in order, and go on."""
        held, self._held = self._held or [], None
        joined = {int(trade.trade_id): trade for trade in (*listed, *held)}
        numbers = sorted(number for number in joined if number > self._known)
        reaches = bool(listed) and (all_there_is or int(listed[0].trade_id) <= self._known + 1)
        said: Said = []
        if self._known and (reaches or not numbers):
            kept = {trade.trade_id for trade in held}
            said += [joined[number] for number in numbers if joined[number].trade_id not in kept]
        elif numbers:
            self._stand_alone(joined[numbers[0]], joined[numbers[-1]], bool(listed), all_there_is)
        for number in numbers:
            if joined[number].ts_venue_ns >= self.bars.open_ns:
                said += self._into_bars(joined[number], repaired=True)
        if numbers:
            self._known = numbers[-1]
            self._newest_ns = max(self._newest_ns, joined[numbers[-1]].ts_venue_ns)
        return said + self._tell_skipped()

    def _stand_alone(self, first: TradePrinted, last: TradePrinted, is_list: bool, all_there_is: bool) -> None:
        """Begin with the first bar that is whole, or with the last one in part; leave out what lies before."""
        bars = self.bars
        begin_ns = bars.bucket(first.ts_venue_ns)
        if not all_there_is:
            begin_ns += bars.interval_ns
        last_ns = bars.bucket(last.ts_venue_ns)
        whole = is_list and bars.open_ns < begin_ns <= last_ns
        begin_ns = begin_ns if whole else max(last_ns, bars.open_ns)
        history_ns = HISTORY_BARS * bars.interval_ns if self._has_venue_bars else 0
        bars.skipped.append((bars.open_ns or begin_ns - history_ns, begin_ns))
        bars.begin(begin_ns, whole=whole)

    def _into_bars(self, trade: TradePrinted, *, repaired: bool = False) -> Said:
        self._known = int(trade.trade_id)
        if not self.bars.open_ns:
            self.bars.begin(trade.ts_venue_ns, whole=True)
        if trade.ts_venue_ns < self.bars.open_ns:
            return [self._note("late_trade", f"{trade.trade_id} came after its bar had closed")]
        closed = self.bars.add(trade, trade.ts_received_ns)
        return [msgspec.structs.replace(bar, repaired=True) for bar in closed] if repaired else [*closed]

    def _tell_skipped(self) -> Said:
        said: Said = []
        for start_ns, end_ns in self.bars.skipped:
            if start_ns == end_ns:
                continue
            if self._has_venue_bars:
                self._owed = [*self._owed[1 - MAX_OWED :], (start_ns, end_ns)]
                said.append(
                    FetchBars(
                        venue=self.bars.venue,
                        symbol=self.bars.symbol,
                        interval_ms=self.bars.interval_ns // NS_PER_MS,
                        ts_from_ns=start_ns,
                        ts_to_ns=end_ns,
                    )
                )
            else:
                said.append(self._note("bar_skipped", f"trades missing between {start_ns} and {end_ns}"))
        self.bars.skipped.clear()
        return said

    def _ask(self, attempt: int) -> FetchTrades:
        self._request += 1
        self._attempt = attempt
        return FetchTrades(venue=self.bars.venue, symbol=self.bars.symbol, request=self._request, attempt=attempt)

    def _note(self, kind: Trouble, detail: str) -> NoteTrouble:
        return NoteTrouble(venue=self.bars.venue, symbol=self.bars.symbol, kind=kind, detail=detail)
