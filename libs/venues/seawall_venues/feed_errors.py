"""What can be wrong with a market feed.

VenueError (port.py)
├── MalformedFrameError   bytes that are not the message their stream carries
└── VenueDenied, TransportFailed, RateLimited (outcomes.py): a REST read failed
"""

from __future__ import annotations

from .port import VenueError


class MalformedFrameError(VenueError):
    """Bytes that are not the message their stream carries."""
