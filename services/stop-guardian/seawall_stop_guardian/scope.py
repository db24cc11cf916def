"""Which symbols a control message means."""

from __future__ import annotations


def covers(scope: str, venue: str, account: str, symbol: str) -> bool:
    """True where the scope includes the symbol. Positions belong to no strategy, so that scope is execution's."""
    return scope in {"global", f"venue:{venue}", f"account:{venue}/{account}", f"symbol:{symbol}"}
