"""Our names for orders: derived from the intent, so that a repeat after a crash is the same order."""

from __future__ import annotations

import hashlib


def client_order_id(intent_id: str, venue: str, account: str, role: str, leg: int = 0, generation: int = 0) -> str:
    """Return the 32-hex id under which one order of one intent is sent.

    ``role`` is ``entry``, ``exit``, ``flatten``, ``stop`` …; ``leg`` counts the parts of a split
    order; ``generation`` rises only after the previous generation is proven terminal. The shape
    is a version-4 UUID without dashes, which every supported venue accepts.
    """
    text = "\x1f".join((intent_id, venue, account, role, str(leg), str(generation)))
    digest = bytearray(hashlib.blake2b(text.encode(), digest_size=16).digest())
    digest[6] = digest[6] & 0x0F | 0x40
    digest[8] = digest[8] & 0x3F | 0x80
    return digest.hex()
