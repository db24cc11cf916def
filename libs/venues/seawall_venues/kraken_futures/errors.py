"""What Kraken futures say when they refuse: over REST by a word or a list, on a socket by a sentence.

A REST refusal is ``{"result": "error", "error": "apiLimitExceeded"}`` or carries ``errors``, with HTTP 200 or
not; the charts answer in plain text. A socket says ``{"event": "alert", "message": …}``, naming at most the
product, between backquotes.
"""

from __future__ import annotations

import re

import msgspec

from seawall_venues import outcomes, parsing

THROTTLES = frozenset({"429", "apiLimitExceeded"})
BANS = frozenset({"403"})

_ACCEPTED = (b'{"result":"success"', b'{"candles"')
_PRODUCT = re.compile(r"`([A-Za-z0-9_]+)`")
_NEVER = "invalid"  # "Couldn't subscribe to invalid product `PF_NONEUSD`"
_HARMLESS = "Already subscribed"  # the venue then sends the snapshot again


class _Fault(msgspec.Struct, frozen=True):
    code: int = 0
    message: str = ""


class _Answer(msgspec.Struct, frozen=True):
    result: str = "success"
    error: str = ""
    errors: tuple[_Fault, ...] = ()


_decode_answer = msgspec.json.Decoder(_Answer).decode


def refusal(status: int, body: bytes) -> str:
    """Return the code of a refused read, ``http-<status>`` where it has none, "" where it is no refusal."""
    if status == 200 and body.startswith(_ACCEPTED):
        return ""
    try:
        answer = _decode_answer(body)
    except parsing.UNREADABLE:
        return outcomes.UNREADABLE if status == 200 else f"http-{status}"
    if status == 200 and answer.result == "success":
        return ""
    return answer.error or next((fault.message for fault in answer.errors if fault.message), f"http-{status}")


def product_named(sentence: str) -> str:
    """Return the product that a socket's sentence is about, or an empty text."""
    found = _PRODUCT.search(sentence)
    return found[1] if found is not None else ""


def is_final(sentence: str) -> bool:
    """True where a socket's refusal says that there is no such thing."""
    return _NEVER in sentence


def is_harmless(sentence: str) -> bool:
    """True for a sentence that refuses nothing."""
    return sentence.startswith(_HARMLESS)
