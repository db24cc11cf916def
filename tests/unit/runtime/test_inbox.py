"""Three bounded lanes, served in turn."""

from __future__ import annotations

import asyncio

import pytest

from seawall_runtime.inbox import Fact, FlowMessage, Inbox, Marker
from seawall_runtime.pull import Pulled
from seawall_runtime.seen import Seen
from seawall_runtime.service import TimerElapsed


def fact(name: str) -> Fact:
    return Fact(TimerElapsed(id=name), None)


def flow(name: str) -> FlowMessage:
    return FlowMessage(name, b"", None)


def pulled(name: str) -> Pulled:
    return Pulled(name, b"", None, "", 1, 1, 0.0)


async def test_no_lane_starves_another() -> None:
    inbox = Inbox()
    inbox.open = True
    for number in range(100):
        inbox.offer_flow(flow(f"flow{number}"))
    await inbox.put_fact(fact("fact"))
    inbox.offer_ledger(pulled("ledger"))
    first_three = [inbox.take() for _ in range(3)]
    assert {type(item) for item in first_three} == {FlowMessage, Fact, Pulled}


async def test_only_facts_come_out_until_it_is_open() -> None:
    inbox = Inbox()
    inbox.offer_flow(flow("flow"))
    inbox.offer_ledger(pulled("ledger"))
    assert inbox.take() is None
    assert inbox.nothing_to_take
    assert not inbox.is_empty
    await inbox.put_fact(fact("fact"))
    assert isinstance(inbox.take(), Fact)
    inbox.open = True
    assert inbox.take() is not None


async def test_the_oldest_tick_goes_when_the_lane_is_full() -> None:
    inbox = Inbox(flow_limit=2)
    inbox.open = True
    assert inbox.offer_flow(flow("one"))
    assert inbox.offer_flow(flow("two"))
    assert not inbox.offer_flow(flow("three"))
    assert [item.subject for item in inbox.flow] == ["two", "three"]


async def test_a_feeder_waits_while_its_facts_are_not_taken() -> None:
    inbox = Inbox(fact_limit=1)
    await inbox.put_fact(fact("one"))
    second = asyncio.create_task(inbox.put_fact(fact("two")))
    await asyncio.sleep(0.01)
    assert not second.done()
    inbox.take()
    await asyncio.wait_for(second, 1)
    assert len(inbox.facts) == 1


async def test_waiting_ends_when_something_comes() -> None:
    inbox = Inbox()
    waiting = asyncio.create_task(inbox.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    inbox.offer_flow(flow("one"))
    await asyncio.wait_for(waiting, 1)


async def test_a_marker_comes_after_the_facts_before_it() -> None:
    inbox = Inbox()
    await inbox.put_fact(fact("before"))
    inbox.put_marker(Marker(asyncio.Event()))
    await inbox.put_fact(fact("after"))
    assert [type(inbox.take()) for _ in range(3)] == [Fact, Marker, Fact]


def test_ids_beyond_the_limit_are_forgotten_oldest_first() -> None:
    seen: Seen[str] = Seen(2)
    for name in ("a", "b", "b", "a", "c"):
        seen.add(name)
    assert "a" not in seen
    assert "b" in seen
    assert "c" in seen
    seen.clear()
    assert "c" not in seen


@pytest.mark.parametrize("limit", [1, 10])
def test_remembering_stays_bounded(limit: int) -> None:
    seen: Seen[int] = Seen(limit)
    for number in range(1_000):
        seen.add(number)
    assert sum(number in seen for number in range(1_000)) == limit
