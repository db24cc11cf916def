"""What comes after what among the trades of one symbol, by the venue's numbers or, without any, by their names."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from seawall_proto import TradePrinted

BACKDATED_NS = 60_000_000_000  # a trade this much older than the newest is history, sent again
MAX_NAMES = 20_000  # as many as can be held while mending, and more than any venue lists


class Place(Enum):
    """Where a trade stands in the line."""

    NEXT = "next"
    REPEAT = "repeat"
    """Heard before, or back-dated."""
    HOLE = "hole"
    """One or more trades are missing before it."""
    UNPROVEN = "unproven"
    """The first of a stream: nobody knows yet whether it follows on the last one."""
    AFRESH = "afresh"
    """The venue began to count anew."""


class TradeOrder(Protocol):
    """The line so far."""

    @property
    def is_begun(self) -> bool:
        """True once a trade is in the bars."""

    def goes_on(self, trade: TradePrinted) -> bool:
        """Book a trade that follows on the last one in the bars, as nearly all do; False for any other."""

    def place(self, trade: TradePrinted) -> Place:
        """Tell where a trade from the stream stands, and remember it as heard."""

    def missing_before(self, trade: TradePrinted) -> str:
        """Say what is missing, for the log."""

    def lags(self, listed: Sequence[TradePrinted], held: Sequence[TradePrinted]) -> bool:
        """True where the venue's list is older than what the stream has carried since."""

    def merge(
        self, listed: Sequence[TradePrinted], held: Sequence[TradePrinted], *, is_complete: bool, is_joined: bool
    ) -> tuple[list[TradePrinted], bool]:
        """Return what follows on the last trade in the bars, in order, and whether it does so without a hole.

        ``is_complete`` where the list goes back to the first trade there ever was, ``is_joined`` where some
        of those held came since the stream broke last: then the next trade follows on them.
        """

    def booked(self, trade: TradePrinted) -> None:
        """This trade went into the bars; it is the last one now."""

    def forget(self) -> None:
        """The venue counts anew: what follows stands alone."""


class NumberedTrades:
    """The venue numbers its trades without a hole, so a missing number is a missing trade."""

    __slots__ = ("_heard", "_heard_ns", "_known")

    def __init__(self) -> None:
        self._known = 0  # number of the last trade in the bars; 0 where what follows stands alone
        self._heard = 0
        self._heard_ns = 0

    @property
    def is_begun(self) -> bool:
        return self._known > 0

    def goes_on(self, trade: TradePrinted) -> bool:
        number = int(trade.trade_id)
        if number != self._known + 1 or number != self._heard + 1:
            return False
        self._known = self._heard = number
        if trade.ts_venue_ns > self._heard_ns:
            self._heard_ns = trade.ts_venue_ns
        return True

    def place(self, trade: TradePrinted) -> Place:
        number = int(trade.trade_id)
        if number <= self._heard:
            if trade.ts_venue_ns <= self._heard_ns:
                return Place.REPEAT
            self._hear(number, trade)
            return Place.AFRESH  # later in time, yet a lower number
        follows = number == self._heard + 1 or not self._heard
        self._hear(number, trade)
        return Place.NEXT if follows else Place.HOLE

    def missing_before(self, trade: TradePrinted) -> str:
        return f"{int(trade.trade_id) - self._known - 1} missing before {trade.trade_id}"

    def lags(self, listed: Sequence[TradePrinted], held: Sequence[TradePrinted]) -> bool:
        return bool(held) and (not listed or int(listed[-1].trade_id) < int(held[0].trade_id) - 1)

    def merge(
        self, listed: Sequence[TradePrinted], held: Sequence[TradePrinted], *, is_complete: bool, is_joined: bool
    ) -> tuple[list[TradePrinted], bool]:
        joined = {int(trade.trade_id): trade for trade in (*listed, *held)}
        numbers = sorted(number for number in joined if number > self._known)
        follows = bool(listed) and (is_complete or int(listed[0].trade_id) <= self._known + 1)
        return [joined[number] for number in numbers], follows

    def booked(self, trade: TradePrinted) -> None:
        number = self._known = int(trade.trade_id)
        if number > self._heard:
            self._hear(number, trade)

    def forget(self) -> None:
        self._known = 0

    def _hear(self, number: int, trade: TradePrinted) -> None:
        self._heard = number
        self._heard_ns = max(self._heard_ns, trade.ts_venue_ns)


