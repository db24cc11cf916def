"""What the exchange remembers of one account, and what of it changed since it was last asked.

Every change goes through here, so the list of changes that a journal writes down cannot miss one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

import msgspec

from .model import ZERO, AlgoOrder, Fill, Income, Order, Position, Side, SymbolSettings

Key = TypeVar("Key", int, str)
Kept = TypeVar("Kept")

# closed orders kept for queries: days of trading at the pace this system trades
MAX_CLOSED_ORDERS = 20_000
MAX_FILLS = 50_000
MAX_INCOMES = 50_000

FIRST_ORDER_ID = 8_886_774_000
FIRST_ALGO_ID = 1_000_000_001_000
FIRST_FILL_ID = 698_700_000


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """The next numbers to give out, and the wallet."""

    next_order_id: int = FIRST_ORDER_ID
    next_algo_id: int = FIRST_ALGO_ID
    next_fill_id: int = FIRST_FILL_ID
    next_income_id: int = 1
    wallet: Decimal = ZERO
    wallet_updated_ns: int = 0


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a step changed, as absolute values: applying it twice does no harm."""

    counters: Counters | None = None
    orders: tuple[Order, ...] = ()
    algos: tuple[AlgoOrder, ...] = ()
    fills: tuple[Fill, ...] = ()
    incomes: tuple[Income, ...] = ()
    positions: tuple[Position, ...] = ()
    settings: tuple[SymbolSettings, ...] = ()


