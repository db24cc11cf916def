"""Kraken spot's sync rule: live while each checksum agrees, and nothing shown that none covers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as some

from seawall_venues.feed import BookSnapshot, Verdict
from seawall_venues.kraken.book import DepthBook
from seawall_venues.kraken.parse import parse_depth
from tests.paths import needs_recording
from tests.unit.venues_kraken.kraken_tape import (
    BTC,
    NEW_ONE_PAIR,
    OLD_ONE_PAIR,
    MadeMarket,
    Reader,
    Run,
    made_run,
    new_run,
    old_run,
    top,
)

RUNS = [
    pytest.param(made_run, id="made"),
    pytest.param(partial(made_run, 25), id="made deeper"),
    pytest.param(new_run, id="new", marks=needs_recording(NEW_ONE_PAIR)),
    pytest.param(old_run, id="old", marks=needs_recording(OLD_ONE_PAIR)),
]
AFTER = 12  # frames read on after a damage: what it broke below the tenth level rises soon


def frame(kind: str, bids: str, asks: str, checksum: int, timestamp: str = "2026-09-21T00:00:00.000001Z") -> bytes:
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":[{bids}],"asks":[{asks}],'
        f'"checksum":{checksum},"timestamp":"{timestamp}"}}]}}'
    ).encode()


# The example of the venue's own description of its checksum.
BIDS = (
    ("45283.5", "0.10000000"),
    ("45283.4", "1.54582015"),
    ("45282.1", "0.10000000"),
    ("45281.0", "0.10000000"),
    ("45280.3", "1.54592586"),
    ("45279.0", "0.07990000"),
    ("45277.6", "0.03310103"),
    ("45277.5", "0.30000000"),
    ("45277.3", "1.54602737"),
    ("45276.6", "0.15445238"),
)
ASKS = (
    ("45285.2", "0.00100000"),
    ("45286.4", "1.54571953"),
    ("45286.6", "1.54571109"),
    ("45289.6", "1.54560911"),
    ("45290.2", "0.15890660"),
    ("45291.8", "1.54553491"),
    ("45294.7", "0.04454749"),
    ("45296.1", "0.35380000"),
    ("45297.5", "0.09945542"),
    ("45299.5", "0.18772827"),
)
CHECKSUM = 3310070434


def documented(checksum: int = CHECKSUM) -> bytes:
    bids, asks = (
        ",".join(f'{{"price":{price},"qty":{quantity}}}' for price, quantity in side) for side in (BIDS, ASKS)
    )
    return frame("snapshot", bids, asks, checksum)


def test_the_documented_book_has_the_documented_checksum() -> None:
    book = DepthBook(BTC)
    assert book.apply(parse_depth(documented(), BTC)) is Verdict.APPLIED
    assert book.is_live
    assert book.levels.bids.top(2) == ((45283.5, 0.1), (45283.4, 1.54582015))
    assert book.ts_venue_ns == book.update_id == 1_789_948_800_000_001_000


def test_a_snapshot_whose_checksum_differs_is_no_book() -> None:
    book = DepthBook(BTC)
    assert book.apply(parse_depth(documented(CHECKSUM + 1), BTC)) is Verdict.CORRUPT
    assert not book.is_live


def test_nothing_is_a_book_before_the_snapshot_and_after_a_mismatch() -> None:
    market = MadeMarket(1)
    book = DepthBook(BTC)
    first, *rest = (market.snapshot(), market.update(), market.update(), market.update())
    assert book.apply(parse_depth(rest[0], BTC)) is Verdict.WAITING
    assert book.apply(parse_depth(first, BTC)) is Verdict.APPLIED
    assert book.apply(parse_depth(rest[1], BTC)) is Verdict.CORRUPT  # rest[0] was not applied
    assert not book.is_live
    assert book.update_id == 0
    assert book.apply(parse_depth(rest[2], BTC)) is Verdict.WAITING
    assert book.apply(parse_depth(market.snapshot(), BTC)) is Verdict.APPLIED
    assert top(book) == market.top()


def test_a_new_snapshot_replaces_the_book() -> None:
    book = DepthBook(BTC)
    for market in (MadeMarket(2), MadeMarket(3, mid=610_000)):
        assert book.apply(parse_depth(market.snapshot(), BTC)) is Verdict.APPLIED
        assert top(book) == market.top()


def test_levels_that_no_checksum_covers_are_not_shown() -> None:
    extra = '{"price":45000.0,"qty":1.00000000}'
    book = DepthBook(BTC)
    deep = documented().replace(b'"asks"', b"", 1).replace(b"],:[", b"," + extra.encode() + b'],"asks":[')
    assert len(parse_depth(deep, BTC).bids) == 11
    assert book.apply(parse_depth(deep, BTC)) is Verdict.APPLIED
    assert len(book.levels.bids) == 11
    assert len(book.levels.bids.top(20)) == len(book.levels.asks.top(20)) == 10
    assert book.levels.reaches(10)
    assert not book.levels.bids.reaches(11)


def test_a_thin_side_is_known_to_its_end() -> None:
    book = DepthBook(BTC)
    bids, asks = '{"price":10.5,"qty":2.00}', '{"price":11.5,"qty":0.30}'
    checksum = crc32(b"115" + b"30" + b"105" + b"200")
    assert book.apply(parse_depth(frame("snapshot", bids, asks, checksum), BTC)) is Verdict.APPLIED
    assert book.levels.reaches(20)
    assert top(book) == (((10.5, 2.0),), ((11.5, 0.3),))


def test_two_messages_of_one_microsecond_have_two_numbers() -> None:
    market = MadeMarket(4)
    book = DepthBook(BTC)
    book.apply(parse_depth(market.snapshot(), BTC))
    first = parse_depth(market.update(), BTC)
    market.ts_us -= 90_000_000
    earlier = parse_depth(market.update(), BTC)
    assert book.apply(first) is Verdict.APPLIED
    assert book.update_id == first.ts_venue_ns
    assert book.apply(earlier) is Verdict.APPLIED
    assert book.update_id == first.ts_venue_ns + 1
    assert book.ts_venue_ns == earlier.ts_venue_ns < first.ts_venue_ns


def test_a_book_over_rest_cannot_join_the_stream() -> None:
    book = DepthBook(BTC)
    assert book.load(BookSnapshot(1, 1, ((1.0, 1.0),), ((2.0, 1.0),), 500)) is Verdict.SNAPSHOT_OLD
    assert not book.is_live


@pytest.mark.parametrize("depth", [10, 25, 100])
def test_the_book_follows_a_market_of_any_depth(depth: int) -> None:
    market = MadeMarket(5, depth=depth)
    book = DepthBook(BTC)
    book.apply(parse_depth(market.snapshot(), BTC))
    for _ in range(1_000):
        assert book.apply(parse_depth(market.update(), BTC)) is Verdict.APPLIED
        assert top(book) == market.top()


def again_from_a_snapshot(reader: Reader) -> None:
    """The run's first frame is its snapshot; with it the book is right at once."""
    first = reader.run.frames[0]
    reader.book.reset()
    reader.read(first)
    reader.read_all(range(1, 4))
    assert reader.book.is_live


