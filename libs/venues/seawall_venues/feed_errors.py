"""What can be wrong with a market feed.

VenueError
├── UnknownInstrumentError    a symbol the venue does not list (port.py)
└── FeedError                 a market feed gave something unusable
    ├── MalformedFrameError   bytes that are not the message their stream carries
    ├── SubscriptionError     the venue refused a subscription
    └── FetchError            a REST read failed; ``retry_after_s`` is how long the venue wants to be left alone
"""

from __future__ import annotations

from .port import VenueError


class FeedError(VenueError):
    """A market feed gave something unusable."""


class MalformedFrameError(FeedError):
    """Bytes that are not the message their stream carries."""


class SubscriptionError(FeedError):
    """The venue refused a subscription."""


class FetchError(FeedError):
    """A REST read failed; ``retry_after_s`` is how long the venue wants to be left alone."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
