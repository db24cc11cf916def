"""What every venue's parser shares: bounds of numbers, decoders, times, and how a frame is refused.

Most venues write prices and quantities as text. They become floats in the decoder itself: correctly rounded,
so the same text is always the same key of a book, and without a Python object for each text. A price that is
zero, negative, not finite or absurd makes the whole frame malformed.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, NoReturn

import msgspec

from seawall_proto import FundingPosted, Side, TradePrinted

from .feed_errors import MalformedFrameError
from .port import Instrument

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
MS_PER_S = 1_000
PRICE_LIMIT = 1e12
AMOUNT_LIMIT = 1e18

Price = Annotated[float, msgspec.Meta(gt=0, lt=PRICE_LIMIT)]
Best = Annotated[float, msgspec.Meta(ge=0, lt=PRICE_LIMIT)]
"""The price of a best level, 0 where nobody is there."""
Amount = Annotated[float, msgspec.Meta(ge=0, lt=AMOUNT_LIMIT)]
Number = Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]
"""A count of the venue's own: of changes, messages or trades."""
Milliseconds = Annotated[int, msgspec.Meta(ge=0, lt=10**13)]
"""A time, before the year 2286; 0 where a venue has none to tell."""
UnixSeconds = Annotated[int, msgspec.Meta(gt=0, lt=1 << 33)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time in RFC 3339, of which microseconds are kept."""
Levels = tuple[tuple[Price, Amount], ...]

# ValueError: bytes that are no Unicode, and what a parser itself finds wrong beside the decoder.
UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
"""What decoding raises, whatever the bytes are."""

_SECOND_CHARS = 19  # 2026-08-09T21:05:48
_MAX_DECIMALS = 9
_SECOND = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_LONG = timedelta(seconds=1)
_NS_OF_DECIMALS: tuple[int, ...] = tuple(10 ** (_MAX_DECIMALS - count) for count in range(_MAX_DECIMALS + 1))


def decoder_of(kind: Any, strict: bool = False) -> msgspec.json.Decoder[Any]:
    """Return a decoder that takes numbers from text too; a strict one does not."""
    return msgspec.json.Decoder(kind, strict=strict)


def holding(**fields: Any) -> type[msgspec.Struct]:
    """Return the type of a message of which only these fields are read."""
    return msgspec.defstruct("Holding", list(fields.items()), frozen=True, gc=False)


def read(decoder: msgspec.json.Decoder[Any], what: str, payload: bytes) -> Any:
    """Return what bytes hold. Raises MalformedFrameError.

    It is one call more than decoding in place, as the parsers of the busiest frames do.
    """
    try:
        return decoder.decode(payload)
    except UNREADABLE as error:
        refuse(what, payload, error)


def refuse(what: str, payload: bytes, reason: object) -> NoReturn:
    """Raise MalformedFrameError, with the beginning of what was found."""
    raise MalformedFrameError(f"not a {what}: {reason}; found {payload[:80]!r}")


def refuse_symbol(what: str, payload: bytes, instrument: Instrument) -> NoReturn:
    """Raise MalformedFrameError for a frame about another symbol."""
    refuse(what, payload, f"it is not about {instrument.venue_symbol}")


def nanoseconds(text: str) -> int:
    """Return a time such as ``2026-08-09T21:05:48.228568804Z`` in ns UTC, all nine decimals. Raises ValueError."""
    decimals = text[_SECOND_CHARS + 1 : -1]
    if decimals.isdigit() and text.isascii() and text[_SECOND_CHARS] == "." and len(decimals) <= _MAX_DECIMALS:
        if text[-1] == "Z":
            return _second_ns(text[:_SECOND_CHARS]) + int(decimals) * _NS_OF_DECIMALS[len(decimals)]
    elif text[_SECOND_CHARS:] == "Z":
        return _second_ns(text[:_SECOND_CHARS])
    raise ValueError(f"not a time in UTC: {text[:40]!r}")


@lru_cache(maxsize=256)  # a second's thousands of times share it
def _second_ns(text: str) -> int:
    if not _SECOND.fullmatch(text):
        raise ValueError(f"not a time: {text[:40]!r}")
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - _EPOCH) // _SECOND_LONG * NS_PER_S


def nanoseconds_of(moment: datetime) -> int:
    """Return a time in ns UTC."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1_000


def printed(
    instrument: Instrument,
    trade_id: str,
    ts_venue_ns: int,
    price: float,
    quantity: float,
    aggressor: Side,
    ts_received_ns: int,
) -> TradePrinted:
    """Return a trade; ``quantity`` is in base units."""
    return TradePrinted(
        id=f"{instrument.venue}.{instrument.symbol}.trade.{trade_id}",
        ts_received_ns=ts_received_ns,
        venue=instrument.venue,
        symbol=instrument.symbol,
        ts_venue_ns=ts_venue_ns,
        trade_id=trade_id,
        price=price,
        quantity=quantity,
        aggressor=aggressor,
    )


def no_funding(
    payload: bytes, instrument: Instrument, ts_received_ns: int, known: FundingPosted | None
) -> FundingPosted | None:
    """Return None: a spot market has no funding."""
    return None
