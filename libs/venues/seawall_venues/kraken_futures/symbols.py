"""Kraken's futures: their names in our words and their trading rules, from the list of instruments.

``PF_`` and ``FF_`` are linear contracts, perpetual and dated, counted in base units. ``PI_`` and ``FI_`` are
inverse ones, counted in dollars. Both kinds exist on the same pair and for the same date, so an inverse
contract says in its name that it is one: BTC-USD-PERP and BTC-USD-INVERSE-PERP, BTC-USD-261225 and
BTC-USD-INVERSE-261225.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from seawall_venues.instruments import NEW_NAMES, is_asset, read_listing
from seawall_venues.parsing import UNREADABLE
from seawall_venues.port import Instrument

VENUE = "kraken-futures"
LISTING_PATH = "/derivatives/api/v3/instruments"

_CONTRACT = re.compile(r"(PI|PF|FI|FF)_([A-Z0-9]+)USD(?:_(\d{6}))?\Z", re.IGNORECASE)
_FINEST_DECIMALS = 18  # more is no rule but a fault
_NO_MAXIMUM = Decimal(0)  # the venue states none for an order


class _Contract(msgspec.Struct, frozen=True, rename="camel"):
    """An entry of the list; indices and options are of other types. ``base`` and ``quote`` came later."""

    symbol: str
    type: Literal["flexible_futures", "futures_inverse"]
    tradeable: bool
    tick_size: Decimal
    contract_size: Decimal
    contract_value_trade_precision: int = 0
    base: str = ""
    quote: str = "USD"


class _Listing(msgspec.Struct, frozen=True):
    instruments: tuple[msgspec.Raw, ...]


_listing = msgspec.json.Decoder(_Listing)
_decode_contract = msgspec.json.Decoder(_Contract).decode


def parse_instruments(bodies: Sequence[bytes]) -> tuple[Instrument, ...]:
    """Return the tradeable futures of ``GET /derivatives/api/v3/instruments``.

    A contract whose rules cannot be read is left out, so that one odd listing stops nobody else. Raises
    VenueError where a body is no list.
    """
    listings = (read_listing(_listing, "the list of instruments", body) for body in bodies)
    found = (_instrument(bytes(raw)) for listing in listings for raw in listing.instruments)
    return tuple(instrument for instrument in found if instrument is not None)


def _instrument(raw: bytes) -> Instrument | None:
    try:
        contract = _decode_contract(raw)
    except UNREADABLE:
        return None
    name = _CONTRACT.match(contract.symbol)
    decimals = contract.contract_value_trade_precision
    rules = (contract.tick_size, contract.contract_size)
    if name is None or not contract.tradeable or not all(rule.is_finite() and rule > 0 for rule in rules):
        return None
    base, quote = (NEW_NAMES.get(asset.upper(), asset) for asset in (contract.base or name[2].upper(), contract.quote))
    if not (is_asset(base) and is_asset(quote)) or abs(decimals) > _FINEST_DECIMALS:
        return None
    return _rules_of(contract, base, quote, name[3] or "PERP")


def _rules_of(contract: _Contract, base: str, quote: str, expiry: str) -> Instrument:
    is_inverse = contract.type == "futures_inverse"
    # of an inverse contract in quote units, for what it is in base units changes with the price
    lot = Decimal(1).scaleb(-contract.contract_value_trade_precision) * contract.contract_size
    symbol = contract.symbol
    return Instrument(
        venue=VENUE,
        symbol=f"{base}-{quote}-INVERSE-{expiry}" if is_inverse else f"{base}-{quote}-{expiry}",
        venue_symbol=symbol.upper() if symbol.islower() else symbol,  # old lists are in lower case, frames never
        base=base,
        quote=quote,
        settle=base if is_inverse else quote,
        tick_size=contract.tick_size,
        lot_size=lot,
        min_quantity=lot,
        max_quantity=_NO_MAXIMUM,
        market_max_quantity=_NO_MAXIMUM,
        min_notional=Decimal(0),
        contract_size=contract.contract_size,
        is_inverse=is_inverse,
    )
