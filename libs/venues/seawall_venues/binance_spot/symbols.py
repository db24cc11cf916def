"""Binance spot symbols: their names in our words and their trading rules, from ``exchangeInfo``."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from seawall_venues.binance.symbols import Filter, instruments_of, rules_of
from seawall_venues.instruments import is_token
from seawall_venues.parsing import UNREADABLE
from seawall_venues.port import Instrument

VENUE = "binance-spot"

_ABSENT_STATUSES = frozenset({"BREAK"})  # the state of symbols that trade no more


class _Symbol(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    filters: tuple[Filter, ...]


_symbol_decoder = msgspec.json.Decoder(_Symbol)


def parse_instruments(bodies: Sequence[bytes]) -> tuple[Instrument, ...]:
    """Return every symbol of ``GET /api/v3/exchangeInfo`` with its own rules.

    A symbol whose rules cannot be read is left out, so one odd listing stops nobody else. Raises
    VenueError where a whole body is no exchangeInfo.
    """
    return tuple(instrument for body in bodies for instrument in instruments_of(body, _instrument))


def _instrument(raw: bytes) -> Instrument | None:
    try:
        listed = _symbol_decoder.decode(raw)
    except UNREADABLE:
        return None
    symbol, rules = f"{listed.base_asset}-{listed.quote_asset}", rules_of(listed.filters)
    if listed.status in _ABSENT_STATUSES or rules is None or not is_token(symbol):
        return None
    return Instrument(
        venue=VENUE,
        symbol=symbol,
        venue_symbol=listed.symbol,
        base=listed.base_asset,
        quote=listed.quote_asset,
        settle=listed.quote_asset,
        **rules._asdict(),
    )
