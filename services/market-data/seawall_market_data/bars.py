"""Bars by venue time: a trade goes into the bar its own time falls in, and a bar is published once, whole.

Volumes are summed in whole units of the instrument's own digits, not in floats, and divided once at
the end: so they equal the venue's own candles to the last digit, however many trades there were.
"""

from __future__ import annotations

from decimal import Decimal

from seawall_proto import BarClosed, TradePrinted
from seawall_venues.port import Instrument

MAX_EMPTY_BARS = 600  # in one go; a leap of more is a clock's, not a quiet market's
INVERSE_SCALE = 10**12  # base units of an inverse contract are quotients: no digits are exact, these are enough


def scale_of(step: Decimal) -> int:
    """Return how many of the smallest decimal units of a tick or lot make one: 0.25 has two digits, so 100."""
    exponent = step.normalize().as_tuple().exponent
    return 10 ** max(0, -exponent) if isinstance(exponent, int) else 1


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
        "_price_scale",
        "_quantity_scale",
        "_quote_volume",
        "_volume",
        "_whole",
        "close_ns",
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
        self.close_ns = interval_ns
        self.skipped: list[tuple[int, int]] = []
        self._prefix = f"{venue}.{symbol}.bar.{interval_ns}."
        self._cause = ""
        self._close = 0.0
        self._whole = False
        self._count = 0
        self._price_scale = self._quantity_scale = 10**8
        self._volume = self._quote_volume = self._buy_volume = 0  # in the smallest units
        self._open = self._high = self._low = 0.0

    def learn(self, instrument: Instrument) -> None:
        """Sum in the digits of these rules from now on; what was summed is converted."""
        price_scale = scale_of(instrument.tick_size)
        quantity_scale = INVERSE_SCALE if instrument.is_inverse else scale_of(instrument.lot_size)
        price_factor = Decimal(price_scale) / self._price_scale
        quantity_factor = Decimal(quantity_scale) / self._quantity_scale
        self._volume = round(self._volume * quantity_factor)
        self._buy_volume = round(self._buy_volume * quantity_factor)
        self._quote_volume = round(self._quote_volume * quantity_factor * price_factor)
        self._price_scale, self._quantity_scale = price_scale, quantity_scale

    def bucket(self, ts_venue_ns: int) -> int:
        """Return the opening time of the bar that a venue time falls in."""
        return ts_venue_ns - ts_venue_ns % self.interval_ns

    def begin(self, ts_venue_ns: int, *, whole: bool, before: TradePrinted | None = None) -> None:
        """Start with the bar around a venue time; ``whole`` where none of its trades is missing.

        ``before`` is the last trade before it, whose price a bar without any repeats; None where it is not known.
        """
        self._close, self._cause = (0.0, "") if before is None else (before.price, before.id)
        self._open_at(self.bucket(ts_venue_ns), whole=whole)

    def doubt(self) -> None:
        """A trade of the present bar may be missing."""
        self._whole = False

    def add(self, trade: TradePrinted, ts_received_ns: int) -> list[BarClosed]:
        """Take a trade and return the bars that its time closes; the caller keeps out late ones."""
        closed = self.close_until(trade.ts_venue_ns, ts_received_ns) if trade.ts_venue_ns >= self.close_ns else []
        self.put(trade)
        return closed

    def put(self, trade: TradePrinted) -> None:
        """Take a trade of the bar being built."""
        price, quantity = trade.price, trade.quantity
        if not self._count:
            self._open = self._high = self._low = price
        elif price > self._high:
            self._high = price
        elif price < self._low:
            self._low = price
        self._close = price
        self._count += 1
        units = round(quantity * self._quantity_scale)
        self._volume += units
        self._quote_volume += round(price * self._price_scale) * units
        if trade.aggressor == "buy":
            self._buy_volume += units
        self._cause = trade.id

    def close_until(self, ts_venue_ns: int, ts_received_ns: int) -> list[BarClosed]:
        """Close every bar that has ended by a venue time, oldest first."""
        closed: list[BarClosed] = []
        while self.open_ns and ts_venue_ns >= self.close_ns:
            if len(closed) >= MAX_EMPTY_BARS:
                self.skipped.append((self.open_ns, self.bucket(ts_venue_ns)))
                self._open_at(self.bucket(ts_venue_ns), whole=False)
                break
            if self._whole and self._close:
                closed.append(self._bar(ts_received_ns))
            else:
                self.skipped.append((self.open_ns, self.close_ns))
            self._open_at(self.close_ns, whole=True)
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
            volume=self._volume / self._quantity_scale,
            quote_volume=self._quote_volume / (self._price_scale * self._quantity_scale),
            buy_volume=self._buy_volume / self._quantity_scale,
            trade_count=self._count,
        )
        self._cause = bar.id  # of the next one, should no trade come
        return bar

    def _open_at(self, open_ns: int, *, whole: bool) -> None:
        self.open_ns, self.close_ns = open_ns, open_ns + self.interval_ns
        self._whole = whole
        self._open = self._high = self._low = 0.0
        self._volume = self._quote_volume = self._buy_volume = 0
        self._count = 0
