"""From a command to the request that leaves: prices on the instrument's grid, never worse than approved."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from seawall_proto import Side
from seawall_venues.port import Instrument, OrderRequest

from .commands import PlaceOrder


def order_request(command: PlaceOrder, instrument: Instrument) -> OrderRequest:
    """Return the request for a command.

    A market order that may not be filled at any price leaves as immediate-or-cancel at its worst
    price: the venue itself then refuses every fill beyond it, however late the order arrives.
    """
    limit_price = command.limit_price
    time_in_force, order_type = "GTC", command.order_type
    if command.order_type == "market" and command.worst_price is not None:
        limit_price = on_grid(command.worst_price, instrument.tick_size, command.side)
        time_in_force, order_type = "IOC", "limit"
    return OrderRequest(
        client_order_id=command.client_order_id,
        symbol=command.symbol,
        side=command.side,
        order_type=order_type,
        quantity=command.quantity,
        limit_price=limit_price,
        reduce_only=command.reduce_only,
        time_in_force=time_in_force,  # type: ignore[arg-type]
    )


def on_grid(price: Decimal, tick_size: Decimal, side: Side) -> Decimal:
    """Return the nearest price on the grid that is not worse: lower for a buyer, higher for a seller."""
    rounding = ROUND_FLOOR if side == "buy" else ROUND_CEILING
    return (price / tick_size).to_integral_value(rounding) * tick_size
