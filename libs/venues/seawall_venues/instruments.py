"""Instruments by their names: which ones can be carried, finding one, and standing in for one that is not listed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import TypeVar

import msgspec

from .parsing import UNREADABLE
from .port import Instrument, UnknownInstrumentError, VenueError

NEAR_MATCHES = 3
NEW_NAMES = {"XBT": "BTC", "XDG": "DOGE"}
"""Assets by the names of old that some venues keep, and by what everyone else calls them."""

# What a NATS subject can carry; venues also list instruments named in other scripts.
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\Z")

Listing = TypeVar("Listing")


def is_token(symbol: str) -> bool:
    """True where a name can be part of a subject on the bus."""
    return _TOKEN.match(symbol) is not None


def is_asset(name: str) -> bool:
    """True where a name can be part of a symbol, in which ``-`` stands between base and quote."""
    return is_token(name) and "-" not in name


def is_perpetual(instrument: Instrument) -> bool:
    """True for the contracts that have funding."""
    return instrument.symbol.endswith("-PERP")


def read_listing(decoder: msgspec.json.Decoder[Listing], what: str, body: bytes) -> Listing:
    """Return what a venue's list of instruments holds. Raises VenueError where it cannot be read."""
    try:
        return decoder.decode(body)
    except UNREADABLE as error:
        raise VenueError(f"{what} cannot be read: {error}; found {body[:80]!r}") from error


def find_instrument(listed: Sequence[Instrument], symbol: str) -> Instrument:
    """Return the instrument of this name. Raises UnknownInstrumentError naming near matches."""
    names = {instrument.symbol: instrument for instrument in listed}
    if symbol in names:
        return names[symbol]
    venue = listed[0].venue if listed else "the venue"
    # the venue's own name is the likeliest mistake, so it is among what is compared
    ours = {instrument.venue_symbol: instrument.symbol for instrument in listed}
    near = get_close_matches(symbol.upper(), [*names, *ours], n=NEAR_MATCHES * 2, cutoff=0.5)
    meant = list(dict.fromkeys(ours.get(name, name) for name in near))[:NEAR_MATCHES]
    hint = f"did you mean {', '.join(meant)}?" if meant else f"it lists {len(listed)} instruments, none alike"
    raise UnknownInstrumentError(f"symbol {symbol} is not listed at {venue}: {hint}")


def unlisted(venue: str, venue_symbol: str, symbol: str = "") -> Instrument:
    """Return an instrument whose rules are not known: that of a recording without a list, or before it was read.

    Its quantities are taken for base units, and its prices and quantities for multiples of 1e-8.
    """
    finest = Decimal("0.00000001")
    return Instrument(
        venue=venue,
        symbol=symbol or venue_symbol,
        venue_symbol=venue_symbol,
        base="",
        quote="",
        settle="",
        tick_size=finest,
        lot_size=finest,
        min_quantity=Decimal(0),
        max_quantity=Decimal(0),
        market_max_quantity=Decimal(0),
        min_notional=Decimal(0),
    )
