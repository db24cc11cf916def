"""Trades in one unbroken line into the bars: repeats left out, holes mended from the venue's own lists.

After a hole, and after every start and reconnection, trades wait while the venue's newest trades are
read; with them the bars are whole again. What that list does not reach back to is taken from the
venue's own candles where it has them for this interval, and left out where not: no bar is ever
published in part. While the stream is away the list is polled, and goes into the bars as it comes.

Some venues begin a subscription with past trades, of hours ago on a quiet market. At the very first they
are history, as the list is: they go into the bars and are not said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Literal

import msgspec

from seawall_proto import BarClosed, TradePrinted
from seawall_venues.feed import Dialect

from .activity_bars import ActivityBarBuilder
from .bars import BarBuilder
from .commands import FetchBars, FetchTrades, NoteTrouble, Said, Trouble
from .trade_order import NamedTrades, NumberedTrades, Place, TradeOrder

MAX_HELD = 20_000  # ten seconds of the busiest minute known; beyond, mending is given up
MAX_ATTEMPTS = 4  # the list lags behind the stream at times
LOOK_EVERY_NS = 2_000_000_000  # on a market without trades, until one shows that the stream has begun
MAX_UNANSWERED = 9  # half a minute, with the pauses between: what asked us to wait is over by then, a ban is not
HISTORY_BARS = 100  # more than the longest feature window, so that a start is warm at once
MAX_OWED = 16  # ranges of candles asked for and not yet answered; older ones are forgotten
RECENT_BARS = 4  # of ours, to hold the venue's own candles against
HISTORY_AGE_NS = 10_000_000_000  # on arrival; more than any delay of a stream and any error of our clock
NS_PER_MS = 1_000_000


Away = Literal["", "silent", "refused", "unread"]
"""Why the bars wait although the stream is connected: nothing comes, nothing may, or what was missed is unknown."""


class TradeLine:
    """The trades of one symbol, and the bars they make."""

    __slots__ = (
        "_attempt",
        "_away",
        "_begins_unseen",
        "_begins_whole",
        "_begun_ns",
        "_broken_at",
        "_connected",
        "_has_venue_bars",
        "_held",
        "_is_heard",
        "_list_length",
        "_listed_ns",
        "_looked_ns",
        "_order",
        "_owed",
        "_recent",
        "_request",
        "activity",
        "bars",
    )

    def __init__(self, bars: BarBuilder, dialect: Dialect, activity: Sequence[ActivityBarBuilder] = ()) -> None:
        self.bars = bars
        self.activity = tuple(activity)
        self._has_venue_bars = bars.interval_ns // NS_PER_MS in dialect.bar_intervals_ms
        self._list_length = dialect.listed_trades  # fewer in the answer: there are no older ones
        self._order: TradeOrder = NumberedTrades() if dialect.trades_are_numbered else NamedTrades()
        self._begins_unseen = dialect.resync == "resubscription"  # only a trade shows that the stream has begun
        self._is_heard = False  # since the last break
        self._looked_ns = 0  # the venue's time when the list was last asked for what the stream may not bring yet
        self._listed_ns = 0  # up to when it then held everything
        self._connected = False
        self._away: Away = ""
        self._begun_ns = 0  # when what the line begins with arrived; 0 before
        self._begins_whole = False
        self._held: list[TradePrinted] | None = []  # while mending; None while the line is whole
        self._broken_at = 0  # how many of these came before the stream broke last
        self._owed: list[tuple[int, int]] = []
        self._recent: deque[BarClosed] = deque(maxlen=RECENT_BARS)
        self._request = 0
        self._attempt = 0

    @property
    def is_whole(self) -> bool:
        """True while every trade since the last mending is in the bars."""
        return self._held is None

    @property
    def is_connected(self) -> bool:
        """True while there is a connection that carries the trades."""
        return self._connected

    @property
    def is_away(self) -> bool:
        """True while the stream brings nothing, so that the list must be polled."""
        return not self._connected or bool(self._away)

    def connected(self) -> Said:
        """The stream is there: ask what it did not carry."""
        self._connected, self._away = True, ""
        self._held = self._held or []
        return [self._ask(attempt=0)]

    def disconnected(self) -> None:
        """The stream broke: what comes next may not follow on what came last."""
        self._connected = False
        self._break()

    def suspend(self, away: Away) -> None:
        """Nothing comes on a connection that is there: bars wait, for the next trade at the latest."""
        self._away = "refused" if self._away == "refused" else away
        self._break()

    def resume(self) -> Said:
        """The symbol is heard again: ask what was missed, unless its trades are still refused."""
        if self._away != "silent":
            return []
        self._away = ""
        return [self._ask(attempt=0)] if self._connected else []

    def doubt(self) -> Said:
        """A frame was lost that may have been a trade: ask, and let the bars wait for the answer."""
        if self._held is not None:
            self._broken_at = len(self._held)
            return []
        self._held = []
        return [self._ask(attempt=0)]

    def poll(self) -> Said:
        """The stream is away for long: ask for the newest trades instead."""
        return [self._ask(attempt=0)] if self.is_away else []

    def take(self, trade: TradePrinted) -> Said:
        """Take a trade from the stream: say it unless it is history, the bars it closes, and what to fetch."""
        is_old = trade.ts_received_ns - trade.ts_venue_ns > HISTORY_AGE_NS
        if self._held is None and self._begun_ns and not is_old and self._order.goes_on(trade):
            return self._go_on(trade)
        place = self._order.place(trade)
        if place is Place.REPEAT:
            return []  # said before, on a connection that this one took over from, or history
        self._is_heard = True
        said: Said = [] if self._is_history(trade) else [trade]
        if place is Place.AFRESH:
            return [*said, *self._begin_again(trade)]
        if self._held is not None:
            self._held.append(trade)
            if self._away:
                self._away = "silent"
                said += self.resume()
            return [*said, *(self._mend((), is_complete=False) if len(self._held) > MAX_HELD else ())]
        if place is Place.NEXT or (place is Place.HOLE and not self.bars.open_ns):
            self._begun_ns = self._begun_ns or trade.ts_received_ns
            return [*said, *self._into_bars(trade), *self._tell_skipped()]
        self._held = [trade]
        if place is Place.HOLE:
            said.append(self._note("trade_hole", self._order.missing_before(trade)))
        return [*said, self._ask(0)]

    def _go_on(self, trade: TradePrinted) -> Said:
        """Put a trade into the bars that follows on the last: nothing is to be mended, and rarely a bar to close."""
        bars = self.bars
        if not self.activity and bars.open_ns <= trade.ts_venue_ns < bars.close_ns:
            bars.put(trade)
            return [trade]
        return [trade, *self._into_bars(trade), *self._tell_skipped()]

    def _is_history(self, trade: TradePrinted) -> bool:
        """True for an old trade before the line is begun, and for those that came in one frame with its first."""
        if trade.ts_received_ns - trade.ts_venue_ns <= HISTORY_AGE_NS:
            return False
        return not self._begun_ns or trade.ts_received_ns == self._begun_ns

    def listed(self, request: int, trades: Sequence[TradePrinted] | None) -> Said:
        """Take the venue's newest trades, oldest first; None where it could not be asked."""
        if self._held is None or request != self._request:
            return []
        if trades is None or self._order.lags(trades, self._held[self._broken_at :]):
            if self.is_away:
                return []  # polled again soon
            most = MAX_UNANSWERED if trades is None and self.bars.open_ns else MAX_ATTEMPTS
            if self._attempt + 1 < most:
                return [self._ask(self._attempt + 1)]
            if self.bars.open_ns and not self._held:
                self.suspend("unread")  # without a trade since, nobody knows where the bars could go on
                return []
            return self._mend((), is_complete=False)
        if self._away == "unread":
            self._away = ""
        self._listed_ns = self._looked_ns
        said = self._mend(trades, is_complete=len(trades) < self._list_length)
        if self.is_away:
            self._held = []  # asked once more when it is back
        return said

    def pass_time(self, ts_venue_ns: int, ts_received_ns: int) -> Said:
        """Close the bars that have ended by a venue time."""
        if self._held is not None or ts_venue_ns < self.bars.close_ns:
            return []
        if self._begins_unseen and not self._is_heard:
            if self._listed_ns < self.bars.close_ns:
                return self._look(ts_venue_ns)
            ts_venue_ns = min(ts_venue_ns, self._listed_ns)
        return [*self._keep(self.bars.close_until(ts_venue_ns, ts_received_ns)), *self._tell_skipped()]

    def _look(self, ts_venue_ns: int) -> Said:
        """Ask, once in a while, for trades that happened before the stream began: bars may not end without them."""
        if ts_venue_ns - self._looked_ns < LOOK_EVERY_NS or not self.bars.open_ns:
            return []
        self._looked_ns = ts_venue_ns
        self._held = []
        return [self._ask(attempt=0)]

    def candles(self, bars: Sequence[BarClosed], ts_venue_ns: int) -> Said:
        """Take the venue's own candles that have ended: for bars that could not be built, and to check ours."""
        ended = [bar for bar in bars if bar.ts_close_ns <= ts_venue_ns and self._is_ours(bar)]
        wanted = [bar for bar in ended if any(start <= bar.ts_open_ns < end for start, end in self._owed)]
        if wanted:
            self._owed = [(start, end) for start, end in self._owed if end > wanted[-1].ts_close_ns]
        return [*wanted, *self._compared(ended)]

    def _is_ours(self, candle: BarClosed) -> bool:
        """True where it spans the time of one of our bars; a venue's week may begin on another day than ours."""
        return candle.interval_ns == self.bars.interval_ns and not candle.ts_open_ns % candle.interval_ns

    def _compared(self, candles: Sequence[BarClosed]) -> list[NoteTrouble]:
        notes = []
        for ours in self._recent:
            for theirs in candles:
                if ours.ts_open_ns == theirs.ts_open_ns and _prices(ours) != _prices(theirs) and theirs.volume:
                    notes.append(self._note("bar_differs", f"ours {_prices(ours)}, the venue's {_prices(theirs)}"))
        return notes

    def _break(self) -> None:
        self._held = self._held or []
        self._broken_at = len(self._held)
        self._is_heard = False
        self._request += 1  # an answer on its way knows nothing of what is missed from here on

    def _begin_again(self, trade: TradePrinted) -> Said:
        self._order.forget()
        self._held, self._broken_at = [trade], 0
        return [self._note("trade_hole", f"the venue counts afresh from {trade.trade_id}"), self._ask(0)]

    def _mend(self, listed: Sequence[TradePrinted], *, is_complete: bool) -> Said:
        """Put what was listed and what was held into the bars, in order, and go on."""
        held, self._held = self._held or [], None
        is_joined = len(held) > self._broken_at
        self._broken_at = 0
        line, follows = self._order.merge(listed, held, is_complete=is_complete, is_joined=is_joined)
        said: Said = []
        if self._order.is_begun and (follows or not line):
            kept = {trade.trade_id for trade in held}
            said += [trade for trade in line if trade.trade_id not in kept]
        elif line:
            self._stand_alone(line, bool(listed), is_complete)
        for trade in line:
            if trade.ts_venue_ns >= self.bars.open_ns:
                said += self._into_bars(trade, repaired=True)
            else:
                self._order.booked(trade)  # left out on purpose; the stream may begin with it too
        if line:
            self._begun_ns = self._begun_ns or line[-1].ts_received_ns
        else:
            self._begins_whole = is_complete  # an empty list: the next trade is the first there ever was
        return said + self._tell_skipped()

    def _stand_alone(self, line: Sequence[TradePrinted], is_list: bool, is_complete: bool) -> None:
        """Begin with the first bar that is whole, or with the last one in part; leave out what lies before."""
        bars = self.bars
        begin_ns = bars.bucket(line[0].ts_venue_ns)
        if not is_complete:
            begin_ns += bars.interval_ns
        last_ns = bars.bucket(line[-1].ts_venue_ns)
        whole = is_list and bars.open_ns < begin_ns <= last_ns
        begin_ns = begin_ns if whole else max(last_ns, bars.open_ns)
        history_ns = HISTORY_BARS * bars.interval_ns if self._has_venue_bars else 0
        bars.skipped.append((bars.open_ns or begin_ns - history_ns, begin_ns))
        left_out = [trade for trade in line if trade.ts_venue_ns < begin_ns]
        bars.begin(begin_ns, whole=whole, before=left_out[-1] if left_out else None)
        for builder in self.activity:
            builder.doubt()

    def _into_bars(self, trade: TradePrinted, *, repaired: bool = False) -> Said:
        self._order.booked(trade)
        said: Said = [bar for builder in self.activity for bar in builder.add(trade, trade.ts_received_ns)]
        if not self.bars.open_ns:
            self.bars.begin(trade.ts_venue_ns, whole=self._begins_whole)
        if trade.ts_venue_ns < self.bars.open_ns:
            return [*said, self._note("late_trade", f"{trade.trade_id} came after its bar had closed")]
        closed = self._keep(self.bars.add(trade, trade.ts_received_ns))
        if repaired:
            return [msgspec.structs.replace(bar, repaired=True) for bar in (*said, *closed)]
        return [*said, *closed] if said else [*closed]

    def _keep(self, closed: list[BarClosed]) -> list[BarClosed]:
        if closed:
            self._recent.extend(closed)
        return closed

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


def _prices(bar: BarClosed) -> tuple[float, float, float, float]:
    return bar.open, bar.high, bar.low, bar.close
