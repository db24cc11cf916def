"""Events to JSON bytes and back."""

from __future__ import annotations

from typing import Any, Union

import msgspec

from .base import Event
from .errors import DecodeError, OversizeError
from .subjects import ROUTES

MAX_EVENT_BYTES = 256 * 1024  # the largest real event is a 20-level book, about 2 KiB

_encoder = msgspec.json.Encoder(decimal_format="string")
_AnyEvent: Any = Union[tuple(route.kind for route in ROUTES)]  # noqa: UP007  built at run time from the table
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(_AnyEvent)


def encode(event: Event) -> bytes:
    """Return the event as one line of JSON."""
    return _encoder.encode(event)


def decode(data: bytes) -> Event:
    """Return the event in ``data``; unknown fields of a newer minor version are ignored.

    Raises OversizeError above MAX_EVENT_BYTES, DecodeError where the bytes are no known event.
    """
    if len(data) > MAX_EVENT_BYTES:
        raise OversizeError(f"event of {len(data)} bytes, expected at most {MAX_EVENT_BYTES}")
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(f"not an event: {error}; found {data[:80]!r}") from error
