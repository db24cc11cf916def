"""What the guardian knows about one symbol of one account, and about flatten wishes as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Literal, cast

from seawall_proto import Side
from seawall_runtime.config import Config, StopGuardianConfig
from seawall_runtime.service import Key
from seawall_stop_guardian.facts import ZERO, Memory, RulesKnown

CONTROL_KEY = "control"
Protection = Literal["flat", "unprotected", "protected"]


class Phase(Enum):
    """Where one stop of ours stands."""

    PLACING = "placing"  # the request is under way
    UNKNOWN = "unknown"  # nothing is proven about it
    RESTING = "resting"  # the venue has acknowledged or reported it
    MISSING = "missing"  # it rested, and a later read did not list it: being looked up
    CANCELING = "canceling"  # a cancel was sent
    TRIGGERED = "triggered"  # it became a market order


@dataclass(slots=True)
class OwnStop:
    """One stop of ours. ``verified`` means that we have read it back as resting, with the right content."""

    client_stop_id: str
    side: Side
    quantity: Decimal
    trigger_price: Decimal
    phase: Phase
    verified: bool = False
    venue_stop_id: str = ""
    sent_ns: int = 0
    acknowledged_ns: int = 0
    last_seen_ns: int = 0
    absent_reads: int = 0
    not_found: int = 0
    look_up_ns: int = 0
    cancel_answered_ns: int = 0
    cancel_again_ns: int = 0


@dataclass(slots=True)
class Step:
    """The position first exceeded what was covered: at ``exposed_ns`` by the venue's clock, known to us later."""

    quantity: Decimal
    exposed_ns: int
    known_ns: int


@dataclass(slots=True)
class Flattening:
    """A position is being closed at the market."""

    reason: str
    quantity: Decimal
    since_ns: int
    attempts: int = 0
    in_flight: bool = False
    answered_ns: int = 0
    next_ns: int = 0


@dataclass(slots=True)
class Wish:
    """Somebody asked for this symbol to be flat."""

    reason: str
    act_ns: int
    until_ns: int


@dataclass(slots=True)
class Guarded:
    """One symbol of one account. ``quantity`` is None until the venue has said it once."""

    venue: str
    account: str
    symbol: str
    options: StopGuardianConfig
    rules: RulesKnown | None = None

    quantity: Decimal | None = None
    entry_price: Decimal = ZERO
    changed_ns: int = 0
    agreed_stream: bool = False
    agreed_reads: int = 0
    first_agreed_ns: int = 0
    last_read_ns: int = 0

    opened_ns: int = 0
    distance_bps: int = 0
    approved_distance_bps: int = 0
    approved_side: Side | None = None
    trigger_price: Decimal | None = None
    best_price: Decimal | None = None
    mark_price: Decimal | None = None
    breached_ns: int = 0
    breaches: int = 0

    stops: dict[str, OwnStop] = field(default_factory=dict)
    departed: dict[str, int] = field(default_factory=dict)
    foreign: dict[str, None] = field(default_factory=dict)
    failures: int = 0
    retry_ns: int = 0
    triggered_ns: int = 0

    steps: list[Step] = field(default_factory=list)
    fill_ns: int = 0
    unmatched: Decimal = ZERO
    unmatched_ns: int = 0
    exposed_ns: int = 0
    longest_ns: int = 0
    protection: Protection = "flat"
    alerted: bool = False
    fills_wanted: bool = False

    flattening: Flattening | None = None
    wish: Wish | None = None
    restored: Memory | None = None
    remembered: Memory | None = None
    read_wanted_ns: int = 0

    @property
    def is_open(self) -> bool:
        """True where the position is known and worth protecting; what cannot be traded away is dust."""
        if not self.quantity:
            return False
        return self.rules is None or abs(self.quantity) >= self.rules.min_quantity


@dataclass(slots=True)
class Control:
    """Flatten wishes already passed on, so that a repeated message is not a second wish."""

    wishes: dict[str, None] = field(default_factory=dict)


State = Guarded | Control


def initial(config: Config) -> Callable[[Key], State]:
    """Return the maker of fresh states: one per (venue, account, symbol), one for control."""

    def make(key: Key) -> State:
        if key == CONTROL_KEY:
            return Control()
        venue, account, symbol = cast("tuple[str, str, str]", key)
        return Guarded(venue=venue, account=account, symbol=symbol, options=config.stop_guardian)

    return make
