"""The trading rules of the instruments that the simulated exchange lists, as on Binance USD-M futures."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_FLOOR, Decimal

import msgspec


class LeverageBracket(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the leverage ladder: up to ``notional_cap`` in quote units this much leverage is allowed.

    The maintenance margin of a position is ``notional * maintenance_ratio - deduction``.
    """

    number: int
    max_leverage: int
    notional_floor: Decimal
    notional_cap: Decimal
    maintenance_ratio: Decimal
    deduction: Decimal


class InstrumentRules(msgspec.Struct, frozen=True, kw_only=True):
    """What may be ordered in one instrument. Quantities are in base units, prices in quote units."""

    symbol: str
    base: str
    quote: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    market_max_quantity: Decimal
    min_notional: Decimal
    min_price: Decimal
    max_price: Decimal
    price_precision: int
    quantity_precision: int
    # limit prices must lie within these multiples of the mark price (the venue's PERCENT_PRICE filter)
    percent_up: Decimal = Decimal("1.05")
    percent_down: Decimal = Decimal("0.95")
    # largest relative gap between mark and last price at which a price-protected stop still triggers
    trigger_protect: Decimal = Decimal("0.05")
    max_orders: int = 200
    max_conditional_orders: int = 200
    onboard_ms: int = 1_569_398_400_000
    brackets: tuple[LeverageBracket, ...] = ()

    def floor_price(self, price: Decimal) -> Decimal:
        """Return the price rounded down to the tick."""
        return (price / self.tick_size).to_integral_value(ROUND_FLOOR) * self.tick_size

    def floor_quantity(self, quantity: Decimal) -> Decimal:
        """Return the quantity rounded down to the lot."""
        return (quantity / self.lot_size).to_integral_value(ROUND_FLOOR) * self.lot_size

    def price_text(self, price: Decimal) -> str:
        """Write a price as the venue writes it, with as many decimals as the tick has."""
        return f"{price:.{_decimals(self.tick_size)}f}"

    def quantity_text(self, quantity: Decimal) -> str:
        """Write a quantity as the venue writes it."""
        return f"{quantity:.{self.quantity_precision}f}"

    def bracket_for(self, notional: Decimal) -> LeverageBracket:
        """Return the bracket that a position of this notional falls into; the last one has no end."""
        for bracket in self.brackets:
            if notional <= bracket.notional_cap:
                return bracket
        return self.brackets[-1]

    def maintenance_margin(self, notional: Decimal) -> Decimal:
        """Return the margin below which a position of this notional is liquidated."""
        bracket = self.bracket_for(notional)
        return max(Decimal(0), notional * bracket.maintenance_ratio - bracket.deduction)

    def max_notional(self, leverage: int) -> Decimal:
        """Return the largest notional that may be held at this leverage."""
        allowed = [bracket.notional_cap for bracket in self.brackets if bracket.max_leverage >= leverage]
        return allowed[-1] if allowed else Decimal(0)

    @property
    def max_leverage(self) -> int:
        """The highest leverage of the first bracket."""
        return self.brackets[0].max_leverage


def _decimals(step: Decimal) -> int:
    exponent = step.as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


def leverage_ladder(steps: Iterable[tuple[int, str, str]]) -> tuple[LeverageBracket, ...]:
    """Build brackets from (leverage, notional cap, maintenance ratio), computing the deductions.

    The deduction keeps the maintenance margin continuous where one bracket ends and the next begins.
    """
    brackets: list[LeverageBracket] = []
    floor = deduction = ratio_before = Decimal(0)
    for number, (leverage, cap, ratio_text) in enumerate(steps, start=1):
        ratio = Decimal(ratio_text)
        deduction += floor * (ratio - ratio_before)
        brackets.append(
            LeverageBracket(
                number=number,
                max_leverage=leverage,
                notional_floor=floor,
                notional_cap=Decimal(cap),
                maintenance_ratio=ratio,
                deduction=deduction,
            )
        )
        floor, ratio_before = Decimal(cap), ratio
    return tuple(brackets)


