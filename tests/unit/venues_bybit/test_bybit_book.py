"""Bybit's sync rule: live only while every update since the snapshot was seen, whatever happens to a frame."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall_venues.bybit.book import DepthBook
from seawall_venues.bybit.parse import parse_depth, parse_quote, parse_snapshot
from seawall_venues.bybit.session import LINEAR_FEED
from seawall_venues.bybit.symbols import LINEAR, SPOT
from seawall_venues.feed import Verdict
from seawall_venues.port import Instrument
from seawall_venues.wire import FeedSpec
from tests.paths import needs_recording

from .bybit_frames import (
    FEEDS,
    RECORDING,
    GeneratedMarket,
    Reader,
    Sides,
    decode,
    depth_frame,
    encode,
    instrument,
    linear_reader,
    recorded_books,
    sides_of,
    states_of,
)

BTC = instrument()


def apply(book: DepthBook, kind: str, number: int, sequence: int, quantity: str = "1", ts_ms: int = 0) -> Verdict:
    asks = [["11", "1"]] if kind == "snapshot" else []
    return book.apply(parse_depth(depth_frame(kind, number, sequence, [["10", quantity]], asks, ts_ms=ts_ms), BTC))


def synced() -> DepthBook:
    book = DepthBook()
    assert apply(book, "snapshot", 100, 5_000) is Verdict.APPLIED
    assert book.is_live
    return book


def test_updates_before_the_snapshot_are_ignored() -> None:
    book = DepthBook()
    assert apply(book, "delta", 99, 4_990) is Verdict.WAITING
    assert not book.is_live
    assert apply(book, "snapshot", 100, 5_000) is Verdict.APPLIED
    assert apply(book, "delta", 101, 5_010, "2") is Verdict.APPLIED
    assert (book.update_id, book.levels.bids.top(1)) == (5_010, ((10.0, 2.0),))


def test_the_books_time_is_the_engines() -> None:
    book = synced()
    assert book.ts_venue_ns == (1_700_000_000_000 + 5_000) * 1_000_000
    apply(book, "delta", 101, 5_010)
    assert book.ts_venue_ns == (1_700_000_000_000 + 5_010) * 1_000_000


def test_a_missing_update_is_a_gap_and_the_book_waits_for_a_snapshot() -> None:
    book = synced()
    assert apply(book, "delta", 102, 5_020) is Verdict.GAP
    assert not book.is_live
    assert apply(book, "delta", 103, 5_030) is Verdict.WAITING
    assert apply(book, "snapshot", 104, 5_040, "7") is Verdict.APPLIED
    assert (book.is_live, book.update_id, book.levels.bids.top(1)) == (True, 5_040, ((10.0, 7.0),))


def test_an_update_that_comes_again_changes_nothing() -> None:
    book = synced()
    apply(book, "delta", 101, 5_010, "2")
    apply(book, "delta", 102, 5_020, "3")
    assert apply(book, "delta", 102, 5_020, "9") is Verdict.OLD
    assert apply(book, "delta", 101, 5_010, "9") is Verdict.OLD
    assert (book.is_live, book.levels.bids.top(1)) == (True, ((10.0, 3.0),))


def test_any_new_snapshot_replaces_the_book() -> None:
    book = synced()
    assert apply(book, "snapshot", 500, 5_100, "4") is Verdict.APPLIED
    assert apply(book, "delta", 501, 5_110, "5") is Verdict.APPLIED
    assert book.levels.bids.top(2) == ((10.0, 5.0),)


def test_after_a_restart_of_the_service_the_numbers_begin_anew() -> None:
    book = synced()
    assert apply(book, "snapshot", 1, 5_100, "4") is Verdict.APPLIED
    assert apply(book, "delta", 2, 5_110, "5") is Verdict.APPLIED
    assert (book.is_live, book.update_id) == (True, 5_110)


def test_a_restart_whose_snapshot_was_lost_is_a_gap_and_not_old() -> None:
    book = synced()
    assert apply(book, "delta", 2, 5_110) is Verdict.GAP
    assert not book.is_live


def test_an_update_with_number_one_is_not_taken_for_a_snapshot() -> None:
    book = synced()
    assert apply(book, "delta", 1, 5_100) is Verdict.GAP
    assert not book.is_live
    assert apply(book, "delta", 1, 5_100) is Verdict.WAITING


def test_an_old_snapshot_does_not_turn_the_book_back() -> None:
    book = synced()
    apply(book, "delta", 101, 5_010, "2")
    assert apply(book, "snapshot", 100, 5_000) is Verdict.OLD
    assert apply(book, "delta", 102, 5_020, "3") is Verdict.APPLIED


def test_a_socket_that_begins_seconds_back_catches_up_without_turning_the_book_back() -> None:
    market = GeneratedMarket(4)
    frames = [market.snapshot(), *(market.step() for _ in range(20))]
    late = depth_frame("snapshot", 1_000, 5_000, [["60000", "1"]], [["60001", "1"]])
    book = DepthBook()
    for frame in frames:
        book.apply(parse_depth(frame, BTC))
    assert book.apply(parse_depth(late, BTC)) is Verdict.OLD
    assert {book.apply(parse_depth(frame, BTC)) for frame in frames[1:]} == {Verdict.OLD}
    assert book.apply(parse_depth(market.step(), BTC)) is Verdict.APPLIED
    assert sides_of(book) == market.sides()


def test_an_engine_whose_number_begins_anew_is_believed_by_its_snapshot() -> None:
    book = synced()
    later_ms = 1_800_000_000_000
    assert apply(book, "delta", 101, 3, ts_ms=later_ms) is Verdict.GAP
    assert apply(book, "snapshot", 102, 4, ts_ms=later_ms) is Verdict.APPLIED
    book = synced()
    assert apply(book, "snapshot", 1, 4, ts_ms=later_ms) is Verdict.APPLIED
    assert book.update_id == 4


def test_levels_beyond_the_window_are_forgotten_even_where_the_stream_does_not_delete_them() -> None:
    book = DepthBook()
    bids = [[str(1_000 - i), "1"] for i in range(50)]
    asks = [[str(1_001 + i), "1"] for i in range(50)]
    book.apply(parse_depth(depth_frame("snapshot", 1, 1, bids, asks), BTC))
    book.apply(parse_depth(depth_frame("delta", 2, 2, [["1000.5", "2"]], [["1000.75", "2"]]), BTC))
    assert (len(book.levels.bids), len(book.levels.asks)) == (50, 50)
    assert book.levels.bids.top(50)[0] == (1_000.5, 2.0)
    assert book.levels.bids.top(50)[-1] == (952.0, 1.0)
    assert book.levels.asks.top(50)[-1] == (1_049.0, 1.0)


def test_the_window_follows_the_market_beyond_where_the_snapshot_ended() -> None:
    book = DepthBook()
    bids = [[str(1_000 - i), "1"] for i in range(50)]
    asks = [[str(1_001 + i), "1"] for i in range(50)]
    book.apply(parse_depth(depth_frame("snapshot", 1, 1, bids, asks), BTC))
    gone = [[price, "0"] for price, _ in bids]
    book.apply(parse_depth(depth_frame("delta", 2, 2, [*gone, ["900", "3"]], []), BTC))
    assert book.levels.knows_top()
    assert book.levels.bids.top(20) == ((900.0, 3.0),)


def test_a_market_that_ended_has_an_empty_book_that_nobody_trusts() -> None:
    book = synced()
    book.apply(parse_depth(depth_frame("snapshot", 1, 6_000, [], []), BTC))
    assert book.levels.trouble() == "a side of the book is empty"


def test_a_book_over_rest_cannot_be_followed() -> None:
    book = DepthBook()
    result = {"s": "BTCUSDT", "b": [["10", "1"]], "a": [["11", "1"]], "ts": 1, "u": 99, "seq": 1}
    snapshot = parse_snapshot(encode({"retCode": 0, "result": result}), BTC)
    assert book.load(snapshot) is Verdict.WAITING
    assert not book.is_live


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_book_and_the_quote_equal_the_market_that_made_the_frames(seed: int) -> None:
    market = GeneratedMarket(seed)
    reader = linear_reader()
    reader.read(market.snapshot().replace(b"orderbook.50.", b"orderbook.200."))
    book = reader.books[BTC.symbol]
    for _ in range(300):
        reader.read(market.step().replace(b"orderbook.50.", b"orderbook.200."))
        reader.read(market.quote())
        assert book.is_live
        assert sides_of(book) == market.sides()
        quote = reader.quotes[-1]
        assert quote.update_id == book.update_id
        assert book.levels.bids.top(1) == ((quote.bid_price, quote.bid_quantity),)
        assert book.levels.asks.top(1) == ((quote.ask_price, quote.ask_quantity),)
    assert len(reader.quotes) == 300


class Damaged:
    """A run of frames of which some were damaged, held against the undamaged run at every step."""

    def __init__(self, feed: FeedSpec, one: Instrument, states: dict[int, Sides]) -> None:
        self.was_lost = False
        self._reader = Reader(feed, (one,))
        self.book = self._reader.books[one.symbol]
        self._states = states

    def read(self, frame: bytes) -> None:
        self._reader.read(frame)
        if self.book.is_live:
            assert sides_of(self.book) == self._states[self.book.update_id]
        else:
            self.was_lost = True


def generated(seed: int, count: int = 40) -> tuple[list[bytes], dict[int, Sides], bytes, Sides]:
    """Return frames, the right book at each number, and a later snapshot with what it should show."""
    market = GeneratedMarket(seed)
    frames, states = [market.snapshot()], {market.sequence: market.sides()}
    for _ in range(count):
        frames.append(market.step())
        states[market.sequence] = market.sides()
    market.step()
    states[market.sequence] = market.sides()
    return frames, states, market.snapshot(), market.sides()


def is_right_again(damaged: Damaged, snapshot: bytes, sides: Sides) -> bool:
    damaged.read(snapshot)
    return damaged.book.is_live and sides_of(damaged.book) == sides


@given(st.integers(0, 3), st.integers(1, 39))
def test_a_dropped_frame_is_never_published_over(seed: int, at: int) -> None:
    frames, states, snapshot, sides = generated(seed)
    damaged = Damaged(LINEAR_FEED, BTC, states)
    for frame in frames[:at] + frames[at + 1 :]:
        damaged.read(frame)
    assert damaged.was_lost
    assert is_right_again(damaged, snapshot, sides)


@given(st.integers(0, 3), st.integers(0, 40), st.integers(0, 40))
def test_a_frame_that_comes_again_at_any_time_costs_nothing(seed: int, at: int, later: int) -> None:
    frames, states, snapshot, sides = generated(seed)
    first, again = min(at, later), max(at, later)
    damaged = Damaged(LINEAR_FEED, BTC, states)
    for frame in [*frames[: again + 1], frames[first], *frames[again + 1 :]]:
        damaged.read(frame)
    assert not damaged.was_lost
    assert sides_of(damaged.book) == list(states.values())[40]
    assert is_right_again(damaged, snapshot, sides)


@given(st.integers(0, 3), st.permutations(range(6)), st.integers(0, 34))
def test_frames_out_of_order_are_never_published_over(seed: int, order: list[int], at: int) -> None:
    frames, states, snapshot, sides = generated(seed)
    damaged = Damaged(LINEAR_FEED, BTC, states)
    for frame in frames[:at] + [frames[at + i] for i in order] + frames[at + 6 :]:
        damaged.read(frame)
    assert damaged.was_lost == (order != sorted(order))
    assert is_right_again(damaged, snapshot, sides)


@given(st.integers(0, 3), st.integers(1, 39), st.floats(0, 1, exclude_max=True))
def test_a_truncated_frame_is_never_published_over(seed: int, at: int, share: float) -> None:
    frames, states, snapshot, sides = generated(seed)
    frames[at] = frames[at][: int(len(frames[at]) * share)]
    damaged = Damaged(LINEAR_FEED, BTC, states)
    for frame in frames:
        damaged.read(frame)
    assert damaged.was_lost
    assert is_right_again(damaged, snapshot, sides)


@given(st.integers(0, 3), st.integers(0, 39), st.floats(0, 1, exclude_max=True), st.integers(1, 6))
def test_a_frame_with_bytes_knocked_out_is_never_published_over(seed: int, at: int, share: float, size: int) -> None:
    frames, states, snapshot, sides = generated(seed)
    start = int(len(frames[at]) * share)
    frames[at] = frames[at][:start] + b"\x00" * size + frames[at][start + size :]
    damaged = Damaged(LINEAR_FEED, BTC, states)
    for frame in frames:
        damaged.read(frame)
    assert is_right_again(damaged, snapshot, sides)


@pytest.mark.parametrize(
    ("told", "changed"), [(b'"u":1020', b'"u":1021'), (b'"s":"BTCUSDT"', b'"s":"BTCUSDC"'), (b'"delta"', b'"snapsh"')]
)
def test_a_frame_whose_number_name_or_kind_was_changed_is_never_published(told: bytes, changed: bytes) -> None:
    frames, states, snapshot, sides = generated(5)
    assert told in frames[20]
    frames[20] = frames[20].replace(told, changed)
    damaged = Damaged(LINEAR_FEED, BTC, states)
    for frame in frames:
        damaged.read(frame)
    assert damaged.was_lost
    assert is_right_again(damaged, snapshot, sides)


@given(st.lists(st.binary(max_size=120), max_size=20), st.integers(0, 39))
@settings(max_examples=60)
def test_arbitrary_bytes_on_the_socket_never_change_a_book(noise: list[bytes], at: int) -> None:
    frames, states, _, _ = generated(2)
    reader = linear_reader()
    book = reader.books[BTC.symbol]
    for frame in frames[: at + 1]:
        reader.read(frame.replace(b"orderbook.50.", b"orderbook.200."))
    before = sides_of(book)
    assert before == list(states.values())[at]
    for frame in noise:
        reader.read(frame)
        reader.read(b'{"topic":"orderbook.200.BTCUSDT",' + frame)
        assert not book.is_live or sides_of(book) == before


RECORDED: list[Any] = [(LINEAR, "BTCUSDT"), (LINEAR, "DOGEUSDT"), (SPOT, "ETHUSDT")]


@needs_recording(RECORDING)
@pytest.mark.parametrize(("venue", "symbol"), RECORDED)
def test_a_recorded_frame_that_is_dropped_doubled_swapped_or_cut_is_never_published_over(
    venue: str, symbol: str
) -> None:
    one, frames = recorded_books(venue)[symbol]
    states = states_of(frames, one)
    last = list(states.values())[-1]
    for at in range(1, len(frames) - 1, 7):
        before, frame, after = frames[max(0, at - 4) : at], frames[at], frames[at + 1 : at + 5]
        rebuilt = _snapshot_of(frames[max(0, at - 5)], states)
        runs = {
            "dropped": (*before, *after),
            "doubled": (*before, frame, *before, frame, *after),
            "swapped": (*before, after[0], frame, *after[1:]),
            "cut": (*before, frame[: len(frame) // 2], *after),
        }
        for kind, run in runs.items():
            damaged = Damaged(FEEDS[venue], one, states)
            damaged.read(rebuilt)
            assert not damaged.was_lost
            for each in run:
                damaged.read(each)
            assert damaged.was_lost == (kind != "doubled"), kind
            damaged.read(_snapshot_of(frames[-1], states))
            assert sides_of(damaged.book) == last


def _snapshot_of(frame: bytes, states: dict[int, Sides]) -> bytes:
    """Return the snapshot that the venue would have sent in place of this frame."""
    told = decode(frame)
    data = told["data"]
    bids, asks = states[data["seq"]]
    body = {"s": data["s"], "b": bids, "a": asks, "u": data["u"], "seq": data["seq"]}
    return encode({"topic": f"orderbook.200.{data['s']}", "type": "snapshot", "ts": told["ts"], "data": body})


def test_a_quote_of_the_same_number_is_the_top_of_the_book() -> None:
    market = GeneratedMarket(8)
    book = DepthBook()
    book.apply(parse_depth(market.snapshot(), BTC))
    for _ in range(50):
        book.apply(parse_depth(market.step(), BTC))
        quote = parse_quote(market.quote(), BTC, 0)
        assert quote is not None
        assert (quote.update_id, quote.bid_price, quote.ask_price) == (
            book.update_id,
            book.levels.bids.best(),
            book.levels.asks.best(),
        )
