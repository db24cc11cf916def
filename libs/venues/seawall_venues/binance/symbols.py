"""Binance USD-M instruments: their names in our words and their trading rules, from ``exchangeInfo``."""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec

from seawall_venues.port import Instrument, VenueError

VENUE = "binance-usdm"

# Contracts in these states can neither be traded nor carry a position.
_ABSENT_STATUSES = frozenset({"PENDING_TRADING", "CLOSE", "DELIVERED"})
# What a NATS subject can carry; the venue also lists contracts named in other scripts.
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\Z")


class _Filter(msgspec.Struct, frozen=True, rename="camel"):
    filter_type: str
    tick_size: Decimal | None = None
    step_size: Decimal | None = None
    min_qty: Decimal | None = None
    max_qty: Decimal | None = None
    notional: Decimal | None = None


class _Contract(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    contract_type: str
    status: str
    base_asset: str
    quote_asset: str
    margin_asset: str
    filters: tuple[_Filter, ...]


class _ExchangeInfo(msgspec.Struct, frozen=True):
    symbols: tuple[msgspec.Raw, ...]


_info_decoder = msgspec.json.Decoder(_ExchangeInfo)
_contract_decoder = msgspec.json.Decoder(_Contract)


def parse_exchange_info(data: bytes) -> tuple[Instrument, ...]:
    """Return every perpetual contract of ``GET /fapi/v1/exchangeInfo`` with its own rules.

    A contract whose rules cannot be read is left out, so one odd listing stops nobody else;
    asking for it later fails as an unknown instrument. Raises VenueError where the whole body
    is no exchangeInfo.
    """
    try:
        info = _info_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise VenueError(f"exchangeInfo cannot be read: {error}; found {data[:80]!r}") from error
    found = (_instrument(bytes(raw)) for raw in info.symbols)
    return tuple(instrument for instrument in found if instrument is not None)


def _instrument(raw: bytes) -> Instrument | None:
    try:
        contract = _contract_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if contract.contract_type != "PERPETUAL" or contract.status in _ABSENT_STATUSES:
        return None
    filters = {rule.filter_type: rule for rule in contract.filters}
    price, lot = filters.get("PRICE_FILTER"), filters.get("LOT_SIZE")
    if price is None or lot is None:
        return None
    market, notional = filters.get("MARKET_LOT_SIZE", lot), filters.get("MIN_NOTIONAL")
    symbol = f"{contract.base_asset}-{contract.quote_asset}-PERP"
    if not _TOKEN.match(symbol) or not price.tick_size or not lot.step_size or lot.max_qty is None:
        return None
    return Instrument(
        venue=VENUE,
        symbol=symbol,
        venue_symbol=contract.symbol,
        base=contract.base_asset,
        quote=contract.quote_asset,
        settle=contract.margin_asset,
        tick_size=price.tick_size,
        lot_size=lot.step_size,
        min_quantity=lot.min_qty if lot.min_qty is not None else lot.step_size,
        max_quantity=lot.max_qty,
        market_max_quantity=market.max_qty if market.max_qty is not None else lot.max_qty,
        min_notional=notional.notional if notional is not None and notional.notional is not None else Decimal(0),
    )
