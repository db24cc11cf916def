"""OKX's sync rule: live only while every message since the snapshot is proven, whatever happens to frames."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import msgspec
import pytest

from seawall_venues.capture.read import read_capture
from seawall_venues.feed import BookSnapshot, Verdict
from seawall_venues.feed_errors import MalformedFrameError
from seawall_venues.okx.book import DepthBook
from seawall_venues.okx.parse import DepthUpdate, parse_depth
from seawall_venues.okx.session import FEED, OkxWire
from seawall_venues.wire import Broken, FeedOptions, Plan
from tests.paths import RECORDINGS, needs_recording
from tests.unit.venues_okx.okx_frames import (
    FUTURE,
    INVERSE,
    SPOT,
    SWAP,
    PlainBook,
    instrument,
    is_depth,
    market,
)

CHECKSUMMED = RECORDINGS / "okx" / "raw_ws" / "cryptofeed_v3" / "OKX.jsonl.zst"
NUMBERED = RECORDINGS / "okx" / "raw_ws" / "tickvault_20260824" / "okx_books.top60.jsonl"
BTC = instrument(SPOT)


def message(previous: int, number: int, ts_ms: int = 1_000, bid_quantity: float = 2.0) -> DepthUpdate:
    return DepthUpdate(
        is_snapshot=previous == -1,
        sequence_id=number,
        previous_id=previous,
        ts_ms=ts_ms,
        checksum=0,
        bids=((10.0, bid_quantity),),
        asks=((11.0, 1.0),),
    )


def begun() -> DepthBook:
    book = DepthBook(BTC)
    assert book.apply(message(-1, 10)) is Verdict.APPLIED
    return book


def test_updates_before_the_snapshot_are_ignored() -> None:
    book = DepthBook(BTC)
    assert book.apply(message(10, 15)) is Verdict.WAITING
    assert not book.is_live
    assert book.apply(message(-1, 20)) is Verdict.APPLIED
    assert book.is_live
    assert book.update_id == 20


def test_an_update_must_name_its_predecessor() -> None:
    book = begun()
    assert book.apply(message(10, 15, 1_100, 7.0)) is Verdict.APPLIED
    assert book.levels.bids.top(1) == ((10.0, 7.0),)
    assert (book.update_id, book.ts_venue_ns) == (15, 1_100_000_000)
    assert book.apply(message(16, 20, 1_200)) is Verdict.GAP
    assert not book.is_live
    assert book.apply(message(20, 25, 1_300)) is Verdict.WAITING
    assert book.apply(message(-1, 30, 1_400)) is Verdict.APPLIED


def test_a_minute_without_a_change_is_in_sequence() -> None:
    book = begun()
    silence = msgspec.structs.replace(message(10, 10, 61_000), bids=(), asks=())
    assert book.apply(silence) is Verdict.APPLIED
    assert (book.update_id, book.ts_venue_ns) == (10, 61_000_000_000)


def test_numbers_that_begin_anew_after_maintenance_are_in_sequence() -> None:
    book = begun()
    assert book.apply(message(10, 3, 1_100)) is Verdict.APPLIED
    assert book.apply(message(3, 5, 1_200)) is Verdict.APPLIED
    assert book.update_id == 5


def test_a_lost_new_beginning_is_a_gap_and_no_old_news() -> None:
    book = begun()
    assert book.apply(message(3, 5, 1_200)) is Verdict.GAP


def test_what_was_applied_before_is_old() -> None:
    book = begun()
    book.apply(message(10, 15, 1_100, 7.0))
    book.apply(message(15, 20, 1_200, 8.0))
    assert book.apply(message(10, 15, 1_100, 7.0)) is Verdict.OLD
    assert book.apply(message(15, 20, 1_200, 8.0)) is Verdict.OLD
    assert book.apply(message(-1, 10)) is Verdict.OLD
    assert book.is_live
    assert book.levels.bids.top(1) == ((10.0, 8.0),)


def test_a_new_snapshot_replaces_a_live_book() -> None:
    book = begun()
    assert book.apply(msgspec.structs.replace(message(-1, 40, 2_000), bids=((9.0, 1.0),))) is Verdict.APPLIED
    assert book.levels.bids.top(5) == ((9.0, 1.0),)
    assert book.apply(message(10, 15, 2_100)) is Verdict.GAP


def test_a_message_without_number_and_checksum_proves_nothing() -> None:
    assert DepthBook(BTC).apply(message(-1, -1)) is Verdict.CORRUPT
    book = begun()
    assert book.apply(message(10, -1, 1_100)) is Verdict.GAP
    book = begun()
    assert book.apply(message(-2, -1, 1_100)) is Verdict.GAP


def test_a_snapshot_over_rest_changes_nothing() -> None:
    book = begun()
    assert book.load(BookSnapshot(99, 0, ((1.0, 1.0),), ((2.0, 1.0),), 400)) is Verdict.WAITING
    assert book.update_id == 10


def test_a_book_of_all_400_levels_knows_no_more_than_those() -> None:
    book = DepthBook(BTC)
    full = msgspec.structs.replace(
        message(-1, 10),
        bids=tuple((1_000.0 - at, 1.0) for at in range(400)),
        asks=tuple((1_001.0 + at, 1.0) for at in range(400)),
    )
    book.apply(full)
    for side in (book.levels.bids, book.levels.asks):
        assert side.reaches(400)
        assert not side.reaches(401)
    # The market falls: the venue removes at one end and adds at the other, and all of it is known.
    fallen = msgspec.structs.replace(
        message(10, 15, 1_100), bids=((1_000.0, 0.0), (600.0, 3.0)), asks=((1_000.0, 2.0), (1_400.0, 0.0))
    )
    assert book.apply(fallen) is Verdict.APPLIED
    assert book.levels.bids.top(400)[-1] == (600.0, 3.0)
    assert book.levels.asks.top(1) == ((1_000.0, 2.0),)
    assert book.levels.reaches(400)
    assert book.levels.knows_top()
    book.apply(msgspec.structs.replace(message(15, 20, 1_200), bids=((600.0, 0.0),), asks=()))
    assert book.levels.bids.reaches(500)  # fewer than 400: there are no more


@pytest.mark.parametrize("numbered", [True, False])
def test_a_checksum_is_over_the_digits_as_they_were_sent(numbered: bool) -> None:
    payloads = list(market("BTC-USDT", 1, 30, numbered=numbered, checksummed=True))
    book, plain = DepthBook(BTC), PlainBook("BTC-USDT")
    compared = 0
    plain.take(payloads[0])
    book.apply(parse_depth(payloads[0], BTC))
    for payload in payloads[1:]:
        before = plain.snapshot()
        plain.take(payload)
        for price, quantity in {*plain.sorted_bids()[:25], *plain.sorted_asks()[:25]}:
            other = payload.replace(f'["{price}","{quantity}"'.encode(), f'["{price}","{quantity}.0"'.encode())
            if other == payload:
                continue
            assert parse_depth(other, BTC).bids == parse_depth(payload, BTC).bids
            assert book.apply(parse_depth(other, BTC)) is Verdict.CORRUPT
            assert not book.is_live
            book.apply(parse_depth(before, BTC))
            compared += 1
        assert book.apply(parse_depth(payload, BTC)) is Verdict.APPLIED
    assert compared > 50


def test_texts_are_forgotten_when_the_venue_gives_checksums_up() -> None:
    payloads = list(market("BTC-USDT", 2, 6, checksummed=True))
    book = DepthBook(BTC)
    for payload in payloads[:3]:
        book.apply(parse_depth(payload, BTC))
    zero = msgspec.structs.replace(parse_depth(payloads[3], BTC), checksum=0)
    assert book.apply(zero) is Verdict.APPLIED
    assert book.apply(msgspec.structs.replace(parse_depth(payloads[4], BTC), checksum=77)) is Verdict.APPLIED


def test_only_the_texts_of_standing_levels_are_kept() -> None:
    book, plain = DepthBook(BTC), PlainBook("BTC-USDT")
    for payload in market("BTC-USDT", 3, 400, checksummed=True):
        plain.take(payload)
        assert book.apply(parse_depth(payload, BTC)) is Verdict.APPLIED
    assert book._texts is not None
    assert (len(book._texts._bids), len(book._texts._asks)) == (len(plain.bids), len(plain.asks))


def test_a_message_that_contradicts_itself_is_corrupt_and_no_crash() -> None:
    odd = msgspec.structs.replace(
        message(-1, -1), checksum=5, bids=((10.0, 1.0), (10.0, 0.0)), bid_texts=("10:1", "10:0"), ask_texts=("11:1",)
    )
    assert DepthBook(BTC).apply(odd) is Verdict.CORRUPT


# What must hold whatever happens to frames.


class Run:
    """The depth frames of one instrument, the book after each, and what may be shown at each number."""

    def __init__(self, listed: object, frames: Sequence[bytes], *, numbered: bool) -> None:
        self.listed = instrument(listed)
        self.numbered = numbered
        self.frames = [payload for payload in frames if is_depth(payload)]
        self.books: list[PlainBook] = []
        self.states: dict[int, object] = {}
        for payload in self.frames:
            plain = PlainBook(self.listed.venue_symbol)
            if self.books:
                plain.bids, plain.asks = dict(self.books[-1].bids), dict(self.books[-1].asks)
            plain.take(payload)
            self.books.append(plain)
            self.states[self.number_after(-1)] = plain.top(self.listed, 400 if numbered else 25)

    def number_after(self, at: int) -> int:
        """Return the book's number after a frame."""
        return int(str(self.books[at].numbers["seqId" if self.numbered else "ts"]))


