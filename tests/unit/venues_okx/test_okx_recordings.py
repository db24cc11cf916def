"""Every recording of OKX, frame by frame through the wire, the parsers and the book."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from seawall_proto import QuoteTicked, TradePrinted
from seawall_venues.capture.line import Line
from seawall_venues.capture.read import read_capture
from seawall_venues.feed import Verdict, VerifiedBook
from seawall_venues.okx.session import FEED, OkxWire
from seawall_venues.port import Instrument
from seawall_venues.wire import QUIET, FeedOptions, Plan, Route, Stray
from tests.paths import RECORDINGS, needs_recording
from tests.unit.venues_okx.okx_frames import SPOT, PlainBook, instruments

CHECKSUMMED = RECORDINGS / "okx" / "raw_ws" / "cryptofeed_v3" / "OKX.jsonl.zst"
NUMBERED = RECORDINGS / "okx" / "raw_ws" / "tickvault_20260824" / "okx_books.top60.jsonl"
NS_PER_MS = 1_000_000


class Replay:
    """A recording, and what came of it."""

    def __init__(self, path: Path) -> None:
        self.lines: list[Line] = list(read_capture(path))
        bodies = [line.data for line in self.lines if line.kind == "http" and FEED.is_listing(line.address)]
        self.listed = FEED.parse_instruments(bodies) if bodies else instruments(SPOT)
        self.by_symbol = {instrument.symbol: instrument for instrument in self.listed}
        self.books: dict[str, VerifiedBook] = {}
        self.plain: dict[str, PlainBook] = {}
        self.verdicts: Counter[tuple[str, Verdict]] = Counter()
        self.best_bids: dict[str, list[tuple[int, tuple[float, float]]]] = {}
        self.quotes: list[QuoteTicked] = []
        self.trades: list[TradePrinted] = []
        self.quiet = self.strays = 0
        self._wire = OkxWire(Plan("", (), ()), FeedOptions())
        self._play()

    def _play(self) -> None:
        by_venue_symbol = {instrument.venue_symbol: instrument for instrument in self.listed}
        for line in self.lines:
            if line.kind != "recv":
                continue
            taken = self._wire.take(line.data)
            if isinstance(taken, Stray):
                self.strays += 1
                self._wire.add(by_venue_symbol[taken.venue_symbol])
                taken = self._wire.take(line.data)
            self.quiet += taken == QUIET
            for route in taken:
                assert isinstance(route, Route)
                self._take(route, line.data, self.by_symbol[route.symbol])

    def _take(self, route: Route, payload: bytes, listed: Instrument) -> None:
        if route.channel == "depth":
            self._take_depth(payload, listed)
        elif route.channel == "quote":
            quote = FEED.dialect.parse_quote(payload, listed, 0)
            assert quote is not None
            self.quotes.append(quote)
        else:
            self.trades += FEED.dialect.parse_trade(payload, listed, 0)

    def _take_depth(self, payload: bytes, listed: Instrument) -> None:
        book = self.books.setdefault(listed.symbol, FEED.dialect.new_book(listed))
        plain = self.plain.setdefault(listed.symbol, PlainBook(listed.venue_symbol))
        self.verdicts[listed.symbol, book.apply(FEED.dialect.parse_depth(payload, listed))] += 1
        plain.take(payload)
        levels = book.levels
        assert book.is_live
        assert not levels.trouble()
        assert levels.knows_top()
        shown = len(levels.bids.top(400))
        assert (levels.bids.top(shown), levels.asks.top(shown)) == plain.top(listed, shown)
        self.best_bids.setdefault(listed.symbol, []).append((book.ts_venue_ns, levels.bids.top(1)[0]))


@pytest.fixture(scope="module")
def checksummed() -> Replay:
    return Replay(CHECKSUMMED)


@needs_recording(CHECKSUMMED)
def test_every_checksum_of_the_old_recording_agrees(checksummed: Replay) -> None:
    assert checksummed.verdicts == {
        ("BTC-USDT", Verdict.APPLIED): 98,
        ("BTC-USD-220527", Verdict.APPLIED): 99,
        ("UNI-USD-PERP", Verdict.APPLIED): 93,
    }
    assert (checksummed.strays, checksummed.quiet) == (3, 18)
    assert len(checksummed.quotes) + len(checksummed.trades) + checksummed.quiet + 290 == 410


@needs_recording(CHECKSUMMED)
def test_no_level_is_shown_that_no_checksum_covers(checksummed: Replay) -> None:
    for symbol, book in checksummed.books.items():
        assert len(book.levels.bids) > 25, symbol
        assert len(book.levels.bids.top(400)) == len(book.levels.asks.top(400)) == 25
        assert book.levels.reaches(25)
        assert not book.levels.reaches(26)


@needs_recording(CHECKSUMMED)
def test_trades_of_the_old_recording_are_numbered_without_a_hole(checksummed: Replay) -> None:
    numbers: dict[str, list[int]] = {}
    for trade in checksummed.trades:
        numbers.setdefault(trade.symbol, []).append(int(trade.trade_id))
    assert {symbol: len(seen) for symbol, seen in numbers.items()} == {
        "BTC-USDT": 69,
        "BTC-USD-220527": 4,
        "UNI-USD-PERP": 1,
    }
    assert all(later == number + 1 for seen in numbers.values() for number, later in pairwise(seen))


@needs_recording(CHECKSUMMED)
def test_each_best_bid_of_the_tickers_was_the_best_bid_of_the_book_shortly_before(checksummed: Replay) -> None:
    distinct = {(quote.symbol, quote.bid_price, quote.bid_quantity): quote for quote in reversed(checksummed.quotes)}
    seen = agreed = 0
    for quote in distinct.values():
        book = checksummed.best_bids[quote.symbol]
        if quote.ts_venue_ns < book[0][0]:
            continue  # of the time before the book began
        seen += 1
        lately = [bid for ts_ns, bid in book if 0 < quote.ts_venue_ns - ts_ns < 500 * NS_PER_MS]
        agreed += (quote.bid_price, quote.bid_quantity) in lately
    assert (agreed, seen) == (4, 4)


@needs_recording(CHECKSUMMED)
def test_the_quotes_of_the_tickers_lag_and_are_never_held_against_the_book(checksummed: Replay) -> None:
    """One ticker has the very time of a book message and another quote: they must share no number."""
    at_ns = 1_652_459_226_124 * NS_PER_MS
    (quote,) = [quote for quote in checksummed.quotes if quote.ts_venue_ns == at_ns]
    (bid,) = [bid for ts_ns, bid in checksummed.best_bids["BTC-USDT"] if ts_ns == at_ns]
    assert (quote.bid_price, quote.bid_quantity) != bid
    book_numbers = {ts_ns // NS_PER_MS for seen in checksummed.best_bids.values() for ts_ns, _ in seen}
    assert not book_numbers & {quote.update_id for quote in checksummed.quotes}


@needs_recording(CHECKSUMMED)
def test_the_old_listing_is_read_whole(checksummed: Replay) -> None:
    kinds = Counter(
        "perpetual" if listed.symbol.endswith("-PERP") else "dated" if listed.symbol.count("-") > 1 else "spot"
        for listed in checksummed.listed
    )
    assert kinds == {"spot": 513, "perpetual": 166, "dated": 104}
    assert sum(listed.is_inverse for listed in checksummed.listed) == 92
    assert not any("-C" in listed.symbol[-2:] or "-P" in listed.symbol[-2:] for listed in checksummed.listed)


@needs_recording(CHECKSUMMED)
def test_what_the_recorder_asked_and_where_is_known_as_the_venues(checksummed: Replay) -> None:
    asked = [line.address for line in checksummed.lines if line.kind == "http"]
    assert Counter(map(FEED.is_listing, asked)) == {True: 15, False: 10}  # the others are lists of options
    assert all(FEED.speaks(line.address) for line in checksummed.lines if line.kind == "connect")


@needs_recording(NUMBERED)
def test_every_number_of_the_new_recording_follows() -> None:
    replay = Replay(NUMBERED)
    assert replay.verdicts == {("BTC-USDT", Verdict.APPLIED): 7}
    book = replay.books["BTC-USDT"]
    assert book.update_id == 80_274_875_033
    assert book.ts_venue_ns == 1_787_612_486_707 * NS_PER_MS
    assert book.levels.bids.top(1) == ((78_722.2, 0.35528063),)
    assert len(book.levels.bids.top(400)) == len(book.levels.bids) > 25
