"""Every recording of Kraken spot, end to end: each checksum agrees, and the best quote is the book's."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from seawall_venues.feed import Verdict
from seawall_venues.kraken.session import FEED
from seawall_venues.kraken.v1 import V1_FEED
from seawall_venues.wire import FeedSpec
from tests.paths import needs_recording
from tests.unit.venues_kraken.kraken_tape import (
    LISTED_ON_STREAM,
    NEW_ONE_PAIR,
    OLD_BTC,
    OLD_ONE_PAIR,
    OLD_TEN_PAIRS,
    old_run,
    recorded,
    replayed,
    top,
)

TICKER_WITHIN_NS = 500_000_000  # quotes and books came over different sockets


@needs_recording(OLD_TEN_PAIRS)
def test_every_checksum_of_ten_pairs_over_the_old_protocol_agrees() -> None:
    replay = replayed(V1_FEED, recorded(OLD_TEN_PAIRS))
    assert not replay.notices
    assert replay.quiet == 125
    assert len(replay.pairs) == 10
    assert {pair.verdicts[Verdict.WAITING] for pair in replay.pairs.values()} == {1}  # the snapshots
    assert sum(pair.verdicts[Verdict.APPLIED] for pair in replay.pairs.values()) == 4_269
    assert sum(pair.verdicts.total() for pair in replay.pairs.values()) == 4_279
    assert all(pair.book.is_live for pair in replay.pairs.values())
    assert sum(len(pair.trades) for pair in replay.pairs.values()) == 10
    assert replay.pairs["BTC-CHF"].instrument.venue_symbol == "XBT/CHF"
    assert replay.pairs["BTC-CHF"].instrument.min_quantity == Decimal("0.0002")


@needs_recording(OLD_TEN_PAIRS)
def test_the_best_quotes_on_another_socket_are_those_of_the_books() -> None:
    replay = replayed(V1_FEED, recorded(OLD_TEN_PAIRS))
    compared = agreed = 0
    for pair in replay.pairs.values():
        for quote in pair.quotes:
            if quote.ts_received_ns < pair.bests[0][0]:
                continue  # it came before the book
            compared += 1
            near = [best for best in pair.bests if abs(best[0] - quote.ts_received_ns) <= TICKER_WITHIN_NS]
            before = [best for best in pair.bests if best[0] <= quote.ts_received_ns][-1:]
            agreed += (quote.bid_price, quote.ask_price) in {best[1:] for best in (*near, *before)}
    assert (agreed, compared) == (8, 8)


@pytest.mark.parametrize(
    ("path", "spec", "symbol", "applied"),
    [
        pytest.param(OLD_ONE_PAIR, V1_FEED, "XBT/USD", 979, marks=needs_recording(OLD_ONE_PAIR)),
        pytest.param(NEW_ONE_PAIR, FEED, "BTC/USD", 510, marks=needs_recording(NEW_ONE_PAIR)),
    ],
)
def test_every_checksum_of_a_recording_without_addresses_agrees(
    path: Path, spec: FeedSpec, symbol: str, applied: int
) -> None:
    replay = replayed(spec, recorded(path))
    (pair,) = replay.pairs.values()
    assert not replay.notices
    assert pair.instrument.venue_symbol == symbol
    assert pair.verdicts[Verdict.APPLIED] == applied
    assert set(pair.verdicts) <= {Verdict.APPLIED, Verdict.WAITING}
    assert len(top(pair.book)[0]) == len(top(pair.book)[1]) == 10


@needs_recording(NEW_ONE_PAIR)
def test_the_book_is_the_one_that_its_messages_make_by_hand() -> None:
    sides: dict[str, dict[Decimal, Decimal]] = {"bids": {}, "asks": {}}
    for line in recorded(NEW_ONE_PAIR):
        for entry in json.loads(line.data, parse_float=Decimal)["data"]:
            for name, side in sides.items():
                side.update({level["price"]: level["qty"] for level in entry[name]})
                best = sorted((price for price, quantity in side.items() if quantity), reverse=name == "bids")[:10]
                sides[name] = {price: side[price] for price in best}
    (pair,) = replayed(FEED, recorded(NEW_ONE_PAIR)).pairs.values()
    by_hand = tuple(tuple((float(p), float(q)) for p, q in sides[name].items()) for name in ("bids", "asks"))
    assert top(pair.book) == by_hand


@needs_recording(OLD_ONE_PAIR)
def test_a_book_that_is_not_cut_to_its_depth_is_caught_by_the_checksum() -> None:
    book = V1_FEED.dialect.new_book(OLD_BTC)
    verdicts = set()
    for frame in old_run().frames:
        deeper = frame.replace(b'"book-10"', b'"book-1000"')
        verdicts.add(book.apply(V1_FEED.dialect.parse_depth(deeper, OLD_BTC)))
    assert Verdict.CORRUPT in verdicts


@needs_recording(OLD_TEN_PAIRS)
def test_the_recorded_list_gives_every_pair_but_dark_pools_and_odd_names() -> None:
    body = next(line.data for line in recorded(OLD_TEN_PAIRS) if line.kind == "http")
    listed = FEED.parse_instruments([body])
    names = {entry.get("wsname") for entry in json.loads(body)["result"].values()} - {None, "ETH2.S/ETH"}
    assert len(listed) == len(names) == 292
    assert {instrument.venue_symbol for instrument in V1_FEED.parse_instruments([body])} == names
    assert not {asset for instrument in listed for asset in (instrument.base, instrument.quote)} & {"XBT", "XDG"}


@needs_recording(LISTED_ON_STREAM)
def test_the_list_on_the_stream_is_read_too() -> None:
    listed = {each.symbol: each for each in FEED.parse_instruments([recorded(LISTED_ON_STREAM)[0].data])}
    assert len(listed) == 682  # all but ETH2.S/ETH
    bitcoin = listed["BTC-USD"]
    assert (bitcoin.venue_symbol, bitcoin.tick_size, bitcoin.lot_size) == ("BTC/USD", Decimal("0.1"), Decimal("1E-8"))
    assert (bitcoin.min_quantity, bitcoin.min_notional) == (Decimal("0.0001"), Decimal("0.5"))
