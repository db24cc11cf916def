"""Kraken futures' sync rule: live from a snapshot on, while each number follows on the last."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as some

from seawall_proto import Level
from seawall_venues.feed import BookSnapshot, Verdict
from seawall_venues.kraken_futures.book import DepthBook
from seawall_venues.kraken_futures.parse import BookUpdate
from tests.paths import needs_recording
from tests.unit.venues_kraken_futures.kraken_futures_tape import (
    LINEAR,
    RECORDING,
    Reader,
    Run,
    made_run,
    recorded_run,
    top,
)

RUNS = [
    pytest.param(made_run, id="made"),
    pytest.param(recorded_run, id="recorded", marks=needs_recording(RECORDING)),
]


def snapshot(sequence: int, bid: Level = (10.0, 1.0)) -> BookUpdate:
    return BookUpdate(True, sequence, (bid,), ((11.0, 1.0),), 1_000)


def change(sequence: int, quantity: float = 2.0, ts_venue_ns: int = 2_000) -> BookUpdate:
    return BookUpdate(False, sequence, ((10.0, quantity),), (), ts_venue_ns)


def live() -> DepthBook:
    book = DepthBook(LINEAR)
    assert book.apply(snapshot(5)) is Verdict.APPLIED
    assert book.is_live
    return book


def test_changes_wait_for_the_snapshot() -> None:
    book = DepthBook(LINEAR)
    assert book.apply(change(6)) is Verdict.WAITING
    assert not book.is_live


def test_the_snapshot_is_the_whole_book() -> None:
    assert live().levels.reaches(1_000)


def test_each_number_follows_on_the_last() -> None:
    book = live()
    assert book.apply(change(6)) is Verdict.APPLIED
    assert (book.update_id, book.ts_venue_ns, book.levels.bids.top(1)) == (6, 2_000, ((10.0, 2.0),))
    assert book.apply(change(8)) is Verdict.GAP
    assert not book.is_live
    assert book.apply(change(9)) is Verdict.WAITING
    assert book.apply(snapshot(9, (9.0, 3.0))) is Verdict.APPLIED
    assert top(book) == (((9.0, 3.0),), ((11.0, 1.0),))


def test_what_is_in_the_book_already_is_old() -> None:
    book = live()
    book.apply(change(6))
    assert book.apply(change(6, 9.0)) is Verdict.OLD
    assert book.apply(change(5, 9.0, ts_venue_ns=900)) is Verdict.OLD
    assert book.levels.bids.top(1) == ((10.0, 2.0),)
    assert book.apply(change(7)) is Verdict.APPLIED


def test_a_venue_that_counts_afresh_is_not_taken_for_an_old_one() -> None:
    book = live()
    assert book.apply(change(1, ts_venue_ns=5_000)) is Verdict.GAP
    assert not book.is_live


def test_a_book_over_rest_cannot_join_the_stream() -> None:
    book = DepthBook(LINEAR)
    assert book.load(BookSnapshot(1, 1, ((1.0, 1.0),), ((2.0, 1.0),), 500)) is Verdict.SNAPSHOT_OLD
    assert not book.is_live


@pytest.mark.parametrize("run", RUNS)
def test_without_any_one_frame_the_book_is_lost_until_a_snapshot(run: Callable[[], Run]) -> None:
    frames = run().frames
    for dropped in range(1, len(frames) - 1):
        reader = Reader(run())
        reader.read_all(range(dropped))
        assert reader.read(frames[dropped + 1]) is Verdict.GAP
        reader.read_all(range(dropped + 2, len(frames)))
        assert not reader.book.is_live
    reader.begin_again()


@pytest.mark.parametrize("run", RUNS)
def test_a_frame_that_comes_twice_changes_nothing(run: Callable[[], Run]) -> None:
    frames = run().frames
    for doubled in range(1, len(frames)):
        reader = Reader(run())
        reader.read_all(range(doubled + 1))
        assert reader.read(frames[doubled]) is Verdict.OLD
        reader.read_all(range(doubled + 1, len(frames)))
        assert reader.book.is_live


@pytest.mark.parametrize("run", RUNS)
def test_frames_that_change_places_never_make_a_wrong_book(run: Callable[[], Run]) -> None:
    frames = run().frames
    for late in range(1, len(frames) - 2):
        reader = Reader(run())
        reader.read_all([*range(late), late + 1, late, *range(late + 2, len(frames))])
        assert not reader.book.is_live
    reader.begin_again()


@pytest.mark.parametrize("run", RUNS)
def test_a_frame_that_is_cut_short_ends_the_book(run: Callable[[], Run]) -> None:
    frames = run().frames
    for cut in range(1, len(frames), 19):
        for length in range(len(frames[cut])):
            reader = Reader(run())
            reader.read(frames[0])
            for frame in frames[1:cut]:
                reader.read(frame)
            reader.read(frames[cut][:length])
            assert not reader.book.is_live
    reader.begin_again()


@pytest.mark.parametrize("run", RUNS)
@given(data=some.data())
def test_a_frame_with_another_number_never_makes_a_wrong_book(run: Callable[[], Run], data: some.DataObject) -> None:
    frames = run().frames
    struck = data.draw(some.integers(1, len(frames) - 2))
    start = frames[struck].index(b'"seq":') + len(b'"seq":')
    end = frames[struck].index(b",", start)
    other = data.draw(some.one_of(some.binary(max_size=6), some.integers(-1, 1 << 63).map(lambda n: str(n).encode())))
    reader = Reader(run())
    reader.read_all(range(struck))
    altered = frames[struck][:start] + other + frames[struck][end:]
    reader.read(altered)
    assert reader.is_right()
    reader.read_all(range(struck + 1, len(frames)))
    assert reader.book.is_live == (int(other) == int(frames[struck][start:end]) if other.isdigit() else False)
    reader.begin_again()


@given(some.binary(max_size=300))
def test_bytes_of_any_kind_never_change_a_book(garbage: bytes) -> None:
    reader = Reader(made_run())
    reader.read_all(range(3))
    before = top(reader.book)
    reader.read(garbage)
    assert not reader.book.is_live or top(reader.book) == before
