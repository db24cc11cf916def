"""What the guardian learns from the outside, one fact per symbol. All times are our own clock, in ns."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from seawall_proto import AccountEvent, Side
from seawall_venues.port import Outcome, VenueFill, VenueStop

ZERO = Decimal(0)
Source = Literal["stream", "read"]


class SymbolFact(AccountEvent, frozen=True, kw_only=True):
    """A fact about one symbol of one account; ``ts_received_ns`` is when it reached us."""

    symbol: str


class RulesKnown(SymbolFact, frozen=True, kw_only=True):
    """The instrument's rules; quantities in base units."""

    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    market_max_quantity: Decimal


class PositionSeen(SymbolFact, frozen=True, kw_only=True):
    """The venue says how large the position is (signed).

    A read is true as of some moment after ``ts_asked_ns``; for the user stream that is the moment of receipt.
    """

    quantity: Decimal
    entry_price: Decimal
    source: Source
    ts_asked_ns: int


class FillSeen(SymbolFact, frozen=True, kw_only=True):
    """A fill came over the user stream; ``quantity`` is signed, ``ts_fill_ns`` the venue's time on our clock."""

    quantity: Decimal
    ts_fill_ns: int


class FillsRead(SymbolFact, frozen=True, kw_only=True):
    """Fills read back to learn when a position began that was found by reading."""

    fills: tuple[VenueFill, ...]
    clock_offset_ns: int


class StopsRead(SymbolFact, frozen=True, kw_only=True):
    """Every conditional order of the symbol that rests, read from the venue after ``ts_asked_ns``."""

    stops: tuple[VenueStop, ...]
    ts_asked_ns: int
    clock_offset_ns: int = 0


class StopAnswered(SymbolFact, frozen=True, kw_only=True):
    """The venue's answer, or the lack of one, to a placement."""

    client_stop_id: str
    outcome: Outcome
    code: str = ""
    message: str = ""
    venue_stop_id: str = ""


class CancelAnswered(SymbolFact, frozen=True, kw_only=True):
    """The venue's answer, or the lack of one, to a cancel."""

    client_stop_id: str
    outcome: Outcome
    code: str = ""


class StopLookedUp(SymbolFact, frozen=True, kw_only=True):
    """One stop was asked for by our id. ``answered`` is False where the question failed: that proves nothing."""

    client_stop_id: str
    answered: bool
    stop: VenueStop | None
    ts_asked_ns: int
    clock_offset_ns: int = 0


class StopReported(SymbolFact, frozen=True, kw_only=True):
    """The user stream says that a conditional order changed."""

    stop: VenueStop
    reason: str


class MarkSeen(SymbolFact, frozen=True, kw_only=True):
    """The mark price."""

    price: Decimal


class FlattenAnswered(SymbolFact, frozen=True, kw_only=True):
    """The venue's answer, or the lack of one, to a closing order."""

    client_order_id: str
    outcome: Outcome
    code: str = ""


class FlattenWished(SymbolFact, frozen=True, kw_only=True):
    """Somebody asked, ``age_ns`` ago, for this symbol to be flat."""

    reason: str
    age_ns: int


class MomentPassed(SymbolFact, frozen=True, kw_only=True):
    """Time went by; fed ten times a second for every symbol watched, so that bounds are kept."""


class StopMemory(msgspec.Struct, frozen=True, kw_only=True):
    """A stop as the journal remembers it."""

    client_stop_id: str
    side: Side
    quantity: Decimal
    trigger_price: Decimal


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What must survive a crash about one symbol; ``exposed_ns`` is zero where the position was protected."""

    venue: str
    account: str
    symbol: str
    quantity: Decimal
    entry_price: Decimal
    opened_ns: int
    distance_bps: int
    trigger_price: Decimal | None
    stops: tuple[StopMemory, ...]
    exposed_ns: int = 0
    flatten_reason: str = ""
    flatten_since_ns: int = 0
    flatten_attempts: int = 0

    @property
    def is_empty(self) -> bool:
        """True where nothing is left to remember."""
        return self.quantity == 0 and not self.stops and not self.flatten_reason


class MemoryRestored(SymbolFact, frozen=True, kw_only=True):
    """What the journal held about one symbol when the guardian started."""

    memory: Memory