@pytest.mark.parametrize("run", RUNS)
def test_without_any_one_frame_the_book_is_never_wrong_and_right_after_a_snapshot(run: Callable[[], Run]) -> None:
    frames = run().frames
    lost = 0
    for dropped in range(1, len(frames) - AFTER):
        reader = Reader(run())
        reader.read_all(range(dropped))
        reader.read_all(range(dropped + 1, dropped + 1 + AFTER))
        lost += not reader.book.is_live
        again_from_a_snapshot(reader)
    assert lost > len(frames) // 2  # most losses are seen within a few frames


@pytest.mark.parametrize("run", RUNS)
def test_a_frame_that_comes_twice_changes_nothing(run: Callable[[], Run]) -> None:
    for doubled in range(0, len(run().frames) - 1, 3):
        reader = Reader(run())
        reader.read_all([*range(doubled + 1), doubled, *range(doubled + 1, min(doubled + 4, len(run().frames)))])
        assert doubled == 0 or reader.book.is_live


@pytest.mark.parametrize("run", RUNS)
def test_a_frame_that_comes_late_never_makes_a_wrong_book(run: Callable[[], Run]) -> None:
    count = len(run().frames)
    lost = 0
    for late in range(1, count - AFTER, 2):
        for delay in (1, 2, 5):
            reader = Reader(run())
            reader.read_all(range(late))
            reader.read_all([*range(late + 1, late + 1 + delay), late, *range(late + 1 + delay, late + AFTER)])
            lost += not reader.book.is_live
        again_from_a_snapshot(reader)
    assert lost > 0


@pytest.mark.parametrize("run", RUNS)
def test_a_frame_that_is_cut_short_ends_the_book(run: Callable[[], Run]) -> None:
    frames = run().frames
    for cut in range(2, len(frames), 23):
        for length in range(0, len(frames[cut].rstrip()), 13):
            reader = Reader(run())
            reader.read_all(range(cut))
            reader.read(frames[cut][:length])
            assert not reader.book.is_live
            again_from_a_snapshot(reader)


@pytest.mark.parametrize("run", RUNS)
@given(data=some.data())
def test_a_frame_with_any_byte_altered_never_makes_a_wrong_book(run: Callable[[], Run], data: some.DataObject) -> None:
    frames = run().frames
    struck = data.draw(some.integers(1, len(frames) - 1 - AFTER), label="frame")
    altered = bytearray(frames[struck])
    at = data.draw(some.integers(0, len(altered) - 1), label="byte")
    likely = some.sampled_from(b'0123456789.-eE",[]{}')
    altered[at] = data.draw(some.one_of(likely, some.integers(0, 255)), label="new")
    reader = Reader(run())
    for frame_before in frames[:struck]:
        reader.read(frame_before)
    reader.read(bytes(altered))
    assert reader.shows(struck) or reader.shows(struck - 1)  # as if it had not come, where it names another pair
    reader.read_all(range(struck + 1, struck + 1 + AFTER))
    again_from_a_snapshot(reader)


@given(some.binary(max_size=300))
def test_bytes_of_any_kind_never_change_a_book(garbage: bytes) -> None:
    reader = Reader(made_run())
    reader.read_all(range(3))
    before = top(reader.book)
    reader.read(garbage)
    assert not reader.book.is_live or top(reader.book) == before
