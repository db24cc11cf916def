"""Every market feed that we speak, by venue name."""

from __future__ import annotations

from .binance.dialect import DIALECT as BINANCE_USDM
from .feed import Dialect

DIALECTS: dict[str, Dialect] = {dialect.venue: dialect for dialect in (BINANCE_USDM,)}
