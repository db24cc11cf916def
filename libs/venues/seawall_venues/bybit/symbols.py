"""Bybit's instruments: their names in our words and their trading rules, from ``instruments-info``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from seawall_venues.instruments import is_token, read_listing
from seawall_venues.parsing import UNREADABLE
from seawall_venues.port import Instrument

LINEAR = "bybit-linear"
SPOT = "bybit-spot"
CATEGORIES = {LINEAR: "linear", SPOT: "spot"}
"""What the venue calls each of its markets, in its requests and in the address of its sockets."""

# Contracts in these states can neither be traded nor carry a position.
_ABSENT_STATUSES = frozenset({"PreLaunch", "Closed"})
_MAX_MS = 253_402_300_800_000  # the year 10000, where the calendar of a date ends


class _Price(msgspec.Struct, frozen=True, rename="camel"):
    tick_size: Decimal


class _Lot(msgspec.Struct, frozen=True, rename="camel"):
    """The rules of both markets: contracts state the second to fifth, spot those after them."""

    min_order_qty: Decimal
    qty_step: Decimal | None = None
    max_order_qty: Decimal | None = None
    max_mkt_order_qty: Decimal | None = None
    min_notional_value: Decimal | None = None
    base_precision: Decimal | None = None
    max_limit_order_qty: Decimal | None = None
    max_market_order_qty: Decimal | None = None
    min_order_amt: Decimal | None = None


class _Listed(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    status: str
    base_coin: str
    quote_coin: str
    price_filter: _Price
    lot_size_filter: _Lot
    contract_type: str = ""
    delivery_time: str = ""
    settle_coin: str = ""


class _List(msgspec.Struct, frozen=True, rename="camel"):
    list: tuple[msgspec.Raw, ...]
    next_page_cursor: str = ""


class _Listing(msgspec.Struct, frozen=True):
    result: _List


_listing_decoder = msgspec.json.Decoder(_Listing)
_listed_decoder = msgspec.json.Decoder(_Listed)


def parse_linear(bodies: Sequence[bytes]) -> tuple[Instrument, ...]:
    """Return the perpetual contracts and dated futures of ``instruments-info`` for ``linear``.

    A contract whose rules cannot be read is left out, so one odd listing stops nobody else. Raises
    VenueError where a whole body is no list of instruments.
    """
    return _instruments(LINEAR, bodies)


def parse_spot(bodies: Sequence[bytes]) -> tuple[Instrument, ...]:
    """Return the pairs of ``instruments-info`` for ``spot``; the same holds as for contracts."""
    return _instruments(SPOT, bodies)


def next_cursor(body: bytes) -> str:
    """Return what names the next page of a list of instruments; an empty text after the last one."""
    try:
        return _listing_decoder.decode(body).result.next_page_cursor
    except UNREADABLE:
        return ""


def _instruments(venue: str, bodies: Sequence[bytes]) -> tuple[Instrument, ...]:
    listings = (read_listing(_listing_decoder, "instruments-info", body) for body in bodies)
    found = (_instrument(venue, bytes(raw)) for listing in listings for raw in listing.result.list)
    return tuple(instrument for instrument in found if instrument is not None)


def _instrument(venue: str, raw: bytes) -> Instrument | None:
    try:
        listed = _listed_decoder.decode(raw)
    except UNREADABLE:
        return None
    symbol = _linear_name(listed) if venue == LINEAR else f"{listed.base_coin}-{listed.quote_coin}"
    if listed.status in _ABSENT_STATUSES or not is_token(symbol):
        return None
    lot, tick_size = listed.lot_size_filter, listed.price_filter.tick_size
    lot_size = lot.qty_step if venue == LINEAR else lot.base_precision
    largest = lot.max_order_qty if lot.max_limit_order_qty is None else lot.max_limit_order_qty
    largest_market = lot.max_mkt_order_qty if venue == LINEAR else lot.max_market_order_qty
    least_notional = lot.min_notional_value if venue == LINEAR else lot.min_order_amt
    if not _is_positive(tick_size) or not _is_positive(lot_size) or not _is_positive(largest):
        return None
    assert lot_size is not None
    assert largest is not None
    return Instrument(
        venue=venue,
        symbol=symbol,
        venue_symbol=listed.symbol,
        base=listed.base_coin,
        quote=listed.quote_coin,
        settle=listed.settle_coin or listed.quote_coin,
        tick_size=tick_size,
        lot_size=lot_size,
        min_quantity=lot.min_order_qty,
        max_quantity=largest,
        market_max_quantity=largest if largest_market is None else largest_market,
        min_notional=Decimal(0) if least_notional is None else least_notional,
    )


def _is_positive(number: Decimal | None) -> bool:
    return number is not None and number.is_finite() and number > 0


def _linear_name(listed: _Listed) -> str:
    """Return our name of a contract; an empty text, which is no name, for one that we do not trade."""
    if listed.contract_type == "LinearPerpetual":
        return f"{listed.base_coin}-{listed.quote_coin}-PERP"
    text = listed.delivery_time
    if listed.contract_type != "LinearFutures" or not text.isascii() or not text.isdigit() or int(text) >= _MAX_MS:
        return ""
    delivery = datetime.fromtimestamp(int(text) // 1_000, UTC)
    return f"{listed.base_coin}-{listed.quote_coin}-{delivery:%y%m%d}"
