"""Kraken's spot pairs: their names in our words and their trading rules.

The venue has three names for one pair. ``XXBTZUSD`` is the key in REST answers; ``XBT/USD`` (``wsname``) is
what the old sockets say and, without the slash, what REST requests take; ``BTC/USD`` is what the sockets of
today say, which refuse the other two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from seawall_venues.instruments import NEW_NAMES, is_asset, read_listing
from seawall_venues.parsing import UNREADABLE
from seawall_venues.port import Instrument, VenueError

VENUE = "kraken"
LISTING_PATH = "/0/public/AssetPairs"

_OLD_NAMES = {new: old for old, new in NEW_NAMES.items()}
_FINEST_DECIMALS = 18  # more is no rule but a fault
_NO_MAXIMUM = Decimal(0)  # the venue states none


class _AssetPair(msgspec.Struct, frozen=True):
    """A pair in the answer of ``GET /0/public/AssetPairs``; dark pools have no ``wsname``."""

    wsname: str
    pair_decimals: int
    lot_decimals: int
    ordermin: Decimal = Decimal(0)
    costmin: Decimal = Decimal(0)
    tick_size: Decimal | None = None


class _StreamPair(msgspec.Struct, frozen=True):
    """A pair in the snapshot of the ``instrument`` channel."""

    symbol: str
    price_increment: Decimal
    qty_increment: Decimal
    qty_min: Decimal
    cost_min: Decimal = Decimal(0)


class _Stream(msgspec.Struct, frozen=True):
    pairs: tuple[msgspec.Raw, ...]


class _Listing(msgspec.Struct, frozen=True):
    """Either of the two lists."""

    result: dict[str, msgspec.Raw] | None = None
    data: _Stream | None = None


_listing = msgspec.json.Decoder(_Listing)
_decode_asset_pair = msgspec.json.Decoder(_AssetPair).decode
_decode_stream_pair = msgspec.json.Decoder(_StreamPair).decode


def new_name(pair: str) -> str:
    """Return ``BTC/USD`` for ``XBT/USD``."""
    return "/".join(NEW_NAMES.get(asset, asset) for asset in pair.split("/"))


def old_name(pair: str) -> str:
    """Return ``XBT/USD`` for ``BTC/USD``."""
    return "/".join(_OLD_NAMES.get(asset, asset) for asset in pair.split("/"))


def rest_name(pair: str) -> str:
    """Return ``XBTUSD``, what REST requests take, for ``BTC/USD`` or ``XBT/USD``."""
    return old_name(pair).replace("/", "")


def parse_instruments(bodies: Sequence[bytes]) -> tuple[Instrument, ...]:
    """Return the pairs of AssetPairs, or of a snapshot of the ``instrument`` channel, under their names of today.

    A pair whose rules cannot be read is left out, so that one odd listing stops nobody else. Raises
    VenueError where a body is no list.
    """
    return tuple(instrument for body in bodies for instrument in _listed(body))


def parse_old_instruments(bodies: Sequence[bytes]) -> tuple[Instrument, ...]:
    """Return the same, with the names of the old sockets as ``venue_symbol``. Raises VenueError."""
    return tuple(
        msgspec.structs.replace(instrument, venue_symbol=old_name(instrument.venue_symbol))
        for instrument in parse_instruments(bodies)
    )


def _listed(body: bytes) -> Iterator[Instrument]:
    listing = read_listing(_listing, "the list of pairs", body)
    if listing.result is None and listing.data is None:
        raise VenueError(f"the list of pairs is not there; found {body[:80]!r}")
    found = [_from_asset_pair(bytes(raw)) for raw in (listing.result or {}).values()]
    if listing.data is not None:
        found += [_from_stream_pair(bytes(raw)) for raw in listing.data.pairs]
    return (instrument for instrument in found if instrument is not None)


def _from_asset_pair(raw: bytes) -> Instrument | None:
    try:
        pair = _decode_asset_pair(raw)
    except UNREADABLE:
        return None
    if not (0 <= pair.pair_decimals <= _FINEST_DECIMALS and 0 <= pair.lot_decimals <= _FINEST_DECIMALS):
        return None
    lot = Decimal(1).scaleb(-pair.lot_decimals)
    tick = pair.tick_size if pair.tick_size is not None else Decimal(1).scaleb(-pair.pair_decimals)
    return _instrument(new_name(pair.wsname), tick, lot, pair.ordermin or lot, pair.costmin)


def _from_stream_pair(raw: bytes) -> Instrument | None:
    try:
        pair = _decode_stream_pair(raw)
    except UNREADABLE:
        return None
    return _instrument(new_name(pair.symbol), pair.price_increment, pair.qty_increment, pair.qty_min, pair.cost_min)


def _instrument(
    name: str, tick: Decimal, lot: Decimal, min_quantity: Decimal, min_notional: Decimal
) -> Instrument | None:
    base, _, quote = name.partition("/")
    rules = (tick, lot, min_quantity, min_notional)
    if not (is_asset(base) and is_asset(quote) and all(rule.is_finite() for rule in rules)):
        return None
    if tick <= 0 or lot <= 0:
        return None
    return Instrument(
        venue=VENUE,
        symbol=f"{base}-{quote}",
        venue_symbol=name,
        base=base,
        quote=quote,
        settle=quote,
        tick_size=tick,
        lot_size=lot,
        min_quantity=min_quantity,
        max_quantity=_NO_MAXIMUM,
        market_max_quantity=_NO_MAXIMUM,
        min_notional=min_notional,
    )
