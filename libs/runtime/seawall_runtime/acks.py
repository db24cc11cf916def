"""What JetStream writes into the reply subject of a message that it wants answered."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import BusError

MESSAGE_NEXT = "$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"


@dataclass(frozen=True, slots=True)
class AckFields:
    """How often a message was delivered, where and when it was stored, and how many come after it."""

    delivered: int
    sequence: int
    stored_ns: int
    pending: int


def ack_fields(reply: str) -> AckFields:
    """Read an acknowledgement subject, in its old form or its new one.

    ``$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<time>.<pending>`` has 9
    tokens; the form of ADR-15 puts domain and account in front (11), and may end in a random token
    (12). Raises BusError for anything else.
    """
    tokens = reply.split(".")
    first = {9: 4, 11: 6, 12: 6}.get(len(tokens), 0)
    try:
        if not first or tokens[:2] != ["$JS", "ACK"]:
            raise ValueError(reply)
        delivered, sequence, _, stored_ns, pending = (int(token) for token in tokens[first : first + 5])
    except ValueError as error:
        raise BusError(f"no acknowledgement subject: {reply!r}") from error
    return AckFields(delivered, sequence, stored_ns, pending)
