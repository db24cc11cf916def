"""What execution's own effects tell its decisions. None of these travels on the bus."""

from __future__ import annotations

from decimal import Decimal

from seawall_proto import (
    AccountEvent,
    AccountReconciled,
    Balance,
    Event,
    OrderFilled,
    OrderStateChanged,
    PositionChanged,
    PositionSnapshot,
    TradingHalted,
)
from seawall_venues.port import Result, VenueFill, VenueOrder, VenueStop


class LedgerRead(AccountEvent, frozen=True, kw_only=True):
    """What the ledger held when this process started."""

    open_orders: tuple[OrderStateChanged, ...]
    positions: tuple[PositionChanged, ...]
    fills: tuple[OrderFilled, ...]
    last_reconciled: AccountReconciled | None
    market_max: dict[str, Decimal] = {}


class HaltsRead(Event, frozen=True, kw_only=True):
    """The halts that the ledger holds."""

    halts: tuple[TradingHalted, ...]


class FlattenWanted(AccountEvent, frozen=True, kw_only=True):
    """Somebody wants positions in ``scope`` closed; ``request_id`` is the wish's event id."""

    scope: str
    request_id: str
    reason: str


class OrderAnswered(AccountEvent, frozen=True, kw_only=True):
    """The one request of an order came back; ``result`` is what that proves."""

    client_order_id: str
    result: Result


class OrderUnsent(AccountEvent, frozen=True, kw_only=True):
    """The request was deliberately not sent: too late. The venue is asked all the same."""

    client_order_id: str
    reason: str


class OrderRecalled(AccountEvent, frozen=True, kw_only=True):
    """The ledger knew this order before it was intended here: its row is the truth, nothing is sent."""

    client_order_id: str
    known: OrderStateChanged | None


class OrderReported(AccountEvent, frozen=True, kw_only=True):
    """The venue says how an order stands, perhaps after a fill; often before the request is answered.

    ``ts_sent_ns`` is when this process sent the order; 0 where it did not.
    """

    order: VenueOrder
    fill: VenueFill | None = None
    ts_sent_ns: int = 0


class OrderSearched(AccountEvent, frozen=True, kw_only=True):
    """An order was looked for among open orders, by its id, in history, in fills and in the position.

    ``complete`` is False where any of these could not be read; ``problem`` says which.
    """

    client_order_id: str
    symbol: str
    found: VenueOrder | None
    complete: bool
    history: tuple[VenueOrder, ...] = ()
    fills: tuple[VenueFill, ...] = ()
    position: PositionSnapshot | None = None
    problem: str = ""


class PositionReported(AccountEvent, frozen=True, kw_only=True):
    """The user stream says how large a position is now."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal


class PositionDoubted(AccountEvent, frozen=True, kw_only=True):
    """Some time ago the venue's word about a position differed from ours."""

    symbol: str


class AccountRead(AccountEvent, frozen=True, kw_only=True):
    """Everything the venue says about the account, read at one time.

    ``symbols`` are those whose orders were read; None for every symbol the venue has. ``history``
    names the orders behind ``fills``, which the venue states without our id.
    """

    ts_started_ns: int
    symbols: frozenset[str] | None
    orders: tuple[VenueOrder, ...]
    history: tuple[VenueOrder, ...] = ()
    stops: tuple[VenueStop, ...]
    fills: tuple[VenueFill, ...]
    positions: tuple[PositionSnapshot, ...]
    balances: tuple[Balance, ...]


class UserStreamChanged(AccountEvent, frozen=True, kw_only=True):
    """The user stream came, went, or said something unreadable."""

    connected: bool
    reason: str
