"""Looking things up as the venue's endpoints do."""

from __future__ import annotations

from .errors import Refusal, Refused
from .model import AlgoOrder, Fill, Income, Order
from .store import Store


class Queries:
    """Finds orders, conditional orders, fills and income; windows are in nanoseconds, ends included."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def order(self, symbol: str, order_id: int | None, client_order_id: str | None) -> Order:
        """Return one order by the venue's or the client's id. Raises Refused where there is none."""
        if order_id is not None:
            order = self._store.orders.get(order_id)
            order = order if order is not None and order.symbol == symbol else None
        else:
            order = self._store.order_by_client(symbol, client_order_id or "")
        if order is None:
            raise Refused(Refusal.NO_SUCH_ORDER)
        return order

    def algo(self, algo_id: int | None, client_algo_id: str | None) -> AlgoOrder:
        """Return one conditional order by the venue's or the client's id. Raises Refused where there is none."""
        if algo_id is not None:
            algo = self._store.algos.get(algo_id)
        else:
            algo = self._store.algo_by_client(client_algo_id or "")
        if algo is None:
            raise Refused(Refusal.NO_SUCH_ORDER)
        return algo

    def orders(
        self, symbol: str, *, from_id: int | None, start_ns: int | None, end_ns: int | None, limit: int
    ) -> list[Order]:
        """Return a symbol's orders oldest first: from an id on, or the latest of a time window."""
        found = [o for o in self._store.orders.values() if o.symbol == symbol and not o.forced]
        found = [o for o in found if _within(o.created_ns, start_ns, end_ns)]
        found.sort(key=lambda o: o.order_id)
        if from_id is not None:
            return [o for o in found if o.order_id >= from_id][:limit]
        return found[:limit] if start_ns is not None else found[-limit:]

    def algos(
        self, symbol: str, *, from_id: int | None, start_ns: int | None, end_ns: int | None, limit: int
    ) -> list[AlgoOrder]:
        """Return a symbol's conditional orders oldest first: from an id on, or the latest of a time window."""
        found = [a for a in self._store.algos.values() if a.symbol == symbol]
        found = [a for a in found if _within(a.created_ns, start_ns, end_ns)]
        found.sort(key=lambda a: a.algo_id)
        if from_id is not None:
            return [a for a in found if a.algo_id >= from_id][:limit]
        return found[:limit] if start_ns is not None else found[-limit:]

    def fills(
        self,
        symbol: str,
        *,
        order_id: int | None,
        from_id: int | None,
        start_ns: int | None,
        end_ns: int | None,
        limit: int,
    ) -> list[Fill]:
        """Return a symbol's fills oldest first: from an id on, or from a time on, or the latest."""
        found = [f for f in self._store.fills.values() if f.symbol == symbol]
        found = [f for f in found if _within(f.ts_ns, start_ns, end_ns)]
        if order_id is not None:
            found = [f for f in found if f.order_id == order_id]
        if from_id is not None:
            return [f for f in found if f.fill_id >= from_id][:limit]
        return found[:limit] if start_ns is not None else found[-limit:]

    def incomes(
        self, symbol: str | None, kind: str | None, *, start_ns: int | None, end_ns: int | None, limit: int
    ) -> list[Income]:
        """Return movements of money oldest first, of one symbol or kind where asked."""
        found = [i for i in self._store.incomes.values() if _within(i.ts_ns, start_ns, end_ns)]
        found = [i for i in found if (not symbol or i.symbol == symbol) and (not kind or i.kind == kind)]
        return found[:limit] if start_ns is not None else found[-limit:]

    def forced_orders(self, symbol: str | None, limit: int) -> list[Order]:
        """Return liquidation orders of one symbol or all, newest first."""
        found = [o for o in self._store.orders.values() if o.forced and (not symbol or o.symbol == symbol)]
        return sorted(found, key=lambda o: -o.order_id)[:limit]


def _within(ts_ns: int, start_ns: int | None, end_ns: int | None) -> bool:
    return (start_ns is None or ts_ns >= start_ns) and (end_ns is None or ts_ns <= end_ns)
