"""Following another exchange's book."""

from __future__ import annotations

from seawall_paper_venue.market_frames import BookSnapshot, DepthUpdate, MarketMessage
from seawall_paper_venue.sources.live_book import BookFollower, RisingIds


def update(first: int, last: int, previous: int) -> DepthUpdate:
    return DepthUpdate(
        event_ms=0,
        transaction_ms=0,
        symbol="BTCUSDT",
        first_update_id=first,
        last_update_id=last,
        previous_update_id=previous,
        bids=[],
        asks=[],
    )


def snapshot(update_id: int) -> BookSnapshot:
    return BookSnapshot(last_update_id=update_id, event_ms=0, transaction_ms=0, bids=[], asks=[], symbol="BTCUSDT")


def ids(messages: list[MarketMessage]) -> list[int]:
    return [each.last_update_id for each in messages if isinstance(each, DepthUpdate | BookSnapshot)]


def test_changes_before_the_snapshot_are_dropped_and_the_first_may_straddle_it() -> None:
    follower = BookFollower()
    for change in (update(1, 5, 0), update(6, 9, 5), update(10, 14, 9), update(15, 20, 14)):
        assert follower.take(change) == []
    assert ids(follower.start(snapshot(12))) == [12, 14, 20]
    assert ids(follower.take(update(21, 22, 20))) == [22]


def test_snapshot_older_than_the_changes_is_refused() -> None:
    follower = BookFollower()
    follower.take(update(10, 14, 9))
    assert follower.start(snapshot(5)) == []
    assert follower.needs_snapshot
    assert ids(follower.start(snapshot(10))) == [10, 14]


def test_lost_change_asks_for_a_new_snapshot_and_relays_nothing_wrong() -> None:
    follower = BookFollower()
    follower.start(snapshot(10))
    assert ids(follower.take(update(8, 14, 9))) == [14]
    assert follower.take(update(20, 25, 19)) == []
    assert follower.needs_snapshot
    assert follower.gaps == 1
    assert follower.take(update(26, 30, 25)) == []
    assert ids(follower.start(snapshot(27))) == [27, 30]


def test_ids_go_on_rising_when_upstream_counts_anew() -> None:
    rising = RisingIds()
    first = snapshot(1_000)
    assert not rising.restarted_by(first)
    assert first.last_update_id == 1_000
    assert rising.moved_trade_id(500) == 500
    again = snapshot(10)
    assert rising.restarted_by(again)
    assert again.last_update_id == 1_001
    change = update(11, 15, 10)
    rising.move_update(change)
    assert (change.previous_update_id, change.last_update_id) == (1_001, 1_006)
    assert rising.moved_trade_id(3) == 501
    assert rising.moved_trade_id(4) == 502


def test_trade_relayed_before_is_not_relayed_again() -> None:
    rising = RisingIds()
    rising.restarted_by(snapshot(10))
    assert rising.moved_trade_id(7) == 7
    assert rising.moved_trade_id(7) is None
    assert rising.moved_trade_id(8) == 8
