"""What risk's own effects tell its decisions, and what its decisions ask of its effects."""

from __future__ import annotations

import msgspec

from seawall_proto import (
    AccountReconciled,
    Event,
    ExposureChanged,
    OrderStateChanged,
    PositionChanged,
    TradingHalted,
    TradingResumed,
)


class LedgerRead(Event, frozen=True, kw_only=True):
    """What the ledger held when risk started; ``ts_received_ns`` is when it was read.

    ``halts`` are the words on halts of every readable copy, in any order. ``exposures`` are the last
    words on peak and daily result, oldest first.
    """

    positions: tuple[PositionChanged, ...] = ()
    orders: tuple[OrderStateChanged, ...] = ()
    reconciled: tuple[AccountReconciled, ...] = ()
    halts: tuple[TradingHalted | TradingResumed, ...] = ()
    exposures: tuple[ExposureChanged, ...] = ()


class HaltsRead(Event, frozen=True, kw_only=True):
    """The scopes that the ledger holds halted at ``ts_received_ns``."""

    halts: tuple[TradingHalted, ...] = ()


class PersistHalt(msgspec.Struct, frozen=True, kw_only=True):
    """Write a halt or a resume to the ledger, so that it outlives every process."""

    fact: TradingHalted | TradingResumed
