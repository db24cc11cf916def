"""What one decision is about, and what can come of it."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from seawall_proto import InstrumentListed, RefusalReason, Side, SignalRaised

from .state import Account, Market, Portfolio


class Case(NamedTuple):
    """A signal with everything that it is judged by: rules and a fresh mid are known."""

    state: Portfolio
    account: Account
    market: Market
    signal: SignalRaised
    rules: InstrumentListed
    mid: Decimal


class Order(NamedTuple):
    """What an approval will allow: a market order no worse than ``worst_price`` on average."""

    side: Side
    quantity: Decimal
    worst_price: Decimal
    reduce_only: bool


class Refusal(NamedTuple):
    """Why a signal becomes no order: the reason, and the figures behind it."""

    reason: RefusalReason
    detail: str
