"""Whatever happens to a frame on its way: Binance's books are right, or they are not live."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from seawall_venues.feed import Verdict
from tests.paths import needs_recording
from tests.unit.venues_feed.binance_damage import (
    FRAMES,
    Reader,
    Run,
    altered,
    generated_run,
    numbers_of,
    recorded_run,
    same_levels,
)
from tests.unit.venues_feed.binance_tape import spot_files, usdm_file

SPOT_FILE, USDM_FILE = spot_files("btcusdt")[0], usdm_file("btcusdt")
RUNS = [
    pytest.param(lambda: generated_run("usdm"), id="usdm-generated"),
    pytest.param(lambda: generated_run("spot"), id="spot-generated"),
    pytest.param(lambda: recorded_run("usdm", USDM_FILE), id="usdm-recorded", marks=needs_recording(USDM_FILE)),
    pytest.param(lambda: recorded_run("spot", SPOT_FILE), id="spot-recorded", marks=needs_recording(SPOT_FILE)),
]
POSITIONS = some.integers(1, FRAMES - 2)  # neither the first, which the snapshot needs, nor the last


@pytest.fixture(params=RUNS)
def run(request: pytest.FixtureRequest) -> Run:
    made: Run = request.param()
    assert len(made.frames) == FRAMES + 1
    return made


def begun(run: Run) -> Reader:
    reader = Reader(run)
    reader.begin()
    return reader


def test_an_undamaged_run_is_right_at_every_number(run: Run) -> None:
    reader = begun(run)
    for frame in run.frames[1:]:
        assert reader.read(frame) is Verdict.APPLIED
        assert reader.book.is_live
        assert reader.is_right()


def test_dropping_any_one_frame_is_noticed_at_the_very_next(run: Run) -> None:
    for dropped in range(1, FRAMES):
        reader = begun(run)
        for frame in run.frames[1:dropped]:
            assert reader.read(frame) is Verdict.APPLIED
        assert reader.read(run.frames[dropped + 1]) is Verdict.GAP
        assert not reader.book.is_live


def test_no_digit_of_a_number_can_be_altered_without_the_next_frame_telling(run: Run) -> None:
    """An altered number may be told by the frame itself; else the next one does not fit it."""
    refused = told = harmless = 0
    for damaged in altered(run.frames[3]):
        reader = begun(run)
        reader.read(run.frames[1])
        reader.read(run.frames[2])
        reader.read(damaged)
        if not reader.book.is_live:
            refused += 1
            continue
        reader.read(run.frames[4])
        if not reader.book.is_live:
            told += 1
            continue
        harmless += 1  # a first number that is too low claims to repeat what the book already holds
        assert reader.is_right()
        assert reader.read(run.frames[5]) is Verdict.APPLIED
    assert refused > 20
    assert told > 5
    assert refused + told > harmless


@settings(max_examples=60, deadline=None)
@given(position=POSITIONS, again=some.integers(1, FRAMES), times=some.integers(1, 3))
def test_a_frame_that_comes_again_changes_nothing(position: int, again: int, times: int) -> None:
    for run in (generated_run("usdm"), generated_run("spot")):
        reader = begun(run)
        for at, frame in enumerate(run.frames[1:], 1):
            assert reader.read(frame) is Verdict.APPLIED
            if at == max(position, again):
                for _ in range(times):
                    assert reader.read(run.frames[position]) is Verdict.OLD
            assert reader.book.is_live
            assert reader.is_right()


@settings(max_examples=40, deadline=None)
@given(position=POSITIONS, later=some.integers(1, 8))
def test_frames_out_of_order_end_the_book_until_a_snapshot_finds_it_again(position: int, later: int) -> None:
    for run in (generated_run("usdm"), generated_run("spot")):
        reader = begun(run)
        other = min(position + later, FRAMES - 1)
        frames = list(run.frames[1:])
        frames[position - 1], frames[other - 1] = frames[other - 1], frames[position - 1]
        for frame in frames[:other]:
            reader.read(frame)
            assert reader.is_right()
        assert reader.book.is_live == (other == position)
        if other != position:
            reader.recover(other + 1)


@settings(max_examples=150, deadline=None)
@given(position=POSITIONS, at=some.floats(0, 1, exclude_max=True), byte=some.integers(0, 255), cut=some.booleans())
def test_a_frame_that_is_cut_or_altered_never_leaves_a_wrong_book_live(
    position: int, at: float, byte: int, cut: bool
) -> None:
    """What no sequence can tell is a digit altered within a level: against that stands the connection's own proof."""
    for run in (generated_run("usdm"), generated_run("spot")):
        whole = run.frames[position]
        place = int(at * len(whole))
        damaged = whole[:place] if cut else whole[:place] + bytes((byte,)) + whole[place + 1 :]
        numbers = numbers_of(run, damaged)
        if numbers is not None and not same_levels(run, damaged, whole):
            continue
        reader = begun(run)
        for frame in run.frames[1:position]:
            reader.read(frame)
        reader.read(damaged)
        assert reader.is_right() or numbers != numbers_of(run, whole)
        reader.read(run.frames[position + 1])
        assert reader.is_right()
        if not reader.book.is_live:
            reader.recover(position + 2 if position + 2 <= FRAMES else FRAMES)
