"""What the feature service listens to and what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seawall_proto import BarClosed, BookChanged, FeaturesComputed, FeedChanged
from seawall_runtime.config import Config
from seawall_runtime.service import Key, Service

from . import on_bar_closed, on_book_changed, on_feed_changed
from .state import Instrument


def key_of(event: Any) -> Key:
    """Return the instrument's key."""
    return event.venue, event.symbol


SERVICE = Service(
    name="feature",
    on={
        BarClosed: on_bar_closed.decide,
        BookChanged: on_book_changed.decide,
        FeedChanged: on_feed_changed.decide,
    },
    sends=(FeaturesComputed,),
    key=key_of,
)


def initial(config: Config) -> Callable[[Key], Instrument]:
    """Return the function that makes an instrument's first state."""
    return lambda key: Instrument()
