"""Ids across lives of the venue."""

from __future__ import annotations

from pathlib import Path

from seawall_paper_venue.generation import IdShift, next_generation
from seawall_paper_venue.market_frames import BookSnapshot, Trade


def trade(trade_id: int) -> Trade:
    return Trade(event_ms=0, transaction_ms=0, symbol="BTCUSDT", trade_id=trade_id, price="1", quantity="1")


def test_every_start_on_the_same_state_is_another_life(tmp_path: Path) -> None:
    assert [next_generation(tmp_path / "state") for _ in range(3)] == [0, 1, 2]
    assert next_generation(tmp_path / "other") == 0


def test_damaged_count_starts_anew_instead_of_failing(tmp_path: Path) -> None:
    (tmp_path / "market-lives").write_bytes(b"\xff many")
    assert next_generation(tmp_path) == 0
    assert next_generation(tmp_path) == 1


def test_first_life_leaves_ids_as_they_are() -> None:
    message = trade(5_266_583_935)
    IdShift(0).apply(message)
    assert message.trade_id == 5_266_583_935


def test_later_life_begins_above_whatever_the_one_before_reached() -> None:
    earlier, later = trade(5_266_583_935 + 500_000_000), trade(5_266_583_935)
    IdShift(3).apply(earlier)
    IdShift(4).apply(later)
    assert later.trade_id > earlier.trade_id
    snapshot = BookSnapshot(last_update_id=5_123_107_852_948, event_ms=0, transaction_ms=0, bids=[], asks=[])
    IdShift(9_999).apply(snapshot)
    assert snapshot.last_update_id < 2**53
