"""Whatever a client sends, it gets an answer in the venue's form."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from seawall_paper_venue.broadcast import MAX_UNSENT_BYTES, Broadcaster, Subscriber, frame_text
from seawall_paper_venue.market_requests import answer_request


class Wire:
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        self.written = b""
        self.unsent = 0
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


def subscriber(wire: Wire | None = None, *, combined: bool = False) -> Subscriber:
    return Subscriber(wire or Wire(), combined=combined)  # type: ignore[arg-type]


def answer(text: str | bytes) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(answer_request(text, subscriber(), Broadcaster(), lambda name: False))
    return decoded


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
requests = st.fixed_dictionaries(
    {},
    optional={
        "method": st.sampled_from(["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY"])
        | json_values,
        "params": st.lists(st.sampled_from(["btcusdt@trade", "combined", True]), max_size=3) | json_values,
        "id": st.integers(0, 9) | json_values,
    },
)


@given(st.binary(max_size=200))
def test_any_bytes_are_answered(data: bytes) -> None:
    assert set(answer(data)) in ({"error", "id"}, {"result", "id"})


@given(requests)
def test_any_request_is_answered_once_with_result_or_error(request: dict[str, Any]) -> None:
    reply = answer(json.dumps(request))
    assert set(reply) in ({"error", "id"}, {"result", "id"})
    if "error" in reply:
        assert reply["error"]["code"] in (0, 1, 2, 3)


def test_stream_twice_is_once() -> None:
    caster, wire = Broadcaster(), Wire()
    client = subscriber(wire)
    caster.subscribe(client, ["btcusdt@trade", "btcusdt@trade"])
    caster.send("btcusdt@trade", b"{}")
    caster.flush()
    assert wire.written == frame_text(b"{}")


def test_nothing_is_written_before_the_flush_and_then_all_in_one_piece() -> None:
    caster, wire = Broadcaster(), Wire()
    caster.subscribe(subscriber(wire, combined=True), ["btcusdt@trade"])
    caster.send("btcusdt@trade", b"1")
    caster.send("btcusdt@trade", b"2")
    assert wire.written == b""
    caster.flush()
    one, two = b'{"stream":"btcusdt@trade","data":1}', b'{"stream":"btcusdt@trade","data":2}'
    assert wire.written == frame_text(one) + frame_text(two)


def test_client_with_too_much_unread_is_cut_off() -> None:
    caster, wire, other = Broadcaster(), Wire(), Wire()
    slow = subscriber(wire)
    caster.subscribe(slow, ["btcusdt@trade"])
    caster.subscribe(subscriber(other), ["btcusdt@trade"])
    wire.unsent = MAX_UNSENT_BYTES
    caster.send("btcusdt@trade", b"{}")
    caster.flush()
    assert wire.aborted
    assert slow.overrun
    assert wire.written == b""
    assert other.written == frame_text(b"{}")


def test_forgotten_client_is_owed_nothing() -> None:
    caster, wire = Broadcaster(), Wire()
    client = subscriber(wire)
    caster.subscribe(client, ["btcusdt@trade"])
    caster.send("btcusdt@trade", b"{}")
    caster.forget(client)
    caster.flush()
    assert wire.written == b""
    assert not caster.wanted("btcusdt@trade")
