"""A recorded market at its own pace, with its times moved to now."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from seawall_paper_venue.clock import wall_ns
from seawall_paper_venue.market_frames import MarketMessage, MarkPriceUpdate, Trade
from seawall_paper_venue.sources.base import Pacer

ORIGIN_NS = 1_723_161_255_000_000_000
MS = 1_000_000


def trade(at_ms: int, event_ms: int | None = None) -> Trade:
    now_ms = ORIGIN_NS // MS + at_ms
    return Trade(
        event_ms=now_ms if event_ms is None else ORIGIN_NS // MS + event_ms,
        transaction_ms=now_ms - 5,
        symbol="BTCUSDT",
        trade_id=at_ms,
        price="1",
        quantity="1",
    )


def timed(*at_ms: int) -> Iterator[tuple[int, MarketMessage]]:
    for each in at_ms:
        yield ORIGIN_NS + each * MS, trade(each)


class Ear:
    """Notes what it is told and when."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, MarketMessage]] = []
        self.at_ns: list[int] = []
        self.flushed = 0

    def accept(self, ts_ns: int, message: MarketMessage) -> None:
        self.heard.append((ts_ns, message))
        self.at_ns.append(wall_ns())

    def flush(self) -> None:
        self.flushed = len(self.heard)


async def test_pace_is_kept_and_multiplied() -> None:
    ear = Ear()
    started = wall_ns()
    await Pacer(10.0).play(timed(0, 500, 1_000, 2_000), ear)
    waits_ms = [(at_ns - started) / MS for at_ns in ear.at_ns]
    assert waits_ms == pytest.approx([0, 50, 100, 200], abs=30)
    assert ear.flushed == 4


async def test_times_are_moved_to_now_and_keep_their_distances() -> None:
    ear = Ear()
    started_ms = wall_ns() // MS
    await Pacer(1.0).play(timed(0, 40, 100), ear)
    events = [message.event_ms for _, message in ear.heard]
    assert events[0] == pytest.approx(started_ms, abs=30)
    assert [event - events[0] for event in events] == [0, 40, 100]
    assert all(isinstance(each, Trade) and each.event_ms - each.transaction_ms == 5 for _, each in ear.heard)


async def test_nothing_comes_from_the_future() -> None:
    ear = Ear()
    early = iter([(ORIGIN_NS, trade(0)), (ORIGIN_NS + 10 * MS, trade(10, event_ms=700))])
    await Pacer(1.0).play(early, ear)
    due_ns, message = ear.heard[1]
    assert message.event_ms <= due_ns // MS


async def test_next_funding_time_is_no_event_time() -> None:
    ear = Ear()
    mark = MarkPriceUpdate(ORIGIN_NS // MS, "BTCUSDT", "1", "1", "1", "0", 77)
    await Pacer(1.0).play(iter([(ORIGIN_NS, mark)]), ear)
    assert mark.next_funding_ms == 77
    assert mark.event_ms == pytest.approx(wall_ns() // MS, abs=100)


async def test_after_a_stall_the_market_goes_on_at_its_pace_instead_of_racing() -> None:
    """As when the process was stopped, or the laptop slept."""
    skew_ns = 0

    def clock() -> int:
        return wall_ns() + skew_ns

    def stalling() -> Iterator[tuple[int, MarketMessage]]:
        nonlocal skew_ns
        for at_ms in (0, 20, 40, 60, 80, 100):
            if at_ms == 40:
                skew_ns = 60_000 * MS
            yield ORIGIN_NS + at_ms * MS, trade(at_ms)

    ear = Ear()
    await Pacer(1.0, clock).play(stalling(), ear)
    gaps_ms = [(later - earlier) / MS for earlier, later in zip(ear.at_ns[2:], ear.at_ns[3:], strict=False)]
    assert gaps_ms == pytest.approx([20, 20, 20], abs=12)
    assert ear.heard[-1][0] - ear.heard[1][0] > 59_000 * MS
