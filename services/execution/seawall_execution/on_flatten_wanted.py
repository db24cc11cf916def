"""This account is to cancel its entries and close its positions, as far as the scope goes."""

from __future__ import annotations

from .commands import CancelOrder, ReadAccount
from .facts import FlattenWanted
from .placing import VERIFY_AFTER_MS, flatten
from .scope import covers, reaches_account
from .state import Account, Flattening
from .tracking import Out, alert


def decide(state: Account, event: FlattenWanted) -> tuple[Account, Out]:
    """Cancel entries, close positions reduce-only, and read the account until it is flat."""
    if not reaches_account(event.scope, state.venue, state.account):
        return state, []
    out: Out = []
    for tracked in state.working():
        change = tracked.change
        inside = covers(event.scope, state.venue, state.account, change.symbol, tracked.strategy)
        if inside and not change.reduce_only:
            out.append(
                CancelOrder(
                    venue=state.venue,
                    account=state.account,
                    symbol=change.symbol,
                    client_order_id=change.client_order_id,
                )
            )
    if event.scope.startswith("strategy:"):
        return state, [*out, alert("flatten_strategy", "warning", f"{event.scope}: positions belong to no strategy")]
    for symbol in sorted(_symbols(state, event.scope)):
        state.flattening[symbol] = Flattening(event.request_id, event.reason)
        if state.position(symbol).holding.quantity:
            out += flatten(state, symbol, state.flattening[symbol], event.ts_received_ns)
    if state.flattening:
        reason = "positions are being closed"
        out.append(ReadAccount(venue=state.venue, account=state.account, after_ms=VERIFY_AFTER_MS, reason=reason))
    return state, out


def _symbols(state: Account, scope: str) -> set[str]:
    """Return the symbols in scope that are held, or may become so through a working entry."""
    held = {symbol for symbol, position in state.positions.items() if position.holding.quantity}
    entering = {one.change.symbol for one in state.working() if not one.change.reduce_only}
    already = set(state.flattening)
    return {symbol for symbol in (held | entering) - already if covers(scope, state.venue, state.account, symbol)}
