"""What a request to a venue can end in, besides an answer.

VenueError (port.py)
├── VenueDenied       the venue answered with an error: its HTTP status, raw code and message
├── TransportFailed   no answer that proves anything: timeout, reset, unreadable body
└── RateLimited       our own budget refused it: nothing left this machine
"""

from __future__ import annotations

from seawall_venues.port import Outcome, Result, VenueError

MAX_MESSAGE_CHARACTERS = 300  # a venue's message is one sentence; the rest would only fill logs
LOCAL_RATE_LIMIT = "local-rate-limit"
NOT_SENT = "not-sent"
UNREADABLE = "unreadable"


class VenueDenied(VenueError):
    """The venue answered with an error; what it proves is decided from the raw code."""

    def __init__(self, status: int, code: str, message: str, retry_after_s: int = 0) -> None:
        self.status = status
        self.code = code
        self.message = message[:MAX_MESSAGE_CHARACTERS]
        self.retry_after_s = retry_after_s
        self.ts_sent_ns = 0
        super().__init__(f"the venue answered HTTP {status}, code {code or 'none'}: {self.message}")


class TransportFailed(VenueError):
    """No answer that proves anything; without a ``ts_sent_ns`` not a byte of the request left."""

    def __init__(self, code: str, message: str, ts_sent_ns: int = 0) -> None:
        self.code = code
        self.message = message[:MAX_MESSAGE_CHARACTERS]
        self.ts_sent_ns = ts_sent_ns
        super().__init__(f"{code}: {self.message}")


class RateLimited(VenueError):
    """The request was not sent: the venue's limit, less the reserve, is used up."""


def unknown(code: str, message: str, ts_sent_ns: int = 0) -> Result:
    """Return the outcome of a request about which nothing is proven."""
    text = message[:MAX_MESSAGE_CHARACTERS]
    return Result(outcome=Outcome.UNKNOWN, code=code, message=text, ts_sent_ns=ts_sent_ns)


def rejected(code: str, message: str, ts_sent_ns: int = 0) -> Result:
    """Return the outcome of a request that is known not to have been accepted."""
    text = message[:MAX_MESSAGE_CHARACTERS]
    return Result(outcome=Outcome.REJECTED, code=code, message=text, ts_sent_ns=ts_sent_ns)
