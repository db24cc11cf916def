"""The instrument's filters, in the order in which the venue applies them."""

from __future__ import annotations

from decimal import Decimal

from seawall_sim.instruments import InstrumentRules

from .errors import Refusal, Refused
from .model import Side


def check_quantity(rules: InstrumentRules, quantity: Decimal, *, market: bool) -> None:
    """Refuse a quantity that is not positive, too precise, off the lot, too small or too large."""
    if quantity <= 0:
        raise Refused(Refusal.NOT_POSITIVE_QUANTITY)
    if _decimals(quantity) > rules.quantity_precision:
        raise Refused(Refusal.QUANTITY_PRECISION)
    if quantity < rules.min_quantity:
        raise Refused(Refusal.QUANTITY_TOO_SMALL, str(rules.min_quantity))
    limit = rules.market_max_quantity if market else rules.max_quantity
    if quantity > limit:
        raise Refused(Refusal.QUANTITY_TOO_LARGE, str(limit))
    if quantity % rules.lot_size:
        raise Refused(Refusal.QUANTITY_STEP)


def check_price(rules: InstrumentRules, price: Decimal) -> None:
    """Refuse a price that is not positive, too precise, off the tick, or outside the instrument's range."""
    if price <= 0:
        raise Refused(Refusal.NOT_POSITIVE_PRICE)
    if _decimals(price) > rules.price_precision:
        raise Refused(Refusal.PRICE_PRECISION)
    if price < rules.min_price:
        raise Refused(Refusal.PRICE_TOO_LOW, str(rules.min_price))
    if price > rules.max_price:
        raise Refused(Refusal.PRICE_TOO_HIGH, str(rules.max_price))
    if price % rules.tick_size:
        raise Refused(Refusal.PRICE_STEP)


def check_band(rules: InstrumentRules, side: Side, price: Decimal, mark_price: Decimal) -> None:
    """Refuse a buy far above or a sell far below the mark price; without a mark price there is no band."""
    if not mark_price:
        return
    highest, lowest = mark_price * rules.percent_up, mark_price * rules.percent_down
    if side == "BUY" and price > highest:
        raise Refused(Refusal.PRICE_ABOVE_BAND, rules.price_text(rules.floor_price(highest)))
    if side == "SELL" and price < lowest:
        raise Refused(Refusal.PRICE_BELOW_BAND, rules.price_text(rules.floor_price(lowest) + rules.tick_size))


def check_notional(rules: InstrumentRules, price: Decimal, quantity: Decimal) -> None:
    """Refuse an order too small in quote units."""
    if price * quantity < rules.min_notional:
        raise Refused(Refusal.NOTIONAL_TOO_SMALL, str(rules.min_notional))


def _decimals(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