def _recorded(listed: dict[str, str], *, numbered: bool) -> Run:
    name = f'"instId":"{listed["instId"]}"'.encode()
    lines = read_capture(NUMBERED if numbered else CHECKSUMMED)
    return Run(listed, [line.data for line in lines if name in line.data[:96]], numbered=numbered)


def _generated(listed: dict[str, str], *, numbered: bool) -> Run:
    return Run(
        listed, list(market(listed["instId"], 5, 60, numbered=numbered, checksummed=not numbered)), numbered=numbered
    )


UNI = INVERSE | {"instId": "UNI-USD-SWAP", "uly": "UNI-USD", "settleCcy": "UNI", "ctVal": "10", "ctValCcy": "USD"}
MAKERS: dict[str, Callable[[], Run]] = {
    "generated with numbers": lambda: _generated(SWAP, numbered=True),
    "recorded spot of 2026": lambda: _recorded(SPOT, numbered=True),
    "generated with checksums": lambda: _generated(INVERSE, numbered=False),
    "recorded spot of 2022": lambda: _recorded(SPOT, numbered=False),
    "recorded future of 2022": lambda: _recorded(FUTURE, numbered=False),
    "recorded swap of 2022": lambda: _recorded(UNI, numbered=False),
}
SOURCES = {"2022": CHECKSUMMED, "2026": NUMBERED}
RUNS = [
    pytest.param(name, marks=[needs_recording(SOURCES[name[-4:]])] if name[-4:] in SOURCES else []) for name in MAKERS
]