class NamedTrades:
    """Trades have names without an order: they stand as they came, and a repeat is told by its name.

    That none is missing in between follows from the connection; after a break it follows from a trade
    that the venue's list and the line have in common. A list alone does not join them: what was traded
    between its answer and the first trade of the stream would be lost unseen, so it is read once more then.
    """

    __slots__ = ("_booked", "_heard", "_is_joined", "_newest_ns")

    def __init__(self) -> None:
        self._heard = OrderedDict[str, None]()  # in the order they came
        self._booked = OrderedDict[str, None]()
        self._is_joined = False
        self._newest_ns = 0

    @property
    def is_begun(self) -> bool:
        return bool(self._booked)

    def goes_on(self, trade: TradePrinted) -> bool:
        name, ts_venue_ns = trade.trade_id, trade.ts_venue_ns
        if not self._is_joined or name in self._heard or ts_venue_ns < self._newest_ns - BACKDATED_NS:
            return False
        _remember(self._heard, name)
        _remember(self._booked, name)
        if ts_venue_ns > self._newest_ns:
            self._newest_ns = ts_venue_ns
        return True

    def place(self, trade: TradePrinted) -> Place:
        if trade.trade_id in self._heard or trade.ts_venue_ns < self._newest_ns - BACKDATED_NS:
            return Place.REPEAT
        _remember(self._heard, trade.trade_id)
        self._newest_ns = max(self._newest_ns, trade.ts_venue_ns)
        return Place.NEXT if self._is_joined else Place.UNPROVEN

    def missing_before(self, trade: TradePrinted) -> str:
        return f"perhaps some before {trade.trade_id}"

    def lags(self, listed: Sequence[TradePrinted], held: Sequence[TradePrinted]) -> bool:
        if not held or not listed:
            return bool(held)
        first = held[0]  # several trades share a millisecond: only its name shows that the list reaches it
        return listed[-1].ts_venue_ns <= first.ts_venue_ns and all(one.trade_id != first.trade_id for one in listed)

    def merge(
        self, listed: Sequence[TradePrinted], held: Sequence[TradePrinted], *, is_complete: bool, is_joined: bool
    ) -> tuple[list[TradePrinted], bool]:
        booked = [at for at, trade in enumerate(listed) if trade.trade_id in self._booked]
        # what lies between two that are in the bars was lost on its way, unseen
        missed = [trade for trade in listed[booked[0] if booked else 0 :] if trade.trade_id not in self._booked]
        names = {trade.trade_id for trade in listed}
        rest = [trade for trade in held if trade.trade_id not in names and trade.trade_id not in self._booked]
        is_given_up = not (listed or is_complete)
        self._is_joined = is_joined or is_given_up
        begin_ns = listed[0].ts_venue_ns if listed else 0
        older = [trade for trade in rest if trade.ts_venue_ns < begin_ns]  # than all that is listed
        newer = [trade for trade in rest if trade.ts_venue_ns >= begin_ns]
        return [*older, *missed, *newer], bool(booked) or (bool(listed) and is_complete)

    def booked(self, trade: TradePrinted) -> None:
        _remember(self._heard, trade.trade_id)
        _remember(self._booked, trade.trade_id)
        self._newest_ns = max(self._newest_ns, trade.ts_venue_ns)

    def forget(self) -> None:
        self._booked.clear()


def _remember(names: OrderedDict[str, None], name: str) -> None:
    names[name] = None
    if len(names) > MAX_NAMES:
        names.popitem(last=False)  # a plain dict looks for its first entry past all that were deleted
