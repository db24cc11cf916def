"""What the simulated exchange keeps: orders, conditional orders, fills, positions, settings, money moved.

All are frozen: a change makes a new value, so an event can carry the value of its moment.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

ZERO = Decimal(0)
MONEY_STEP = Decimal("0.00000001")  # the venue books money to eight decimals

Side = Literal["BUY", "SELL"]
OrderKind = Literal["LIMIT", "MARKET"]
ConditionalKind = Literal["STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"]
TimeInForce = Literal["GTC", "IOC", "FOK", "GTX", "GTD", "GTE_GTC"]
OrderStatus = Literal["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"]
AlgoStatus = Literal["NEW", "TRIGGERING", "TRIGGERED", "FINISHED", "CANCELED", "REJECTED", "EXPIRED"]
WorkingType = Literal["MARK_PRICE", "CONTRACT_PRICE"]
MarginType = Literal["cross", "isolated"]
IncomeKind = Literal["TRANSFER", "REALIZED_PNL", "COMMISSION", "FUNDING_FEE", "INSURANCE_CLEAR"]

OPEN_ORDER: frozenset[OrderStatus] = frozenset({"NEW", "PARTIALLY_FILLED"})
OPEN_ALGO: frozenset[AlgoStatus] = frozenset({"NEW"})


def money(amount: Decimal) -> Decimal:
    """Round an amount of quote units as the venue books it."""
    return amount.quantize(MONEY_STEP)


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A request for one order. A market order has no price."""

    symbol: str
    side: Side
    kind: OrderKind
    quantity: Decimal
    price: Decimal = ZERO
    time_in_force: TimeInForce = "GTC"
    reduce_only: bool = False
    client_order_id: str = ""
    good_till_ms: int = 0
    self_trade_prevention: str = "EXPIRE_MAKER"
    price_match: str = "NONE"


class NewAlgo(msgspec.Struct, frozen=True, kw_only=True):
    """A request for one conditional order. ``callback_percent`` and ``activation_price`` are for trailing stops."""

    symbol: str
    side: Side
    kind: ConditionalKind
    quantity: Decimal = ZERO
    trigger_price: Decimal = ZERO
    price: Decimal = ZERO
    time_in_force: TimeInForce = "GTC"
    working_type: WorkingType = "CONTRACT_PRICE"
    reduce_only: bool = False
    close_position: bool = False
    price_protect: bool = False
    activation_price: Decimal = ZERO
    callback_percent: Decimal = ZERO
    client_algo_id: str = ""
    good_till_ms: int = 0
    self_trade_prevention: str = "EXPIRE_MAKER"
    price_match: str = "NONE"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order in the book or in the past. ``quote`` is the sum of price times quantity over its fills."""

    order_id: int
    client_order_id: str
    symbol: str
    side: Side
    kind: OrderKind
    origin: str  # the type as first asked for: a stop that triggered keeps saying so
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    status: OrderStatus
    created_ns: int
    updated_ns: int
    executed: Decimal = ZERO
    quote: Decimal = ZERO
    stop_price: Decimal = ZERO
    close_position: bool = False
    working_type: WorkingType = "CONTRACT_PRICE"
    price_protect: bool = False
    algo_id: int = 0
    good_till_ms: int = 0
    self_trade_prevention: str = "EXPIRE_MAKER"
    price_match: str = "NONE"
    amendments: int = 0
    forced: bool = False

    @property
    def remaining(self) -> Decimal:
        """What is still to be filled."""
        return self.quantity - self.executed

    @property
    def average_price(self) -> Decimal:
        """Mean fill price; zero before the first fill."""
        return self.quote / self.executed if self.executed else ZERO

    @property
    def is_open(self) -> bool:
        """True while the order can still fill."""
        return self.status in OPEN_ORDER


class AlgoOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A conditional order. ``extreme`` is the best price that an active trailing stop has seen; zero until active."""

    algo_id: int
    client_algo_id: str
    symbol: str
    side: Side
    kind: ConditionalKind
    quantity: Decimal
    trigger_price: Decimal
    price: Decimal
    time_in_force: TimeInForce
    working_type: WorkingType
    reduce_only: bool
    close_position: bool
    price_protect: bool
    activation_price: Decimal
    callback_percent: Decimal
    status: AlgoStatus
    created_ns: int
    updated_ns: int
    triggered_ns: int = 0
    extreme: Decimal = ZERO
    actual_order_id: int = 0
    actual_price: Decimal = ZERO
    actual_quantity: Decimal = ZERO
    reason: str = ""
    good_till_ms: int = 0
    self_trade_prevention: str = "EXPIRE_MAKER"
    price_match: str = "NONE"

    @property
    def is_open(self) -> bool:
        """True while it rests untriggered."""
        return self.status in OPEN_ALGO

    @property
    def is_stop(self) -> bool:
        """True where it triggers on a price moving against its holder (stop), False for a take profit."""
        return self.kind in ("STOP", "STOP_MARKET", "TRAILING_STOP_MARKET")


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution; ``fee`` is positive when paid."""

    fill_id: int
    order_id: int
    client_order_id: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    realised_pnl: Decimal
    maker: bool
    ts_ns: int


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A position: signed quantity and signed cost (sum of price times quantity), so nothing is lost to rounding.

    ``carried`` is fees paid less profit realised since it was opened, for the break-even price.
    """

    symbol: str
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    carried: Decimal = ZERO
    realised: Decimal = ZERO
    isolated_wallet: Decimal = ZERO
    updated_ns: int = 0

    @property
    def entry_price(self) -> Decimal:
        """Mean entry price; zero when flat."""
        return self.cost / self.quantity if self.quantity else ZERO

    @property
    def break_even_price(self) -> Decimal:
        """The exit price at which the position has paid its fees back; zero when flat."""
        return (self.cost + self.carried) / self.quantity if self.quantity else ZERO

    def unrealised(self, mark_price: Decimal) -> Decimal:
        """Profit if it were closed at the mark price."""
        return self.quantity * mark_price - self.cost


class SymbolSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Leverage and margin type that the account chose for one symbol, and its last funding slot (8 h since 1970)."""

    symbol: str
    leverage: int = 20
    margin_type: MarginType = "cross"
    funding_slot: int = 0
    countdown_deadline_ns: int = 0


class Income(msgspec.Struct, frozen=True, kw_only=True):
    """Money that moved on the wallet, signed."""

    income_id: int
    symbol: str
    kind: IncomeKind
    amount: Decimal
    info: str
    ts_ns: int
    fill_id: int = 0