@pytest.fixture(scope="module", params=RUNS)
def run(request: pytest.FixtureRequest) -> Run:
    return MAKERS[request.param]()


class Receiver:
    """What whoever owns a socket does: a frame that cannot be read is as bad as a lost one."""

    def __init__(self, run: Run) -> None:
        self.book = FEED.dialect.new_book(run.listed)
        self.lost = 0
        self._listed = run.listed
        self._states = run.states
        self._wire = OkxWire(Plan("", (run.listed,), ()), FeedOptions())

    def take(self, payload: bytes) -> None:
        """Take a frame, and hold what would be shown against what it must be."""
        taken = self._wire.take(payload)
        if isinstance(taken, Broken):
            self.book.reset()
        elif isinstance(taken, tuple) and (self._listed.symbol, "depth") in taken:
            self._apply(payload)
        self.lost += not self.book.is_live
        if self.book.is_live and self.book.update_id in self._states:
            levels = self.book.levels
            assert (levels.bids.top(400), levels.asks.top(400)) == self._states[self.book.update_id]

    def _apply(self, payload: bytes) -> None:
        try:
            update = FEED.dialect.parse_depth(payload, self._listed)
        except MalformedFrameError:
            self.book.reset()
            return
        self.book.apply(update)


def play(run: Run, damaged: Sequence[bytes], resync_at: int | None = None) -> Receiver:
    """Play frames; then a new snapshot after one of the true frames, and the true frames behind it."""
    resync_at = len(run.frames) // 2 if resync_at is None else resync_at
    receiver = Receiver(run)
    for payload in damaged:
        receiver.take(payload)
    receiver.book.reset()
    receiver.take(run.books[resync_at].snapshot())
    for at in range(resync_at + 1, len(run.frames)):
        receiver.take(run.frames[at])
        assert receiver.book.is_live
        assert receiver.book.update_id == run.number_after(at)
    assert receiver.book.is_live
    return receiver


