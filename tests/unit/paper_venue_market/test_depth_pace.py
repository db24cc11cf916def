"""Depth changes added up."""

from __future__ import annotations

from seawall_paper_venue.depth_pace import DepthPace
from seawall_paper_venue.market_frames import DepthUpdate, PriceLevel


def update(first: int, last: int, previous: int, bids: list[PriceLevel]) -> DepthUpdate:
    return DepthUpdate(
        event_ms=last,
        transaction_ms=last,
        symbol="BTCUSDT",
        first_update_id=first,
        last_update_id=last,
        previous_update_id=previous,
        bids=bids,
        asks=[],
    )


def test_sum_spans_from_the_first_change_to_the_last() -> None:
    pace = DepthPace()
    pace.add(update(11, 15, 10, [("100", "1"), ("99", "2")]))
    pace.add(update(16, 20, 15, [("100", "3"), ("98", "4")]))
    frame = pace.take(500)
    assert frame is not None
    assert (frame.first_update_id, frame.last_update_id, frame.previous_update_id) == (11, 20, 10)
    assert sorted(frame.bids) == [("100", "3"), ("98", "4"), ("99", "2")]
    assert (frame.event_ms, frame.transaction_ms) == (500, 20)


def test_each_frame_names_the_one_before() -> None:
    pace = DepthPace()
    pace.add(update(11, 15, 10, []))
    pace.take(1)
    pace.add(update(18, 20, 15, []))
    pace.add(update(25, 30, 20, []))
    frame = pace.take(2)
    assert frame is not None
    assert (frame.previous_update_id, frame.first_update_id, frame.last_update_id) == (15, 18, 30)


def test_nothing_changed_nothing_is_sent() -> None:
    pace = DepthPace()
    assert pace.take(1) is None
    pace.add(update(11, 15, 10, []))
    assert pace.take(2) is not None
    assert pace.take(3) is None
