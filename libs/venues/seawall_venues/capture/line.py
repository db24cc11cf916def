"""One line of a recording, whatever program wrote it."""

from __future__ import annotations

from typing import Literal, NamedTuple

LineKind = Literal["header", "http", "connect", "send", "recv", "end"]


class Line(NamedTuple):
    """Something that passed a socket.

    ``connection`` tells sockets of one recording apart; ``address`` is the socket's or request's URL,
    "" where the recording does not say. ``ts_ns`` is the recorder's clock; 0 where the recording has
    no times. ``data`` is what passed: a frame, a message of ours, a body; of "end" the reason, of
    "header" the venue, which only our own recordings name.
    """

    kind: LineKind
    connection: str
    ts_ns: int
    address: str
    data: bytes