def is_empty(payload: bytes) -> bool:
    """True for what the venue sends after a minute without a change."""
    return b'"asks":[],"bids":[]' in payload


def test_an_undamaged_run_is_live_from_end_to_end(run: Run) -> None:
    assert len(run.frames) > 6
    assert play(run, run.frames).lost == 0


def test_a_dropped_frame_never_leaves_a_wrong_book_live(run: Run) -> None:
    lost = 0
    for at in range(1, len(run.frames) - 1):
        receiver = play(run, run.frames[:at] + run.frames[at + 1 :], len(run.frames) - 2)
        assert receiver.lost or is_empty(run.frames[at]) or not run.numbered
        lost += receiver.lost > 0
    # A checksum tells of what the best 25 levels show, and only they are shown.
    assert lost > len(run.frames) // 4


def test_a_repeated_frame_never_leaves_a_wrong_book_live(run: Run) -> None:
    for at in range(len(run.frames)):
        for later in {at + 1, min(at + 4, len(run.frames))}:
            receiver = play(run, [*run.frames[:later], run.frames[at], *run.frames[later:]])
            # One from before the maintenance has the greater number: it may be taken for a gap.
            assert not receiver.lost or not run.numbered or run.number_after(at) > run.number_after(later - 1)


def test_reordered_frames_never_leave_a_wrong_book_live(run: Run) -> None:
    lost = 0
    for at in range(len(run.frames) - 1):
        former, latter = run.frames[at], run.frames[at + 1]
        receiver = play(run, [*run.frames[:at], latter, former, *run.frames[at + 2 :]])
        assert receiver.lost or is_empty(former) or is_empty(latter)
        lost += receiver.lost > 0
    assert lost >= len(run.frames) - 3


def test_a_cut_frame_never_leaves_a_wrong_book_live(run: Run) -> None:
    chance = random.Random(3)
    for at in range(1, len(run.frames)):
        cut = run.frames[at][: chance.randrange(len(run.frames[at]))]
        assert play(run, [*run.frames[:at], cut, *run.frames[at + 1 :]]).lost


def test_a_frame_with_bytes_of_no_text_never_leaves_a_wrong_book_live(run: Run) -> None:
    chance = random.Random(4)
    lost = 0
    for at in range(1, len(run.frames)):
        spot = chance.randrange(len(run.frames[at]))
        broken = run.frames[at][:spot] + bytes([chance.choice((0, 1, 31, 255))]) + run.frames[at][spot + 1 :]
        lost += play(run, [*run.frames[:at], broken, *run.frames[at + 1 :]]).lost > 0
    assert lost > len(run.frames) // 4  # the others fell into what nobody reads


@pytest.mark.parametrize("run", RUNS[2:], indirect=True)
def test_other_digits_never_leave_a_wrong_book_live_where_there_is_a_checksum(run: Run) -> None:
    """Of the levels, that is; the checksum does not cover the time. Without one only the socket's TLS does."""
    assert not run.numbered
    chance = random.Random(5)
    lost = 0
    for at in range(1, len(run.frames)):
        payload = run.frames[at]
        levels = range(payload.index(b'"data"'), payload.index(b'"ts"'))
        digits = [spot for spot in levels if payload[spot : spot + 1].isdigit()]
        if digits:
            spot = chance.choice(digits)
            digit = b"%d" % ((int(payload[spot : spot + 1]) + chance.randint(1, 9)) % 10)
            broken = payload[:spot] + digit + payload[spot + 1 :]
            lost += play(run, [*run.frames[:at], broken, *run.frames[at + 1 :]]).lost > 0
    assert lost > len(run.frames) // 5  # the others are counts of orders, and levels behind those shown
