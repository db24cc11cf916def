"""What a symbol says about itself: ``BASE-QUOTE``, ``BASE-QUOTE-PERP`` or ``BASE-QUOTE-YYMMDD``.

Where a venue lists an inverse contract beside a linear one of the same name, the inverse one is
``BASE-QUOTE-INVERSE-PERP`` or ``BASE-QUOTE-INVERSE-YYMMDD``.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

ContractKind = Literal["spot", "perpetual", "future"]

_SYMBOL = re.compile(r"([A-Za-z0-9_]+)-([A-Za-z0-9_]+)(?:(?:-INVERSE)?-(?:(PERP)|([0-9]{6})))?\Z")


class SymbolParts(NamedTuple):
    """The asset that is traded, the currency its price is in, and the kind of contract."""

    base: str
    quote: str
    kind: ContractKind


def parse_symbol(symbol: str) -> SymbolParts | None:
    """Return the parts of a symbol, None where the text is no symbol in our words."""
    found = _SYMBOL.match(symbol)
    if found is None:
        return None
    base, quote, perpetual, expiry = found.groups()
    return SymbolParts(base, quote, "perpetual" if perpetual else "future" if expiry else "spot")
