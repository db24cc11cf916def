"""OKX: what its error codes mean for a market feed.

Over REST ``code`` is "0" where the body is what was asked for, and an error code with HTTP 200 or another
status where not. On a socket ``{"event": "error"}`` refuses a message of ours, and ``{"event": "notice"}``
warns before the venue closes the connection.
"""

from __future__ import annotations

import msgspec

from seawall_venues.parsing import UNREADABLE

# Rate limit reached; systems busy; operations too frequent; account limit reached.
THROTTLES = frozenset({"429", "50011", "50013", "50040", "50061"})

# Refusals of a subscription that asking again cannot change: the channel, the instrument or the address
# is wrong, or not for us. Too frequent (60014) and internal errors (63999, 64007) pass.
FINAL_REFUSALS = frozenset(
    {
        "60008",  # not a channel of this address
        "60011",  # needs a login
        "60012",  # invalid request
        "60013",  # invalid arguments
        "60018",  # no such channel or instrument
        "60019",  # invalid operation
        "60027",  # empty parameter
        "60028",  # not at this address
        "60033",  # wrong parameter
        "64000",
        "64001",  # moved to /business
        "64002",  # not at /business
        "64003",  # needs a higher fee tier
        "64004",  # not beside books-l2-tbt
    }
)

SERVICE_UPGRADE = "64008"  # said a minute before the connection is closed


class _Answer(msgspec.Struct, frozen=True):
    code: str


_answer_decoder = msgspec.json.Decoder(_Answer)


def refusal(status: int, body: bytes) -> str:
    """Return the error code that a REST answer carries, ``http-<status>`` where it has none of its own, else ""."""
    try:
        code = _answer_decoder.decode(body).code
    except UNREADABLE:
        code = "0"  # no answer of the venue's own; with status 200 its parser says what is wrong
    if code != "0":
        return code
    return "" if status == 200 else f"http-{status}"
