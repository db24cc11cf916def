"""Halts: sticky, versioned, and the most restrictive readable copy wins."""

from __future__ import annotations

from seawall_proto import TradingHalted, TradingResumed

from .state import Account, Halt, Portfolio

EVERYTHING = "global"


def scopes_of(account: Account, symbol: str, strategy: str) -> tuple[str, ...]:
    """Return every scope that covers an order of ``strategy`` in ``symbol`` on the account."""
    return (
        EVERYTHING,
        f"venue:{account.venue}",
        f"account:{account.venue}/{account.name}",
        f"symbol:{symbol}",
        f"strategy:{strategy}",
    )


def standing_halt(state: Portfolio, account: Account, symbol: str, strategy: str) -> str | None:
    """Return what is halted and why, None where nothing that covers the order is."""
    for scope in scopes_of(account, symbol, strategy):
        halt = state.halts.get(scope)
        if halt is not None and halt.halted:
            return f"{scope}: {halt.reason} (version {halt.version})"
    return None


def is_halted(state: Portfolio, scope: str) -> bool:
    """True where the newest word on exactly this scope is a halt."""
    known = state.halts.get(scope)
    return known is not None and known.halted


def take(state: Portfolio, fact: TradingHalted | TradingResumed) -> bool:
    """Take over a newer word on a scope; at equal versions a halt beats a resume. True where it was news."""
    halted = isinstance(fact, TradingHalted)
    known = state.halts.get(fact.scope)
    if known is not None and (fact.version < known.version or (fact.version == known.version and not halted)):
        return False
    news = known is None or known.version != fact.version or known.halted != halted
    state.halts[fact.scope] = Halt(fact.version, halted, fact.reason)
    return news


def halt(state: Portfolio, scope: str, actor: str, reason: str, ts_ns: int) -> TradingHalted:
    """Halt a scope and return the fact. One that is halted already keeps its version.

    Versions follow event time in nanoseconds: so a halt is newer than any resume before it, even
    where the ledger that counted those cannot be read.
    """
    known = state.halts.get(scope)
    newer = max(ts_ns, known.version + 1 if known else 1)
    version = known.version if known is not None and known.halted else newer
    fact = TradingHalted(scope=scope, version=version, actor=actor, reason=reason)
    take(state, fact)
    return fact
