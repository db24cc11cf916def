"""Coinbase spot products: their names in our words and their trading rules, from the list of products."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from seawall_venues.instruments import is_token, read_listing
from seawall_venues.parsing import UNREADABLE
from seawall_venues.port import Instrument

VENUE = "coinbase"


class _Product(msgspec.Struct, frozen=True):
    product_id: str
    product_type: str
    base_currency_id: str
    quote_currency_id: str
    base_increment: Decimal
    quote_increment: Decimal
    base_min_size: Decimal
    base_max_size: Decimal
    quote_min_size: Decimal
    price_increment: Decimal | None = None
    is_disabled: bool = False
    trading_disabled: bool = False
    alias: str = ""


class _Products(msgspec.Struct, frozen=True):
    products: tuple[msgspec.Raw, ...]


_products = msgspec.json.Decoder(_Products)
_decode_product = msgspec.json.Decoder(_Product).decode


def parse_instruments(bodies: Sequence[bytes]) -> tuple[Instrument, ...]:
    """Return every spot product of ``GET /api/v3/brokerage/market/products`` that has a book of its own.

    Nearly every ``-USDC`` product is an alias of the ``-USD`` one: the streams carry one book, named for
    the latter, so the former is left out. So is what is disabled, and a product whose rules cannot be
    read. Raises VenueError where a whole body is no list of products.
    """
    listings = (read_listing(_products, "the list of products", body) for body in bodies)
    found = (_instrument(bytes(raw)) for listing in listings for raw in listing.products)
    return tuple(instrument for instrument in found if instrument is not None)


def _instrument(raw: bytes) -> Instrument | None:
    try:
        product = _decode_product(raw)
    except UNREADABLE:
        return None
    if product.product_type != "SPOT" or product.alias or product.is_disabled or product.trading_disabled:
        return None
    # The increment of a price is named apart since 2024; before, and where it is left out, it is the quote's.
    tick_size = product.price_increment or product.quote_increment
    needed = (tick_size, product.base_increment, product.base_max_size)
    minima = (product.base_min_size, product.quote_min_size)
    symbol = f"{product.base_currency_id}-{product.quote_currency_id}"
    if not is_token(symbol) or not all(size.is_finite() and size >= 0 for size in (*needed, *minima)):
        return None
    if not all(needed):
        return None
    return Instrument(
        venue=VENUE,
        symbol=symbol,
        venue_symbol=product.product_id,
        base=product.base_currency_id,
        quote=product.quote_currency_id,
        settle=product.quote_currency_id,
        tick_size=tick_size,
        lot_size=product.base_increment,
        min_quantity=product.base_min_size,
        max_quantity=product.base_max_size,
        market_max_quantity=product.base_max_size,
        min_notional=product.quote_min_size,
    )
