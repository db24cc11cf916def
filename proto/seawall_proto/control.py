"""Halt, flatten, resume: three verbs, never mixed.

``scope`` is ``global``, ``venue:<venue>``, ``account:<venue>/<account>``, ``symbol:<symbol>`` or
``strategy:<name>``.
"""

from __future__ import annotations

from .base import Event


class HaltRequested(Event, frozen=True, kw_only=True, tag_field="type", tag="control.halt_requested.v1"):
    """Somebody wants no new risk in ``scope``."""

    scope: str
    actor: str
    reason: str


class TradingHalted(Event, frozen=True, kw_only=True, tag_field="type", tag="control.trading_halted.v1"):
    """No new risk in ``scope`` until a resume with a higher ``version``. Stops stay."""

    scope: str
    version: int
    actor: str
    reason: str


class TradingResumed(Event, frozen=True, kw_only=True, tag_field="type", tag="control.trading_resumed.v1"):
    """New risk is allowed in ``scope`` again."""

    scope: str
    version: int
    actor: str
    reason: str


class FlattenRequested(Event, frozen=True, kw_only=True, tag_field="type", tag="control.flatten_requested.v1"):
    """Cancel entries and close every position in ``scope``."""

    scope: str
    actor: str
    reason: str
