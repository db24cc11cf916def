"""The floor under every feed: msgspec decoding the same frames and nothing else.

The types are read off the frames themselves: every field they have, in the order they have it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

import msgspec

SAMPLES = 200
FIXED_LENGTH = 12  # lists that always have the same length up to this are decoded as tuples

Decode = Callable[[bytes], Any]
Number = type[str] | type[float] | type[Decimal]


def untyped(payloads: Sequence[bytes]) -> Decode:
    """Return decoding into dicts, lists and texts."""
    return msgspec.json.Decoder().decode


def typed(payloads: Sequence[bytes], number: Number) -> Decode:
    """Return decoding into structs; texts that are numbers become what is asked for."""
    samples = [msgspec.json.decode(payload) for payload in payloads[:: max(1, len(payloads) // SAMPLES)]]
    decode = _decoder(samples, number)
    for payload in payloads:
        try:
            decode(payload)
        except msgspec.ValidationError:  # a frame unlike all samples
            samples.append(msgspec.json.decode(payload))
            decode = _decoder(samples, number)
    return decode


def _decoder(samples: Sequence[Any], number: Number) -> Decode:
    return msgspec.json.Decoder(_type_of(samples, number), strict=number is str).decode


def _type_of(values: Sequence[Any], number: Number) -> Any:
    kinds = {type(value) for value in values}
    some = [value for value in values if value is not None]
    if type(None) in kinds:
        return _type_of(some, number) | None if some else None
    if kinds == {dict}:
        return _struct_of(values, number)
    if kinds == {list}:
        return _list_of(values, number)
    if kinds == {str}:
        return number if all(map(_is_number, values)) else str
    if kinds <= {int, float} and kinds:
        return float if float in kinds else int
    return kinds.pop() if len(kinds) == 1 else Any


def _struct_of(values: Sequence[dict[str, Any]], number: Number) -> Any:
    names = dict.fromkeys(chain.from_iterable(values))
    fields: list[Any] = []
    for place, name in enumerate(names):
        held = [value[name] for value in values if name in value]
        kind = _type_of(held, number)
        if len(held) == len(values):
            fields.append((f"field_{place}", kind, msgspec.field(name=name)))
        else:
            fields.append((f"field_{place}", kind | msgspec.UnsetType, msgspec.field(name=name, default=msgspec.UNSET)))
    return msgspec.defstruct("Frame", fields, kw_only=True)


def _list_of(values: Sequence[list[Any]], number: Number) -> Any:
    lengths = {len(value) for value in values}
    if len(lengths) == 1 and 0 < min(lengths) <= FIXED_LENGTH:
        return tuple[tuple(_type_of(place, number) for place in zip(*values, strict=True))]
    items = list(chain.from_iterable(values))
    return list[_type_of(items, number)] if items else list[Any]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