_LARGE = leverage_ladder(
    [
        (125, "300000", "0.004"),
        (100, "800000", "0.005"),
        (75, "3000000", "0.0065"),
        (50, "12000000", "0.01"),
        (25, "70000000", "0.02"),
        (20, "100000000", "0.025"),
        (10, "230000000", "0.05"),
        (5, "480000000", "0.1"),
        (4, "600000000", "0.125"),
        (3, "800000000", "0.15"),
        (2, "1200000000", "0.25"),
        (1, "1800000000", "0.5"),
    ]
)
_SMALL = leverage_ladder(
    [
        (75, "10000", "0.005"),
        (50, "60000", "0.01"),
        (40, "120000", "0.015"),
        (25, "600000", "0.02"),
        (20, "1500000", "0.025"),
        (10, "3000000", "0.05"),
        (5, "6000000", "0.1"),
        (4, "9000000", "0.125"),
        (2, "15000000", "0.25"),
        (1, "30000000", "0.5"),
    ]
)


def _rules(
    base: str,
    *,
    tick: str,
    lot: str,
    quantities: tuple[str, str],
    min_notional: str,
    prices: tuple[str, str],
    precision: tuple[int, int],
    brackets: tuple[LeverageBracket, ...],
    percent: str = "0.05",
) -> InstrumentRules:
    """Fill one row of the table; ``quantities`` is (limit maximum, market maximum), ``prices`` (lowest, highest)."""
    return InstrumentRules(
        symbol=f"{base}USDT",
        base=base,
        quote="USDT",
        tick_size=Decimal(tick),
        lot_size=Decimal(lot),
        min_quantity=Decimal(lot),
        max_quantity=Decimal(quantities[0]),
        market_max_quantity=Decimal(quantities[1]),
        min_notional=Decimal(min_notional),
        min_price=Decimal(prices[0]),
        max_price=Decimal(prices[1]),
        price_precision=precision[0],
        quantity_precision=precision[1],
        percent_up=1 + Decimal(percent),
        percent_down=1 - Decimal(percent),
        trigger_protect=Decimal(percent),
        brackets=brackets,
    )


# fmt: off
DEFAULT_RULES: dict[str, InstrumentRules] = {
    rules.symbol: rules
    for rules in (
        _rules("BTC", tick="0.10", lot="0.001", quantities=("1000", "120"), min_notional="100",
               prices=("556.80", "4529764"), precision=(2, 3), brackets=_LARGE),
        _rules("ETH", tick="0.01", lot="0.001", quantities=("10000", "2000"), min_notional="20",
               prices=("39.86", "306177"), precision=(2, 3), brackets=_LARGE),
        _rules("SOL", tick="0.0100", lot="0.01", quantities=("1000000", "100000"), min_notional="5",
               prices=("0.4200", "6857"), precision=(4, 2), brackets=_SMALL),
        _rules("BNB", tick="0.010", lot="0.01", quantities=("100000", "2000"), min_notional="5",
               prices=("6.600", "100000"), precision=(3, 2), brackets=_SMALL),
        _rules("XRP", tick="0.0001", lot="0.1", quantities=("10000000", "2000000"), min_notional="5",
               prices=("0.0143", "100000"), precision=(4, 1), brackets=_SMALL),
        _rules("ADA", tick="0.00010", lot="1", quantities=("2000000", "300000"), min_notional="5",
               prices=("0.01740", "1000"), precision=(5, 0), brackets=_SMALL),
        _rules("DOGE", tick="0.000010", lot="1", quantities=("50000000", "30000000"), min_notional="5",
               prices=("0.002440", "30"), precision=(6, 0), brackets=_SMALL, percent="0.10"),
    )
}
# fmt: on


class UnlistedSymbolError(Exception):
    """A symbol for which there are no trading rules."""


def rules_for(symbols: Iterable[str]) -> dict[str, InstrumentRules]:
    """Return the rules of the named symbols, in that order. Raises UnlistedSymbolError naming the ones at hand."""
    table: dict[str, InstrumentRules] = {}
    for symbol in symbols:
        if symbol not in DEFAULT_RULES:
            raise UnlistedSymbolError(f"no trading rules for {symbol!r}; listed are {', '.join(DEFAULT_RULES)}")
        table[symbol] = DEFAULT_RULES[symbol]
    return table
