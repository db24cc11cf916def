"""The recording of Kraken futures, end to end: every number follows, and the best quote is the book's."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import msgspec

from seawall_venues.feed import Verdict
from seawall_venues.kraken_futures.session import FEED
from seawall_venues.wire import Stray
from tests.paths import needs_recording
from tests.unit.venues_kraken_futures.kraken_futures_tape import OPTIONS, RECORDING, REPLAY, listed, recorded


@needs_recording(RECORDING)
def test_every_number_of_ten_books_follows_and_every_quote_is_the_books() -> None:
    dialect, wire = FEED.dialect, FEED.wire(REPLAY, OPTIONS)
    by_name = {instrument.venue_symbol: instrument for instrument in listed().values()}
    books = {symbol: dialect.new_book(instrument) for symbol, instrument in listed().items()}
    verdicts, told = Counter[Verdict](), Counter[str]()
    agreed = 0
    for line in recorded():
        if line.kind != "recv":
            continue
        taken = wire.take(line.data)
        if type(taken) is Stray:
            wire.add(by_name[taken.venue_symbol])
            taken = wire.take(line.data)
        assert type(taken) is tuple, taken
        told["quiet"] += not taken
        for symbol, channel in taken:
            told[channel] += 1
            instrument, levels = listed()[symbol], books[symbol].levels
            if channel == "depth":
                verdicts[books[symbol].apply(dialect.parse_depth(line.data, instrument))] += 1
                assert not levels.trouble()
            elif channel == "quote":
                quote = dialect.parse_quote(line.data, instrument, line.ts_ns)
                assert quote is not None
                agreed += (quote.bid_price, quote.ask_price) == (levels.bids.best(), levels.asks.best())
            else:
                told["printed"] += len(dialect.parse_trade(line.data, instrument, line.ts_ns))
    assert verdicts == {Verdict.APPLIED: 7_024}
    assert told == {"quiet": 31, "depth": 7_024, "quote": 107, "trade": 13, "printed": 1_003}
    assert agreed == 107
    assert sum(book.is_live for book in books.values()) == 10


class _Trade(msgspec.Struct):
    uid: str
    seq: int


class _Frame(msgspec.Struct):
    feed: str = ""
    product_id: str = ""
    trades: tuple[_Trade, ...] = ()
    uid: str = ""
    seq: int = 0


@needs_recording(RECORDING)
def test_trades_come_oldest_first_in_the_venues_own_unbroken_order() -> None:
    by_name = {instrument.venue_symbol: instrument for instrument in listed().values()}
    numbers: dict[str, dict[str, int]] = {}
    order: dict[str, list[str]] = {}
    for line in recorded():
        if line.kind != "recv" or b'"feed":"trade' not in line.data[:40]:
            continue
        frame = msgspec.json.decode(line.data, type=_Frame)
        if not frame.product_id:
            continue  # an acknowledgement
        for trade in frame.trades or (_Trade(frame.uid, frame.seq),):
            numbers.setdefault(frame.product_id, {})[trade.uid] = trade.seq
        printed = FEED.dialect.parse_trade(line.data, by_name[frame.product_id], line.ts_ns)
        order.setdefault(frame.product_id, []).extend(trade.trade_id for trade in printed)
    assert sum(map(len, order.values())) == 1_003
    for product, names in order.items():
        in_order = [numbers[product][name] for name in names]
        assert all(after == before + 1 for before, after in pairwise(in_order))


@needs_recording(RECORDING)
def test_the_recorded_list_gives_every_contract_and_no_index() -> None:
    assert len(listed()) == 17
    bitcoin = listed()["BTC-USD-INVERSE-PERP"]
    assert (bitcoin.venue_symbol, bitcoin.is_inverse, bitcoin.settle) == ("PI_XBTUSD", True, "BTC")
    assert listed()["ETH-USD-INVERSE-211231"].venue_symbol == "FI_ETHUSD_211231"
