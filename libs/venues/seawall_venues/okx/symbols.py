"""OKX instruments: their names in our words and their trading rules, from ``/api/v5/public/instruments``.

| theirs | ours |
|---|---|
| BTC-USDT (SPOT) | BTC-USDT |
| BTC-USDT-SWAP, BTC-USD-SWAP | BTC-USDT-PERP, BTC-USD-PERP |
| BTC-USD-220527 (FUTURES) | BTC-USD-220527 |

Derivatives are counted in contracts of ``ctVal * ctMult``: base units where the contract is linear,
quote units where it is inverse. Their ``baseCcy`` and ``quoteCcy`` are empty; ``uly`` names both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Literal

import msgspec

from seawall_venues.instruments import is_token, read_listing
from seawall_venues.parsing import UNREADABLE
from seawall_venues.port import Instrument

VENUE = "okx"
SPOT, SWAP, FUTURES = "SPOT", "SWAP", "FUTURES"
SWAP_SUFFIX = "-SWAP"

# Instruments in these states can neither be traded nor carry a position.
_ABSENT_STATES = frozenset({"preopen", "test", "settling", "expired"})
# Beyond these a rule is a fault, and no float.
_LEAST, _MOST = Decimal("1e-18"), Decimal("1e30")
_DATED = re.compile(r".+-\d{6}\Z")


class _Listed(msgspec.Struct, frozen=True, rename="camel"):
    inst_type: str
    inst_id: str
    state: str
    tick_size: Decimal = msgspec.field(name="tickSz")
    lot_size: Decimal = msgspec.field(name="lotSz")
    min_size: Decimal = msgspec.field(name="minSz")
    max_limit_size: Decimal = msgspec.field(name="maxLmtSz")
    max_market_size: str = msgspec.field(name="maxMktSz", default="")
    base_ccy: str = ""
    quote_ccy: str = ""
    settle_ccy: str = ""
    uly: str = ""
    contract_type: str = msgspec.field(name="ctType", default="")
    contract_value: str = msgspec.field(name="ctVal", default="")
    contract_multiplier: str = msgspec.field(name="ctMult", default="")
    contract_value_ccy: str = msgspec.field(name="ctValCcy", default="")


class _Listing(msgspec.Struct, frozen=True):
    code: Literal["0"]
    data: tuple[msgspec.Raw, ...]


_listing_decoder = msgspec.json.Decoder(_Listing)
_listed_decoder = msgspec.json.Decoder(_Listed)


def is_contract(instrument: Instrument) -> bool:
    """True for swaps and dated futures, whose venue quantities are contracts."""
    return instrument.venue_symbol.count("-") > 1


def is_perpetual(instrument: Instrument) -> bool:
    """True for swaps: they pay funding."""
    return instrument.venue_symbol.endswith(SWAP_SUFFIX)


def index_of(instrument: Instrument) -> str:
    """Return the venue's name of the index that the instrument follows, e.g. ``BTC-USDT``; the venue's ``uly``."""
    return f"{instrument.base}-{instrument.quote}"


def parse_instruments(bodies: Sequence[bytes]) -> tuple[Instrument, ...]:
    """Return every spot pair, swap and dated future of some bodies of ``/api/v5/public/instruments``.

    One whose rules cannot be read is left out, so that one odd listing stops nobody else. Raises
    VenueError where a whole body is no listing.
    """
    found: dict[str, Instrument] = {}
    for body in bodies:
        for raw in read_listing(_listing_decoder, "the list of instruments", body).data:
            instrument = _instrument(bytes(raw))
            if instrument is not None:
                found[instrument.symbol] = instrument
    return tuple(found.values())


def _instrument(raw: bytes) -> Instrument | None:
    try:
        listed = _listed_decoder.decode(raw)
        size = _contract_size(listed)
        market_max = _market_max(listed)
    except (*UNREADABLE, InvalidOperation):
        return None
    symbol, base, quote = _names(listed)
    rules = (listed.tick_size, listed.lot_size, listed.min_size, listed.max_limit_size, market_max, size)
    if listed.state in _ABSENT_STATES or not all(rule.is_finite() and _LEAST <= rule <= _MOST for rule in rules):
        return None
    if not (base and quote and is_token(symbol)) or not _is_valued_as_named(listed, base, quote):
        return None
    return Instrument(
        venue=VENUE,
        symbol=symbol,
        venue_symbol=listed.inst_id,
        base=base,
        quote=quote,
        settle=listed.settle_ccy or quote,
        tick_size=listed.tick_size,
        lot_size=listed.lot_size * size,
        min_quantity=listed.min_size * size,
        max_quantity=listed.max_limit_size * size,
        market_max_quantity=market_max * size,
        min_notional=Decimal(0),  # the venue knows a least size only
        contract_size=size,
        is_inverse=listed.contract_type == "inverse",
    )


def _names(listed: _Listed) -> tuple[str, str, str]:
    """Return our symbol, base and quote; empty ones for kinds that we leave out."""
    name = listed.inst_id
    if listed.inst_type == SPOT:
        return f"{listed.base_ccy}-{listed.quote_ccy}", listed.base_ccy, listed.quote_ccy
    if listed.inst_type == SWAP and name.endswith(SWAP_SUFFIX):
        family = name.removesuffix(SWAP_SUFFIX)
        symbol = f"{family}-PERP"
    elif listed.inst_type == FUTURES and _DATED.match(name):
        family = name.rpartition("-")[0]
        symbol = name
    else:
        return "", "", ""
    base, _, quote = (listed.uly or family).partition("-")
    return symbol, base, quote


def _contract_size(listed: _Listed) -> Decimal:
    if listed.inst_type == SPOT:
        return Decimal(1)
    return Decimal(listed.contract_value) * Decimal(listed.contract_multiplier or 1)


def _market_max(listed: _Listed) -> Decimal:
    # Of a spot pair it is an amount of quote currency, so what a limit order may be stands for it.
    if listed.inst_type == SPOT or not listed.max_market_size:
        return listed.max_limit_size
    return Decimal(listed.max_market_size)


def _is_valued_as_named(listed: _Listed, base: str, quote: str) -> bool:
    """True where a contract's worth is in the currency that its type says; of any other the size is a guess."""
    if listed.inst_type == SPOT:
        return True
    return listed.contract_value_ccy == {"linear": base, "inverse": quote}.get(listed.contract_type)