class Store:
    """Orders, conditional orders, fills, income, positions and settings of one account."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.orders: OrderedDict[int, Order] = OrderedDict()
        self.algos: OrderedDict[int, AlgoOrder] = OrderedDict()
        self.fills: OrderedDict[int, Fill] = OrderedDict()
        self.incomes: OrderedDict[int, Income] = OrderedDict()
        self.positions: dict[str, Position] = {}
        self.settings: dict[str, SymbolSettings] = {}
        self._open_orders: dict[str, dict[int, Order]] = {}
        self._open_algos: dict[str, dict[int, AlgoOrder]] = {}
        self._order_of_client: dict[tuple[str, str], int] = {}
        self._algo_of_client: dict[str, int] = {}
        self._changed: dict[str, set[int] | set[str]] = {}
        self._reset_changes()

    # --- reading -------------------------------------------------------------------------------------------------

    def position(self, symbol: str) -> Position:
        """Return the position, flat where there never was one."""
        return self.positions.get(symbol) or Position(symbol=symbol)

    def settings_of(self, symbol: str) -> SymbolSettings:
        """Return the symbol's settings, the venue's defaults where none were chosen."""
        return self.settings.get(symbol) or SymbolSettings(symbol=symbol)

    def open_orders(self, symbol: str | None = None) -> list[Order]:
        """Return working orders, oldest first."""
        if symbol is not None:
            return list(self._open_orders.get(symbol, {}).values())
        return sorted(
            (order for orders in self._open_orders.values() for order in orders.values()), key=lambda o: o.order_id
        )

    def open_side(self, symbol: str, side: Side) -> list[Order]:
        """Return working orders of one side, best price first, then oldest first."""
        orders = self._open_orders.get(symbol)
        if not orders:
            return []
        sign = -1 if side == "BUY" else 1
        return sorted((o for o in orders.values() if o.side == side), key=lambda o: (sign * o.price, o.order_id))

    def open_algos(self, symbol: str | None = None) -> list[AlgoOrder]:
        """Return conditional orders that rest, oldest first."""
        if symbol is not None:
            return list(self._open_algos.get(symbol, {}).values())
        return sorted((algo for algos in self._open_algos.values() for algo in algos.values()), key=lambda a: a.algo_id)

    def order_by_client(self, symbol: str, client_order_id: str) -> Order | None:
        """Return the newest order with this client id."""
        order_id = self._order_of_client.get((symbol, client_order_id))
        return self.orders.get(order_id) if order_id is not None else None

    def algo_by_client(self, client_algo_id: str) -> AlgoOrder | None:
        """Return the newest conditional order with this client id."""
        algo_id = self._algo_of_client.get(client_algo_id)
        return self.algos.get(algo_id) if algo_id is not None else None

    def symbols_in_use(self) -> set[str]:
        """Return the symbols in which a position or an order is open."""
        held = {position.symbol for position in self.positions.values() if position.quantity}
        return held | {o.symbol for o in self.open_orders()} | {a.symbol for a in self.open_algos()}

    # --- writing -------------------------------------------------------------------------------------------------

    def take_id(self, name: str) -> int:
        """Return the next number of a counter and move it on."""
        number: int = getattr(self.counters, name)
        self.counters = msgspec.structs.replace(self.counters, **{name: number + 1})
        self._mark("counters", 0)
        return number

    def move_wallet(self, ts_ns: int, amount: Decimal) -> None:
        """Add a signed amount to the wallet."""
        self.counters = msgspec.structs.replace(
            self.counters, wallet=self.counters.wallet + amount, wallet_updated_ns=ts_ns
        )
        self._mark("counters", 0)

    def put_order(self, order: Order) -> None:
        """Keep an order's newest value."""
        self._file_order(order)
        self._mark("orders", order.order_id)

    def put_algo(self, algo: AlgoOrder) -> None:
        """Keep a conditional order's newest value."""
        self._file_algo(algo)
        self._mark("algos", algo.algo_id)

    def put_fill(self, fill: Fill) -> None:
        """Keep a fill."""
        self.fills[fill.fill_id] = fill
        _trim(self.fills, MAX_FILLS)
        self._mark("fills", fill.fill_id)

    def put_income(self, income: Income) -> None:
        """Keep a movement of money; the wallet is moved apart from it."""
        self.incomes[income.income_id] = income
        _trim(self.incomes, MAX_INCOMES)
        self._mark("incomes", income.income_id)

    def put_position(self, position: Position) -> None:
        """Keep a position's newest value."""
        self.positions[position.symbol] = position
        self._mark("positions", position.symbol)

    def put_settings(self, settings: SymbolSettings) -> None:
        """Keep a symbol's settings."""
        self.settings[settings.symbol] = settings
        self._mark("settings", settings.symbol)

    # --- journal -------------------------------------------------------------------------------------------------

    def take_changes(self) -> Delta | None:
        """Return what changed since the last call; None where nothing did."""
        changed = self._changed
        if not any(changed.values()):
            return None
        delta = Delta(
            counters=self.counters if changed["counters"] else None,
            orders=_pick(self.orders, changed["orders"]),
            algos=_pick(self.algos, changed["algos"]),
            fills=_pick(self.fills, changed["fills"]),
            incomes=_pick(self.incomes, changed["incomes"]),
            positions=_pick(self.positions, changed["positions"]),
            settings=_pick(self.settings, changed["settings"]),
        )
        self._reset_changes()
        return delta

    def everything(self) -> Delta:
        """Return the whole memory as one change."""
        return Delta(
            counters=self.counters,
            orders=tuple(self.orders.values()),
            algos=tuple(self.algos.values()),
            fills=tuple(self.fills.values()),
            incomes=tuple(self.incomes.values()),
            positions=tuple(self.positions.values()),
            settings=tuple(self.settings.values()),
        )

    def apply(self, delta: Delta) -> None:
        """Take over what a journal kept; it does not count as a change."""
        if delta.counters is not None:
            self.counters = delta.counters
        for order in delta.orders:
            self._file_order(order)
        for algo in delta.algos:
            self._file_algo(algo)
        self.fills.update((fill.fill_id, fill) for fill in delta.fills)
        self.incomes.update((income.income_id, income) for income in delta.incomes)
        self.positions.update((position.symbol, position) for position in delta.positions)
        self.settings.update((settings.symbol, settings) for settings in delta.settings)

    # --- inside --------------------------------------------------------------------------------------------------

    def _mark(self, table: str, key: int | str) -> None:
        self._changed[table].add(key)  # type: ignore[arg-type]

    def _reset_changes(self) -> None:
        tables = ("counters", "orders", "algos", "fills", "incomes", "positions", "settings")
        self._changed = {table: set() for table in tables}

    def _file_order(self, order: Order) -> None:
        self.orders[order.order_id] = order
        # an older order must not hide a newer one that reuses its client id, also when it changes later
        key = (order.symbol, order.client_order_id)
        self._order_of_client[key] = max(order.order_id, self._order_of_client.get(key, 0))
        opened = self._open_orders.setdefault(order.symbol, {})
        if order.is_open:
            opened[order.order_id] = order
        else:
            opened.pop(order.order_id, None)
            self._forget_oldest_orders()

    def _file_algo(self, algo: AlgoOrder) -> None:
        self.algos[algo.algo_id] = algo
        self._algo_of_client[algo.client_algo_id] = max(algo.algo_id, self._algo_of_client.get(algo.client_algo_id, 0))
        opened = self._open_algos.setdefault(algo.symbol, {})
        if algo.is_open:
            opened[algo.algo_id] = algo
        else:
            opened.pop(algo.algo_id, None)
            self._forget_oldest_algos()

    def _forget_oldest_orders(self) -> None:
        while len(self.orders) > MAX_CLOSED_ORDERS:
            order_id, order = next(iter(self.orders.items()))
            if order.is_open:
                self.orders.move_to_end(order_id)
                continue
            del self.orders[order_id]
            if self._order_of_client.get((order.symbol, order.client_order_id)) == order_id:
                del self._order_of_client[(order.symbol, order.client_order_id)]

    def _forget_oldest_algos(self) -> None:
        while len(self.algos) > MAX_CLOSED_ORDERS:
            algo_id, algo = next(iter(self.algos.items()))
            if algo.is_open:
                self.algos.move_to_end(algo_id)
                continue
            del self.algos[algo_id]
            if self._algo_of_client.get(algo.client_algo_id) == algo_id:
                del self._algo_of_client[algo.client_algo_id]


def _trim(table: OrderedDict[int, Kept], limit: int) -> None:
    while len(table) > limit:
        table.popitem(last=False)


def _pick(table: Mapping[Key, Kept], keys: set[int] | set[str]) -> tuple[Kept, ...]:
    # in order of age, so that a journal reads as it happened; keys of one table are all of one kind
    return tuple(table[key] for key in sorted(keys) if key in table)  # type: ignore[index]
