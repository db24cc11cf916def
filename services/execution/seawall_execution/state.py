"""What execution remembers of one account."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from seawall_proto import OrderStateChanged
from seawall_runtime.config import Config
from seawall_runtime.service import Key

from .positions import Holding

SECOND_NS = 1_000_000_000
CONTROL = "control"
MAX_ENDED_ORDERS = 4_096  # late copies come within minutes; a day of a busy account fits
MAX_BOOKED_FILLS = 65_536  # readings overlap by a minute; this is hours of a busy account


@dataclass(slots=True)
class Tracked:
    """One order: its newest event, and what is needed to settle doubts about it."""

    change: OrderStateChanged
    strategy: str = ""
    since_ns: int = 0
    """When this process first knew it, by its own clock."""
    booked: Decimal = Decimal(0)
    """Sum of the fills booked for it."""
    searches: int = 0
    searching: bool = False
    unsent: str = ""
    """Why this process deliberately did not send it; empty where it may have been sent."""
    warned: bool = False

    @property
    def is_working(self) -> bool:
        """True where a further change is expected."""
        return not self.change.state.is_terminal

    def note_sent(self, ts_sent_ns: int) -> None:
        """Let every later event say when the request left."""
        if ts_sent_ns and not self.change.ts_sent_ns:
            self.change = msgspec.structs.replace(self.change, ts_sent_ns=ts_sent_ns)


@dataclass(slots=True)
class Position:
    """One position: exactly what is held, and the newest event about it."""

    holding: Holding = field(default_factory=Holding)
    sequence: int = 0
    stop_distance_bps: int = 0


@dataclass(slots=True)
class Flattening:
    """A position that somebody wants closed, until it is."""

    request_id: str
    reason: str
    generation: int = 0


@dataclass(slots=True)
class Halts:
    """Where no new risk is taken: the newest version of each scope.

    One for all accounts of the process, so that a halt binds the very next approval.
    """

    versions: dict[str, tuple[int, bool]] = field(default_factory=dict)

    def note(self, scope: str, version: int, *, halted: bool) -> None:
        """Keep the newest version; of a halt and a resume with one version the halt wins."""
        known, _ = self.versions.get(scope, (0, False))
        if version > known or (version == known and halted):
            self.versions[scope] = (version, halted)

    def active(self) -> list[str]:
        """Return the scopes that are halted."""
        return [scope for scope, (_, halted) in self.versions.items() if halted]


@dataclass(slots=True)
class Account:
    """Orders, fills and positions of one account at one venue.

    ``doubt`` says why new risk is not taken at the moment: nothing read yet, the user stream lost.
    """

    venue: str
    account: str
    served: bool = True
    quarantine_ns: int = 600 * SECOND_NS
    doubt: str = "the account was not read yet"
    connected: bool = False
    doubted_since_ns: int = 0
    orders: OrderedDict[str, Tracked] = field(default_factory=OrderedDict)
    by_venue_id: dict[tuple[str, str], str] = field(default_factory=dict)
    intents: dict[str, str] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    reported: dict[str, Decimal] = field(default_factory=dict)
    booked: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)
    halts: Halts = field(default_factory=Halts)
    flattening: dict[str, Flattening] = field(default_factory=dict)
    reconciled: bool = False
    """True once venue and ledger agreed, in this life or an earlier one."""
    rereadings: int = 0
    """Readings repeated because venue and ledger differed; a fill may only have been on its way."""
    market_max: dict[str, Decimal] = field(default_factory=dict)
    """The largest market order per symbol, as the venue's rules say."""

    def tracked(self, client_order_id: str) -> Tracked | None:
        """Return the order we know by this id."""
        return self.orders.get(client_order_id)

    def tracked_at_venue(self, symbol: str, venue_order_id: str) -> Tracked | None:
        """Return the order the venue knows by this id."""
        return self.orders.get(self.by_venue_id.get((symbol, venue_order_id), ""))

    def working(self, symbol: str = "") -> list[Tracked]:
        """Return the orders that may still change, of one symbol or of all."""
        return [one for one in self.orders.values() if one.is_working and symbol in ("", one.change.symbol)]

    def remember(self, tracked: Tracked) -> None:
        """Keep an order under every name it has, and forget the oldest that ended long ago."""
        change = tracked.change
        self.orders[change.client_order_id] = tracked
        if change.venue_order_id:
            self.by_venue_id[change.symbol, change.venue_order_id] = change.client_order_id
        if change.intent_id:
            self.intents[change.intent_id] = change.client_order_id
        self._forget_old()

    def forget(self, client_order_id: str) -> None:
        """Drop an order under all its names."""
        tracked = self.orders.pop(client_order_id, None)
        if tracked is None:
            return
        change = tracked.change
        self.by_venue_id.pop((change.symbol, change.venue_order_id), None)
        if self.intents.get(change.intent_id) == client_order_id:
            del self.intents[change.intent_id]

    def note_fill(self, symbol: str, fill_id: str) -> bool:
        """Note a fill as booked; False where it was booked before."""
        if (symbol, fill_id) in self.booked:
            return False
        self.booked[symbol, fill_id] = None
        if len(self.booked) > MAX_BOOKED_FILLS:
            self.booked.popitem(last=False)
        return True

    def position(self, symbol: str) -> Position:
        """Return the position of a symbol, a flat one where there was none."""
        return self.positions.setdefault(symbol, Position())

    def _forget_old(self) -> None:
        if len(self.orders) <= MAX_ENDED_ORDERS:
            return
        for client_order_id, tracked in self.orders.items():
            if not tracked.is_working:
                self.forget(client_order_id)
                return


@dataclass(slots=True)
class Control:
    """What concerns every account: the halts, and the wishes already passed on."""

    halts: Halts = field(default_factory=Halts)
    flattened: OrderedDict[str, None] = field(default_factory=OrderedDict)


def initial(config: Config) -> Callable[[Key], Account | Control]:
    """Return the function that makes the first state of a key."""
    served = {(venue.name, venue.account) for venue in config.traded_venues if venue.trade_key is not None}
    quarantine_ns = config.execution.quarantine_s * SECOND_NS
    halts = Halts()

    def make(key: Key) -> Account | Control:
        if key == CONTROL:
            return Control(halts)
        if not isinstance(key, tuple):
            raise TypeError(f"{key!r} is no account")
        venue, account = key
        is_served = (venue, account) in served
        return Account(venue, account, served=is_served, quarantine_ns=quarantine_ns, halts=halts)

    return make
