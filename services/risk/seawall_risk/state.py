"""What risk remembers: halts, and per account its markets, positions, unfinished orders and equity.

Shape: ``Portfolio`` -> ``Account`` (one a venue) -> ``Market`` (one a symbol). Sums over markets are
kept as running totals, so that no decision walks over all symbols: a market that changed is put into
``touched`` and valued again when somebody asks for the sums.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from seawall_proto import CurrencyRated, ExposureChanged, FeedState, InstrumentListed, Level, OrderState
from seawall_runtime.config import RiskConfig

ZERO = Decimal(0)
MILLISECOND_NS = 1_000_000
SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
MAX_REMEMBERED = 4_096  # finished orders and booked fills kept to recognise late copies: hours of trading
APPROVAL_GRACE_NS = 5 * SECOND_NS  # execution's first word on an approval may lag its expiry by an outbox round
SETTLE_NS = 2 * SECOND_NS  # a fill's position follows within one transaction; longer means it came before


@dataclass(slots=True)
class Commitment:
    """Quantity that may still become position: an approval without an order yet, or an unfinished order.

    ``state`` is None for an approval. ``price`` is the worst it may fill at, None where unknown.
    """

    quantity: Decimal
    price: Decimal | None
    reduce_only: bool
    state: OrderState | None = None
    expires_at_ns: int = 0
    filled_quantity: Decimal = ZERO
    sequence: int = -1


@dataclass(slots=True, eq=False)
class Market:
    """One instrument as risk sees it: rules, feed, prices, position, and what may still fill."""

    symbol: str
    listed: bool
    instrument: InstrumentListed | None = None
    feed: FeedState | None = None
    feed_ns: int = 0
    bid: float = 0.0
    ask: float = 0.0
    quote_ns: int = 0
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    book_ns: int = 0
    mark: Decimal | None = None
    position: Decimal = ZERO
    entry_price: Decimal = ZERO
    position_sequence: int = -1
    position_ns: int = 0
    commitments: dict[str, Commitment] = field(default_factory=dict)
    settling: Decimal = ZERO
    settling_cash: Decimal = ZERO
    settling_until_ns: int = 0
    exposure: Decimal = ZERO
    unrealised: Decimal = ZERO
    valued: bool = True

    @property
    def at_stake(self) -> bool:
        """True where a price change changes exposure or equity."""
        return bool(self.position or self.commitments or self.settling)


@dataclass(slots=True)
class Account:
    """One account at one venue. ``cash`` is equity without unrealised profit, None until reconciled."""

    venue: str
    name: str
    markets: dict[str, Market]
    cash: Decimal | None = None
    reconciled_ns: int = 0
    differences: tuple[str, ...] = ()
    unrealised: Decimal = ZERO
    exposure: Decimal = ZERO
    unvalued: int = 0
    unknown: set[str] = field(default_factory=set)
    touched: set[Market] = field(default_factory=set)
    peak: Decimal | None = None
    day: int = -1
    day_start: Decimal | None = None
    said: ExposureChanged | None = None

    def market(self, symbol: str) -> Market:
        """Return the market; one that is not configured is made, for its position counts all the same."""
        found = self.markets.get(symbol)
        if found is None:
            found = self.markets[symbol] = Market(symbol, listed=False)
        return found


@dataclass(slots=True)
class Halt:
    """The newest word on one scope."""

    version: int
    halted: bool
    reason: str


@dataclass(slots=True)
class Portfolio:
    """Everything risk decides from. ``now_ns`` is the newest time any event carried.

    ``pegs`` holds the last known rate of each stablecoin.
    """

    limits: RiskConfig
    stale_after_ns: int
    accounts: dict[str, Account]
    approved_at_ns: deque[int]
    now_ns: int = 0
    loaded_ns: int = 0
    halts_read_ns: int = 0
    halts: dict[str, Halt] = field(default_factory=dict)
    pegs: dict[str, CurrencyRated] = field(default_factory=dict)
    finished: OrderedDict[str, int] = field(default_factory=OrderedDict)
    fills: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def advance(self, ts_ns: int) -> None:
        """Time only moves forward, whatever order events come in."""
        if ts_ns > self.now_ns:
            self.now_ns = ts_ns

    def account_of(self, venue: str, account: str) -> Account | None:
        """Return the account, None where the configuration does not name it."""
        found = self.accounts.get(venue)
        return found if found is not None and found.name == account else None

    def tradable(self, venue: str, symbol: str) -> Market | None:
        """Return the market of a configured symbol."""
        account = self.accounts.get(venue)
        return account.markets.get(symbol) if account is not None else None


def portfolio(limits: RiskConfig, stale_after_ms: int, venues: Iterable[tuple[str, str, Iterable[str]]]) -> Portfolio:
    """Return an empty portfolio of ``(venue, account, symbols)``."""
    accounts = {
        venue: Account(venue, name, {symbol: Market(symbol, listed=True) for symbol in symbols})
        for venue, name, symbols in venues
    }
    approved_at_ns: deque[int] = deque(maxlen=limits.max_orders_per_minute)
    return Portfolio(limits, stale_after_ms * MILLISECOND_NS, accounts, approved_at_ns)


Value = TypeVar("Value")


def remember(memory: OrderedDict[str, Value], key: str, value: Value) -> None:
    """Keep the newest MAX_REMEMBERED entries."""
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > MAX_REMEMBERED:
        memory.popitem(last=False)
