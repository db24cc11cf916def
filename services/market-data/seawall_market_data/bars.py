"""Bars by venue time: a trade goes into the bar its own time falls in, and a bar is published once, whole."""

from __future__ import annotations

from seawall_proto import BarClosed, TradePrinted

MAX_EMPTY_BARS = 600  # in one go; a leap of more is a clock's, not a quiet market's


class BarBuilder:
    """Builds the bars of one symbol. A bar that may lack a trade is not whole, and never published.

    ``skipped`` collects the ``(open, close)`` times of such bars until they are taken.
    """

    __slots__ = (
        "_buy_volume",
        "_cause",
        "_close",
        "_count",
        "_high",
        "_low",
        "_open",
        "_prefix",
        "_quote_volume",
        "_volume",
        "_whole",
        "interval_ns",
        "open_ns",
        "skipped",
        "symbol",
        "venue",
    )

    def __init__(self, venue: str, symbol: str, interval_ns: int) -> None:
        self.venue = venue
        self.symbol = symbol
        self.interval_ns = interval_ns
        self.open_ns = 0  # of the bar being built; 0 before the first trade
        self.skipped: list[tuple[int, int]] = []
        self._prefix = f"{venue}.{symbol}.bar.{interval_ns}."
        self._cause = ""
        self._close = 0.0
        self._whole = False
        self._count = 0
        self._volume = self._quote_volume = self._buy_volume = 0.0
        self._open = self._high = self._low = 0.0

    @property
    def close_ns(self) -> int:
        """When the bar being built ends."""
        return self.open_ns + self.interval_ns

    def bucket(self, ts_venue_ns: int) -> int:
        """Return the opening time of the bar that a venue time falls in."""
        return ts_venue_ns - ts_venue_ns % self.interval_ns

    def begin(self, ts_venue_ns: int, *, whole: bool) -> None:
        """Start with the bar around a venue time; ``whole`` where none of its trades is missing."""
        self.open_ns = self.bucket(ts_venue_ns)
        self._whole = whole
        self._clear()

    def doubt(self) -> None:
        """A trade of the present bar may be missing."""
        self._whole = False

    def add(self, trade: TradePrinted, ts_received_ns: int) -> list[BarClosed]:
        """Take a trade and return the bars that its time closes; the caller keeps out late ones."""
        closed = self.close_until(trade.ts_venue_ns, ts_received_ns) if trade.ts_venue_ns >= self.close_ns else []
        price, quantity = trade.price, trade.quantity
        if not self._count:
            self._open = self._high = self._low = price
        elif price > self._high:
            self._high = price
        elif price < self._low:
            self._low = price
        self._close = price
        self._count += 1
        self._volume += quantity
        self._quote_volume += price * quantity
        if trade.aggressor == "buy":
            self._buy_volume += quantity
        self._cause = trade.id
        return closed

    def close_until(self, ts_venue_ns: int, ts_received_ns: int) -> list[BarClosed]:
        """Close every bar that has ended by a venue time, oldest first."""
        closed: list[BarClosed] = []
        while self.open_ns and ts_venue_ns >= self.close_ns:
            if len(closed) >= MAX_EMPTY_BARS:
                self.skipped.append((self.open_ns, self.bucket(ts_venue_ns)))
                self.begin(ts_venue_ns, whole=False)
                break
            if self._whole and self._close:
                closed.append(self._bar(ts_received_ns))
            else:
                self.skipped.append((self.open_ns, self.close_ns))
            self.open_ns = self.close_ns
            self._whole = True
            self._clear()
        return closed

    def _bar(self, ts_received_ns: int) -> BarClosed:
        close = self._close
        traded = self._count > 0
        bar = BarClosed(
            id=f"{self._prefix}{self.open_ns}",
            causes=(self._cause,),
            ts_received_ns=ts_received_ns,
            venue=self.venue,
            symbol=self.symbol,
            ts_venue_ns=self.close_ns,
            interval_ns=self.interval_ns,
            ts_open_ns=self.open_ns,
            ts_close_ns=self.close_ns,
            open=self._open if traded else close,
            high=self._high if traded else close,
            low=self._low if traded else close,
            close=close,
            volume=self._volume,
            quote_volume=self._quote_volume,
            buy_volume=self._buy_volume,
            trade_count=self._count,
        )
        self._cause = bar.id  # of the next one, should no trade come
        return bar

    def _clear(self) -> None:
        self._open = self._high = self._low = 0.0
        self._volume = self._quote_volume = self._buy_volume = 0.0
        self._count = 0
