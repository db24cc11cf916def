"""What Kraken says when it refuses: over REST by a list of codes, on a socket by a sentence.

A REST refusal comes with HTTP 200 and ``{"error": ["EAPI:Rate limit exceeded"]}``. A socket's answer to a
subscription is ``{"method": "subscribe", "success": false, "error": …, "symbol": …}``, where the sentence
ends with the pair.
"""

from __future__ import annotations

import msgspec

from seawall_venues import outcomes, parsing

THROTTLES = frozenset({"429", "EAPI:Rate limit exceeded", "EGeneral:Too many requests", "EService:Throttled"})
BANS = frozenset({"403", "EGeneral:Temporary lockout"})

# "Currency pair not supported XBT/USD", "Subscription depth not supported": asking again cannot help.
_NEVER = "not supported"
_ACCEPTED = b'{"error":[]'


class _Answer(msgspec.Struct, frozen=True):
    error: tuple[str, ...]


_decode_answer = msgspec.json.Decoder(_Answer).decode


def refusal(status: int, body: bytes) -> str:
    """Return the code of a refused read, ``http-<status>`` where it has none, "" where it is no refusal."""
    if status == 200 and body.startswith(_ACCEPTED):
        return ""
    try:
        codes = _decode_answer(body).error
    except parsing.UNREADABLE:
        return outcomes.UNREADABLE if status == 200 else f"http-{status}"
    if codes:
        return codes[0]
    return "" if status == 200 else f"http-{status}"


def is_final(sentence: str) -> bool:
    """True where a socket's refusal says that there is no such subscription."""
    return _NEVER in sentence
