"""The feed became live, or stopped being so."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event, FeedChanged

from .state import Instrument


def decide(state: Instrument, event: FeedChanged) -> tuple[Instrument, Sequence[Event]]:
    """Forget the book of a feed that is not live: nobody vouches for it."""
    if event.state != "live":
        state.book = None
    return state, ()
