"""Everything the venue says about the account, read at one time."""

from __future__ import annotations

from decimal import Decimal

from seawall_proto import AccountReconciled, PositionSnapshot

from .booking import adjust, book_fill
from .commands import ReadAccount
from .facts import AccountRead
from .graph import UNSETTLED
from .placing import drive_flattening
from .positions import ZERO
from .state import Account
from .tracking import Out, adopt, alert, halt, report, search

MAX_REREADINGS = 3  # a fill on its way arrives within one; thrice the same is a difference
REREAD_AFTER_MS = 400
# A paid-in unit of these is worth one unit of quote currency; a coin held as collateral is not counted.
STABLE_ASSETS = frozenset({"USDT", "USDC", "FDUSD", "BUSD", "USD"})


def decide(state: Account, event: AccountRead) -> tuple[Account, Out]:
    """Book what was missed, adopt what is not ours, and say whether venue and ledger agree."""
    out: Out = []
    adopted_orders = 0
    for order in event.orders:
        tracked = state.tracked(order.client_order_id) or state.tracked_at_venue(order.symbol, order.venue_order_id)
        adopted_orders += tracked is None
        out += adopt(state, order, event.ts_received_ns) if tracked is None else report(state, tracked, order)
    missed = [fill for fill in event.fills if (fill.symbol, fill.fill_id) not in state.booked]
    out += _take_history(state, event, {(fill.symbol, fill.venue_order_id) for fill in missed})
    for fill in sorted(missed, key=lambda one: (one.ts_venue_ns, one.symbol)):
        out += book_fill(state, fill)
    out += _look_for_absent(state, event)
    drift = _drift(state, event.positions)
    if drift and state.rereadings < MAX_REREADINGS:
        state.rereadings += 1
        reason = f"venue and ledger differ: {', '.join(sorted(drift))}"
        again = ReadAccount(venue=state.venue, account=state.account, after_ms=REREAD_AFTER_MS, reason=reason)
        return state, [*out, again]
    state.rereadings = 0
    out += _settle(state, event, drift, adopted_orders, len(missed))
    if state.connected and event.ts_started_ns >= state.doubted_since_ns:
        state.doubt = ""
    for symbol in tuple(state.flattening):
        out += drive_flattening(state, symbol, event.ts_received_ns, settled=True)
    return state, out


def _take_history(state: Account, event: AccountRead, filled: set[tuple[str, str]]) -> Out:
    """Take the venue's word on orders that ended unheard, and name the orders behind fills that were missed."""
    out: Out = []
    for order in event.history:
        tracked = state.tracked(order.client_order_id) or state.tracked_at_venue(order.symbol, order.venue_order_id)
        if tracked is not None and tracked.is_working:
            out += report(state, tracked, order)
        elif tracked is None and (order.symbol, order.venue_order_id) in filled:
            out += adopt(state, order, event.ts_received_ns)
    return out


def _look_for_absent(state: Account, event: AccountRead) -> Out:
    """Search for orders that we think work and the venue does not list: they ended, and nobody told us."""
    listed = {order.client_order_id for order in event.orders}
    out: Out = []
    for tracked in state.working():
        change = tracked.change
        covered = event.symbols is None or change.symbol in event.symbols
        if covered and change.client_order_id not in listed and change.state not in UNSETTLED:
            out += search(state, tracked, after_ms=0)
    return out


def _drift(state: Account, positions: tuple[PositionSnapshot, ...]) -> dict[str, PositionSnapshot | None]:
    """Return the venue's view of every symbol whose quantity differs from ours."""
    theirs = {snapshot.symbol: snapshot for snapshot in positions}
    symbols = theirs.keys() | {name for name, position in state.positions.items() if position.holding.quantity}
    return {
        symbol: theirs.get(symbol)
        for symbol in sorted(symbols)
        if _quantity(theirs.get(symbol)) != state.position(symbol).holding.quantity
    }


def _settle(
    state: Account,
    event: AccountRead,
    drift: dict[str, PositionSnapshot | None],
    adopted_orders: int,
    adopted_fills: int,
) -> Out:
    differences = tuple(
        f"{symbol}: ledger {state.position(symbol).holding.quantity}, venue {_quantity(snapshot)}"
        for symbol, snapshot in drift.items()
    )
    out: Out = []
    for symbol, snapshot in drift.items():
        entry = snapshot.entry_price if snapshot is not None else ZERO
        out.append(adjust(state, symbol, _quantity(snapshot), entry))
    if differences:
        detail = "; ".join(differences)
        out.append(alert("position_drift", "critical" if state.reconciled else "warning", detail))
        if state.reconciled:
            out.append(halt(state, f"positions differ from the venue's: {detail}"))
    state.reconciled = True
    stable = sum((row.wallet for row in event.balances if row.asset in STABLE_ASSETS), ZERO)
    unrealised = sum((snapshot.unrealised_pnl for snapshot in event.positions), ZERO)
    out.append(
        AccountReconciled(
            venue=state.venue,
            account=state.account,
            equity=stable + unrealised,
            balances=event.balances,
            positions=event.positions,
            open_orders=len(event.orders) + len(event.stops),
            adopted_orders=adopted_orders,
            adopted_fills=adopted_fills,
            differences=differences,
        )
    )
    return out


def _quantity(snapshot: PositionSnapshot | None) -> Decimal:
    return snapshot.quantity if snapshot is not None else ZERO
