"""Which accounts, symbols and strategies a control message means."""

from __future__ import annotations


def reaches_account(scope: str, venue: str, account: str) -> bool:
    """True where the scope may concern the account at all."""
    kind, _, name = scope.partition(":")
    if kind == "venue":
        return name == venue
    if kind == "account":
        return name == f"{venue}/{account}"
    return True


def covers(scope: str, venue: str, account: str, symbol: str, strategy: str = "") -> bool:
    """True where the scope includes an order of this symbol and strategy in this account."""
    kind, _, name = scope.partition(":")
    if kind == "symbol":
        return name == symbol
    if kind == "strategy":
        return bool(strategy) and name == strategy
    return (kind in {"venue", "account"} or scope == "global") and reaches_account(scope, venue, account)
