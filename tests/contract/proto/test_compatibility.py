"""What was once on the wire must decode for ever; v1 may only gain fields with defaults."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from seawall_proto import (
    MAX_EVENT_BYTES,
    ROUTES,
    DecodeError,
    Event,
    OversizeError,
    decode,
    encode,
    event_type,
    subject_of,
)
from seawall_proto.base import MarketEvent
from seawall_proto.errors import SubjectError
from tests.tools.samples import GOLDEN, sample, samples

TYPES = [event_type(route.kind) for route in ROUTES]


def keeps(old: Any, new: Any) -> bool:
    """True where everything that stood in ``old`` stands in ``new`` with the same value."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(key in new and keeps(value, new[key]) for key, value in old.items())
    if isinstance(old, list):
        return isinstance(new, list) and len(old) == len(new) and all(map(keeps, old, new))
    return bool(old == new)


@pytest.mark.parametrize("tag", TYPES)
def test_golden_bytes_decode_and_lose_nothing(tag: str) -> None:
    for line in (GOLDEN / f"{tag}.jsonl").read_bytes().splitlines():
        again = json.loads(encode(decode(line)))
        assert keeps(json.loads(line), again), f"{tag}: a field vanished or changed"


def test_every_golden_file_still_has_its_event() -> None:
    assert {path.stem for path in GOLDEN.glob("*.jsonl")} == set(TYPES)


@pytest.mark.parametrize("event", samples(), ids=lambda event: type(event).__name__)
def test_every_event_survives_the_wire(event: Event) -> None:
    assert decode(encode(event)) == event


def test_money_travels_as_text() -> None:
    line = next(line for line in (GOLDEN / "orders.order_filled.v1.jsonl").read_bytes().splitlines())
    assert json.loads(line)["quantity"] == "0.014"


def test_a_new_field_with_a_default_is_compatible_and_one_without_is_not() -> None:
    tag = "market.trade_printed.v1"
    base = next(route.kind for route in ROUTES if event_type(route.kind) == tag)
    old = (GOLDEN / f"{tag}.jsonl").read_bytes().splitlines()[0]

    def grown(*field: Any) -> type[msgspec.Struct]:
        return msgspec.defstruct("Grown", [field], bases=(base,), kw_only=True, frozen=True, tag_field="type", tag=tag)

    msgspec.json.decode(old, type=grown("liquidation", bool, False))
    with pytest.raises(msgspec.ValidationError, match="liquidation"):
        msgspec.json.decode(old, type=grown("liquidation", bool))


def test_a_newer_peers_extra_field_is_ignored() -> None:
    event = samples()[0]
    line = json.loads(encode(event)) | {"field_of_tomorrow": 1}
    assert decode(json.dumps(line).encode()) == event


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b'{"type":"market.unknown.v9"}', b"\xff\xfe", b'{"type":"market.trade_printed.v1"}'],
)
def test_bytes_that_are_no_event_say_so(data: bytes) -> None:
    with pytest.raises(DecodeError, match="not an event"):
        decode(data)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(DecodeError):
        decode(b'{"type":"market.trade_printed.v1","causes":' + b"[" * 100_000)


def test_an_oversize_event_is_refused_with_both_sizes() -> None:
    with pytest.raises(OversizeError, match=f"{MAX_EVENT_BYTES + 1} bytes, expected at most {MAX_EVENT_BYTES}"):
        decode(b" " * (MAX_EVENT_BYTES + 1))


@pytest.mark.parametrize("symbol", ["BTC USDT", "BTC.USDT", "*", ">", "", "BTC\n"])
def test_a_name_that_would_change_the_subject_is_refused(symbol: str) -> None:
    kind = next(route.kind for route in ROUTES if issubclass(route.kind, MarketEvent))
    event = msgspec.structs.replace(sample(kind, full=True), symbol=symbol)
    with pytest.raises(SubjectError, match="symbol="):
        subject_of(event)


def test_every_subject_belongs_to_exactly_the_stream_its_route_names() -> None:
    from seawall_proto import STREAMS

    for route in ROUTES:
        head = route.template.split(".")[0] + ".>"
        assert [stream.name for stream in STREAMS if head in stream.subjects] == [route.stream]
