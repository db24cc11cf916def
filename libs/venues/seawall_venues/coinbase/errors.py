"""What Coinbase says when it refuses: over REST by a code, on a socket by a sentence.

A REST refusal is ``{"error": CODE, "error_details": …, "message": …}``. A socket's is
``{"type": "error", "message": …}`` without a number or a channel; of its sentences the documentation
lists none, and those seen name neither product nor channel ("authentication failure" answers an unknown
channel too). So a refusal is final only where it names a product and says that there is no such thing.
"""

from __future__ import annotations

import re

import msgspec

from seawall_venues.parsing import UNREADABLE

REFUSED = "error"  # the only word of a socket's refusal that could be called a code

_ABSENT = re.compile(r"invalid|not found|unknown|not exist|unsupported|delisted", re.IGNORECASE)
_PRODUCT = re.compile(r"[A-Z0-9]+-[A-Z0-9]+")


class _Refusal(msgspec.Struct, frozen=True):
    error: str = ""


_decode_refusal = msgspec.json.Decoder(_Refusal).decode


def refusal(status: int, body: bytes) -> str:
    """Return the code of a refused read, ``http-<status>`` where it has none, "" where it is no refusal."""
    try:
        code = _decode_refusal(body).error
    except UNREADABLE:
        code = ""
    return code or ("" if status == 200 else f"http-{status}")


def products_named(message: str) -> frozenset[str]:
    """Return what looks like a product in the sentence of a refusal."""
    return frozenset(_PRODUCT.findall(message))


def says_absent(message: str) -> bool:
    """True where the sentence of a refusal says that what was asked for does not exist."""
    return _ABSENT.search(message) is not None
