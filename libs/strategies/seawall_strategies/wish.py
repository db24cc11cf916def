"""What a strategy wants of one market, told once, and told again only while nobody has answered.

A strategy says a direction when it changes (an edge, not a level). The wish is *confirmed* when a
position shows it, or when risk says that there is nothing to do. Until then it is repeated every
``retry_bars``: an entry a bounded number of times, getting out for as long as it takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from seawall_proto import Direction, OrderRefused, PositionChanged, RefusalReason

SIGN: dict[Direction, int] = {"long": 1, "short": -1, "flat": 0}
DIRECTION: dict[int, Direction] = {1: "long", -1: "short", 0: "flat"}
THERE = frozenset({RefusalReason.ALREADY_POSITIONED, RefusalReason.POSITION_LIMIT})


@dataclass(slots=True)
class Wish:
    """The direction wanted, since how many bars, and whether the account got there.

    ``position`` is the sign of what is held, None before anything was heard of it.
    """

    retry_bars: int
    max_attempts: int
    cool_down_bars: int
    direction: Direction = "flat"
    confirmed: bool = True
    position: int | None = None
    bars: int = 0
    cooling_bars: int = 0
    waiting_bars: int = 0
    attempts: int = 0
    raised_ns: int = -1

    @property
    def sign(self) -> int:
        """1 for long, -1 for short, 0 for flat."""
        return SIGN[self.direction]

    @property
    def may_enter(self) -> bool:
        """True where nothing is wanted, nothing is under way, and the pause after the last exit is over."""
        return self.direction == "flat" and self.confirmed and self.cooling_bars == 0

    def count_bar(self) -> None:
        """A bar passed."""
        self.bars += 1
        self.waiting_bars += not self.confirmed
        self.cooling_bars = max(self.cooling_bars - 1, 0)

    def change(self, direction: Direction, raised_ns: int) -> None:
        """Want something else from now on; ``raised_ns`` is the time that the signal carries."""
        if direction == "flat":
            self.cooling_bars = self.cool_down_bars
        self.direction, self.confirmed = direction, False
        self.bars = self.attempts = 0
        self.repeat(raised_ns)

    def repeat(self, raised_ns: int) -> None:
        """The wish is raised again."""
        self.waiting_bars, self.raised_ns = 0, raised_ns
        self.attempts += 1

    @property
    def is_overdue(self) -> bool:
        """True where nobody has answered for ``retry_bars``."""
        return not self.confirmed and self.waiting_bars >= self.retry_bars

    @property
    def is_hopeless(self) -> bool:
        """True where an entry was raised as often as it may be. Getting out is never hopeless."""
        return self.direction != "flat" and self.attempts >= self.max_attempts

    def hear_position(self, event: PositionChanged) -> None:
        """The account's position changed: by this wish, by a stop, or by somebody else."""
        self.position = (event.quantity > Decimal(0)) - (event.quantity < Decimal(0))
        if self.position == self.sign:
            self.confirmed = True
        elif self.confirmed:  # closed by its stop, or found held: what is there is what is wanted from now on
            self.direction, self.bars = DIRECTION[self.position], 0
            self.cooling_bars = 0 if self.position else self.cool_down_bars

    def hear_refusal(self, event: OrderRefused) -> None:
        """Risk refused the latest wish; an answer to an earlier one is late and says nothing."""
        if event.ts_received_ns != self.raised_ns or self.confirmed:
            return
        nothing_left = self.direction == "flat" and event.reason is RefusalReason.NOTHING_TO_CLOSE
        if nothing_left or (self.direction != "flat" and event.reason in THERE):
            self.position, self.confirmed = self.sign, True
