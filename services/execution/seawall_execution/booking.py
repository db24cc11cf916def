"""Fills: booked once, into the position and into their order."""

from __future__ import annotations

from decimal import Decimal

from seawall_proto import OrderFilled, OrderState, PositionChanged, derive_id
from seawall_venues.port import VenueFill

from .positions import Holding, book, holding_of
from .state import Account, Position, Tracked
from .tracking import SERVICE, Out, alert, move


def book_fill(state: Account, fill: VenueFill) -> Out:
    """Book a fill unless it was booked before, whichever way it came."""
    if not state.note_fill(fill.symbol, fill.fill_id):
        return []
    if fill.price <= 0 or fill.quantity <= 0:  # no such trade exists; comparing positions shows what it meant
        detail = f"{fill.symbol}: fill {fill.fill_id} of {fill.quantity} at {fill.price}"
        return [alert("fill_unusable", "critical", detail)]
    tracked = state.tracked(fill.client_order_id) or state.tracked_at_venue(fill.symbol, fill.venue_order_id)
    filled = _filled(state, fill, tracked)
    position = state.position(fill.symbol)
    before = position.holding
    position.holding = book(before, fill.side, fill.price, fill.quantity)
    _take_stop_distance(position, before, tracked)
    out: Out = [filled, say_position(state, fill.symbol, position, filled.id)]
    return out + (_count(state, tracked, fill.quantity) if tracked is not None else [])


def adjust(state: Account, symbol: str, quantity: Decimal, entry_price: Decimal) -> PositionChanged:
    """Take over the venue's position where no fill explains it."""
    position = state.position(symbol)
    position.holding = holding_of(quantity, entry_price, position.holding.realised_pnl)
    state.reported[symbol] = quantity
    return say_position(state, symbol, position, "")


def say_position(state: Account, symbol: str, position: Position, cause: str) -> PositionChanged:
    """Return the position's next event; its n-th change has one name."""
    position.sequence += 1
    name = (state.venue, state.account, symbol, str(position.sequence))
    return PositionChanged(
        id=derive_id(f"{SERVICE}.PositionChanged", name, 0),
        causes=(cause,) if cause else (),
        venue=state.venue,
        account=state.account,
        symbol=symbol,
        quantity=position.holding.quantity,
        entry_price=position.holding.entry_price,
        realised_pnl=position.holding.realised_pnl,
        sequence=position.sequence,
        stop_distance_bps=position.stop_distance_bps,
    )


def _filled(state: Account, fill: VenueFill, tracked: Tracked | None) -> OrderFilled:
    name = (state.venue, state.account, fill.symbol, fill.fill_id)
    return OrderFilled(
        id=derive_id(f"{SERVICE}.OrderFilled", name, 0),
        causes=(tracked.change.id,) if tracked is not None else (),
        venue=state.venue,
        account=state.account,
        fill_id=fill.fill_id,
        client_order_id=tracked.change.client_order_id if tracked is not None else fill.client_order_id,
        venue_order_id=fill.venue_order_id,
        symbol=fill.symbol,
        side=fill.side,
        price=fill.price,
        quantity=fill.quantity,
        fee=fill.fee,
        fee_asset=fill.fee_asset,
        maker=fill.maker,
        realised_pnl=fill.realised_pnl,
        ts_venue_ns=fill.ts_venue_ns,
    )


def _take_stop_distance(position: Position, before: Holding, tracked: Tracked | None) -> None:
    """A fill that adds risk brings its approval's stop distance; one that reduces changes nothing."""
    after = position.holding.quantity
    adds = abs(after) > abs(before.quantity) or after * before.quantity < 0
    if adds and tracked is not None and tracked.change.stop_distance_bps:
        position.stop_distance_bps = tracked.change.stop_distance_bps


def _count(state: Account, tracked: Tracked, quantity: Decimal) -> Out:
    """Raise an order's filled quantity where the fills booked for it say more than its last report."""
    tracked.booked += quantity
    change = tracked.change
    filled = min(tracked.booked, change.quantity)
    if filled <= change.filled_quantity:
        return []
    to = OrderState.FILLED if filled == change.quantity else OrderState.PARTIALLY_FILLED
    if change.state.is_terminal and change.state not in {OrderState.REJECTED, OrderState.NOT_PLACED}:
        to = change.state
    return move(state, tracked, to, filled_quantity=filled)
