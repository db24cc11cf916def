"""Binance USD-M instruments: their names in our words and their trading rules, from ``exchangeInfo``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from seawall_venues.instruments import is_token, read_listing
from seawall_venues.parsing import UNREADABLE
from seawall_venues.port import Instrument

VENUE = "binance-usdm"

# Contracts in these states can neither be traded nor carry a position.
_ABSENT_STATUSES = frozenset({"PENDING_TRADING", "CLOSE", "DELIVERED"})
_DATED = frozenset({"CURRENT_QUARTER", "NEXT_QUARTER"})
_DATE = re.compile(r"[0-9]{6}\Z")


class Filter(msgspec.Struct, frozen=True, rename="camel"):
    """One row of a symbol's ``filters``; each type fills its own fields."""

    filter_type: str
    tick_size: Decimal | None = None
    step_size: Decimal | None = None
    min_qty: Decimal | None = None
    max_qty: Decimal | None = None
    notional: Decimal | None = None
    """USD-M's name of the least notional."""
    min_notional: Decimal | None = None
    """Spot's."""


class Rules(NamedTuple):
    """What the filters of one symbol say, in an instrument's words."""

    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    market_max_quantity: Decimal
    min_notional: Decimal


class _Contract(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    contract_type: str
    status: str
    base_asset: str
    quote_asset: str
    margin_asset: str
    filters: tuple[Filter, ...]


class _ExchangeInfo(msgspec.Struct, frozen=True):
    symbols: tuple[msgspec.Raw, ...]


_info_decoder = msgspec.json.Decoder(_ExchangeInfo)
_contract_decoder = msgspec.json.Decoder(_Contract)


def parse_instruments(bodies: Sequence[bytes]) -> tuple[Instrument, ...]:
    """Return every contract of ``exchangeInfo``, the whole listing. Raises VenueError."""
    return tuple(instrument for body in bodies for instrument in parse_exchange_info(body))


def parse_exchange_info(data: bytes) -> tuple[Instrument, ...]:
    """Return every perpetual and dated contract of ``GET /fapi/v1/exchangeInfo`` with its own rules.

    A contract whose rules cannot be read is left out, so one odd listing stops nobody else;
    asking for it later fails as an unknown instrument. Raises VenueError where the whole body
    is no exchangeInfo.
    """
    return instruments_of(data, _instrument)


def instruments_of(data: bytes, instrument_of: Callable[[bytes], Instrument | None]) -> tuple[Instrument, ...]:
    """Return what ``instrument_of`` makes of each symbol of an exchangeInfo. Raises VenueError."""
    info = read_listing(_info_decoder, "exchangeInfo", data)
    found = (instrument_of(bytes(raw)) for raw in info.symbols)
    return tuple(instrument for instrument in found if instrument is not None)


def rules_of(filters: Iterable[Filter]) -> Rules | None:
    """Return what a symbol's filters say, or None where they say no rules that can be kept."""
    found = {rule.filter_type: rule for rule in filters}
    price, lot = found.get("PRICE_FILTER"), found.get("LOT_SIZE")
    if price is None or lot is None or not price.tick_size or not lot.step_size or not lot.max_qty:
        return None
    market, notional = found.get("MARKET_LOT_SIZE", lot), found.get("NOTIONAL") or found.get("MIN_NOTIONAL")
    least = (notional.notional or notional.min_notional) if notional is not None else None
    rules = Rules(
        tick_size=price.tick_size,
        lot_size=lot.step_size,
        min_quantity=lot.min_qty if lot.min_qty is not None else lot.step_size,
        max_quantity=lot.max_qty,
        market_max_quantity=market.max_qty or lot.max_qty,
        min_notional=least or Decimal(0),
    )
    return rules if all(value.is_finite() and value >= 0 for value in rules) else None


def _instrument(raw: bytes) -> Instrument | None:
    try:
        contract = _contract_decoder.decode(raw)
    except UNREADABLE:
        return None
    symbol, rules = _symbol(contract), rules_of(contract.filters)
    if contract.status in _ABSENT_STATUSES or rules is None or not is_token(symbol):
        return None
    return Instrument(
        venue=VENUE,
        symbol=symbol,
        venue_symbol=contract.symbol,
        base=contract.base_asset,
        quote=contract.quote_asset,
        settle=contract.margin_asset,
        **rules._asdict(),
    )


def _symbol(contract: _Contract) -> str:
    """Return our name of a contract, or an empty text for a kind that we do not carry."""
    pair = f"{contract.base_asset}-{contract.quote_asset}"
    if contract.contract_type == "PERPETUAL":
        return f"{pair}-PERP"
    date = contract.symbol.rpartition("_")[2]
    return f"{pair}-{date}" if contract.contract_type in _DATED and _DATE.match(date) else ""
