"""What every exchange must be able to do, in our words.

Reads raise VenueError when they fail: a failed read is never "flat" and never "not found".
Writes return an outcome: only what the venue has proven is ACCEPTED or REJECTED.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from enum import Enum
from typing import Literal, Protocol

import msgspec

from seawall_proto import Balance, OrderState, OrderType, PositionSnapshot, Side


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument's trading rules as the venue states them. Quantities are in base units."""

    venue: str
    symbol: str
    venue_symbol: str
    base: str
    quote: str
    settle: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    market_max_quantity: Decimal
    min_notional: Decimal
    contract_size: Decimal = Decimal(1)
    """Base units in one unit of the venue's own quantities; of an inverse contract, quote units."""
    is_inverse: bool = False


class Outcome(Enum):
    """What is proven about a request."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One order to send, already rounded to the instrument's rules."""

    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    limit_price: Decimal | None = None
    reduce_only: bool = False
    post_only: bool = False
    time_in_force: Literal["GTC", "IOC", "FOK"] = "GTC"


class StopRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One reduce-only stop-market order to rest at the venue."""

    client_stop_id: str
    symbol: str
    side: Side
    quantity: Decimal
    trigger_price: Decimal
    working_type: Literal["mark", "last"] = "mark"


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the venue reports it."""

    client_order_id: str
    venue_order_id: str
    symbol: str
    side: Side
    order_type: str
    quantity: Decimal
    filled_quantity: Decimal
    average_price: Decimal | None
    limit_price: Decimal | None
    reduce_only: bool
    state: OrderState
    ts_venue_ns: int


class VenueStop(msgspec.Struct, frozen=True, kw_only=True):
    """A conditional order as the venue reports it. ``active`` means it rests, untriggered."""

    client_stop_id: str
    venue_stop_id: str
    symbol: str
    side: Side
    quantity: Decimal
    trigger_price: Decimal
    reduce_only: bool
    active: bool
    state: str
    ts_venue_ns: int


class VenueFill(msgspec.Struct, frozen=True, kw_only=True):
    """One fill as the venue reports it; ``fill_id`` is unique per symbol at the venue."""

    fill_id: str
    client_order_id: str
    venue_order_id: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    realised_pnl: Decimal
    ts_venue_ns: int


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a write. ``code`` is the venue's raw code, or the transport's own word.

    ``ts_sent_ns`` is when the request left by our clock; 0 where not a byte of it did.
    """

    outcome: Outcome
    code: str = ""
    message: str = ""
    order: VenueOrder | None = None
    stop: VenueStop | None = None
    ts_sent_ns: int = 0


class OrderUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """From the user stream: an order changed, perhaps by a fill."""

    order: VenueOrder
    fill: VenueFill | None
    ts_received_ns: int


class StopUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """From the user stream: a conditional order changed."""

    stop: VenueStop
    reason: str
    ts_received_ns: int


class PositionUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """From the user stream: a position is now this large (signed)."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    ts_received_ns: int


class StreamChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The user stream connected or was lost; after each connect, state must be read again."""

    connected: bool
    reason: str
    ts_received_ns: int


UserUpdate = OrderUpdate | StopUpdate | PositionUpdate | StreamChanged


class TradingSession(Protocol):
    """One account at one venue, with one key. Quantities and prices are ``Decimal``."""

    @property
    def clock_offset_ns(self) -> int:
        """How far the venue's clock is ahead of ours, as last measured."""

    async def open(self) -> None:
        """Read the clock offset and the instruments' rules. Raises VenueError."""

    async def close(self) -> None:
        """Close every socket."""

    def instrument(self, symbol: str) -> Instrument:
        """Return the rules of one instrument. Raises VenueError where it is not listed."""

    async def place_order(self, request: OrderRequest, on_sent: Callable[[int], None] | None = None) -> Result:
        """Send one order, once; ``on_sent`` is called with the time, by our clock, at which it leaves."""

    async def cancel_order(self, symbol: str, client_order_id: str) -> Result:
        """Cancel one order by our id."""

    async def find_order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """Return the order with our id; None only where the venue says there is none."""

    async def open_orders(self, symbol: str | None = None) -> tuple[VenueOrder, ...]:
        """Return every working order that is not conditional, or those of one symbol."""

    async def order_history(self, symbol: str, since_ns: int) -> tuple[VenueOrder, ...]:
        """Return the account's orders of one symbol since a venue time, ended ones included, oldest first."""

    async def fills(self, symbol: str, since_ns: int) -> tuple[VenueFill, ...]:
        """Return the account's fills of one symbol since a venue time, oldest first."""

    async def positions(self) -> tuple[PositionSnapshot, ...]:
        """Return every position that is not zero."""

    async def balances(self) -> tuple[Balance, ...]:
        """Return wallet balances."""

    async def place_stop(self, request: StopRequest) -> Result:
        """Rest one reduce-only stop, once."""

    async def cancel_stop(self, symbol: str, client_stop_id: str) -> Result:
        """Cancel one stop by our id."""

    async def open_stops(self, symbol: str | None = None) -> tuple[VenueStop, ...]:
        """Return every conditional order that rests, or those of one symbol (Binance: weight 1 instead of 40)."""

    async def find_stop(self, symbol: str, client_stop_id: str) -> VenueStop | None:
        """Return the stop with our id, resting or not; None only where the venue says there is none."""

    async def mark_price(self, symbol: str) -> Decimal:
        """Return the current mark price."""

    def updates(self) -> AsyncIterator[UserUpdate]:
        """Yield user-stream updates for ever, reconnecting; starts with a StreamChanged."""


class VenueError(Exception):
    """The venue could not be asked, or answered something that proves nothing."""


class UnknownInstrumentError(VenueError):
    """A symbol the venue does not list, or whose rules could not be read."""
