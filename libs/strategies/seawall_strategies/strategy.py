"""What a strategy is: a name, options, and pure functions from features to wishes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from seawall_proto import Event, FeaturesComputed, OrderRefused, PositionChanged, SignalRaised

GROUP = "seawall.strategies"
"""The entry-point group in which packages offer strategies."""

AUDIBLE: tuple[type[Event], ...] = (FeaturesComputed, PositionChanged, OrderRefused)
"""What a strategy may listen to: features, what became of the position, and what risk refused."""


class Market(NamedTuple):
    """One instrument at one venue: a strategy keeps one state for each."""

    venue: str
    symbol: str


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of a strategy's options: every field has a default within its bounds; unknown keys are refused."""


State = Any
Out = Sequence[SignalRaised]


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy as a table of pure functions: no clock, no I/O, no randomness.

    ``initial(options, market)`` makes the state of one market. ``decide(state, event)`` returns the
    new state and the signals raised; the state belongs to the call and may be changed in place.
    ``warm(state, event)`` learns from an event too old to act on, or of a feed that is not live;
    a strategy that needs no history leaves it out.
    """

    name: str
    options: type[Options]
    listens_to: tuple[type[Event], ...]
    initial: Callable[[Any, Market], State]
    decide: Callable[[State, Any], tuple[State, Out]]
    warm: Callable[[State, Any], State] | None = None
