"""One step of a service, and playing a list of events through it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seawall_proto import AlertRaised, BarClosed, Event, FeaturesComputed, derive_id
from seawall_runtime.service import Service, TimerElapsed, step
from seawall_runtime.testing import play


class Counted(Event, frozen=True, kw_only=True):
    """A fact of this service's own."""

    symbol: str


class Wave(msgspec.Struct, frozen=True):
    """A command."""

    number: int


def alert(detail: str, **fields: Any) -> AlertRaised:
    return AlertRaised(service="probe", name="n", severity="info", detail=detail, **fields)


def on_counted(state: int, event: Counted) -> tuple[int, list[msgspec.Struct]]:
    return state + 1, [alert(f"{event.symbol} {state + 1}"), Wave(state + 1), alert("again")]


PROBE = Service("probe", {Counted: on_counted}, (AlertRaised,), lambda event: event.symbol)


def counted(event_id: str, symbol: str = "BTC") -> Counted:
    return Counted(id=event_id, symbol=symbol, ts_received_ns=7)


def test_state_is_kept_per_key() -> None:
    states: dict[Any, Any] = {}
    play(PROBE, lambda key: 0, [counted("1"), counted("2"), counted("3", "ETH")], states)
    assert states == {"BTC": 2, "ETH": 1}


def test_ids_causes_and_time_are_filled_in_and_the_same_again() -> None:
    first = step(PROBE, {}, lambda key: 0, counted("1"))
    again = step(PROBE, {}, lambda key: 0, counted("1"))
    assert first == again
    one, _, other = first
    assert isinstance(one, AlertRaised)
    assert isinstance(other, AlertRaised)
    assert one.causes == ("1",)
    assert one.ts_received_ns == 7
    assert one.id == derive_id("probe.AlertRaised", ("1",), 0)
    assert one.id != other.id


def test_what_a_decision_filled_in_itself_stays() -> None:
    def decide(state: int, event: Counted) -> tuple[int, list[msgspec.Struct]]:
        return state, [alert("x", id="mine", causes=("other",), ts_received_ns=3)]

    (said,) = play(Service("probe", {Counted: decide}, (AlertRaised,), lambda e: 0), lambda key: 0, [counted("1")])
    assert said == alert("x", id="mine", causes=("other",), ts_received_ns=3)


def test_an_event_that_is_not_listed_is_an_error() -> None:
    with pytest.raises(KeyError):
        step(Service("probe", {Counted: on_counted}, (), lambda event: 0), {}, lambda key: 0, TimerElapsed(id="t"))


def test_saying_what_the_table_does_not_list_fails_the_story() -> None:
    silent = Service("probe", {Counted: on_counted}, (BarClosed, FeaturesComputed), lambda event: event.symbol)
    with pytest.raises(AssertionError, match="AlertRaised, which its table does not list"):
        play(silent, lambda key: 0, [counted("1")])
