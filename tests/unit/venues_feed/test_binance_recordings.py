"""Every recording of USD-M from the first frame to the last: nothing lost, and the top is the best quote's."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise

import msgspec
import pytest

from seawall_venues.binance.session import FEED
from seawall_venues.capture.read import read_capture
from seawall_venues.instruments import unlisted
from tests.paths import RECORDINGS, needs_recording
from tests.unit.venues_feed.binance_tape import cryptofeed_file, drops_unnoticed, listed, tape_of, usdm_file

ANSWERS = RECORDINGS / "binance" / "rest" / "gocryptotrader" / "http.json.gz"
ALTS = cryptofeed_file("BINANCE_FUTURES")


@needs_recording(usdm_file("btcusdt"))
@pytest.mark.parametrize(
    ("venue_symbol", "frames", "waited", "updates", "trades"),
    [("btcusdt", 93_953, 6, 6_545, 21_313), ("ethusdt", 74_654, 7, 6_579, 14_076)],
)
def test_rebuilt_top_equals_the_independent_best_quote_at_every_update(
    venue_symbol: str, frames: int, waited: int, updates: int, trades: int
) -> None:
    tape = tape_of(FEED, usdm_file(venue_symbol))
    (heard,) = tape.heard.values()
    assert tape.frames == frames
    assert heard.verdicts == {"WAITING": waited, "APPLIED": updates}
    assert heard.loads == {"APPLIED": 1}
    assert heard.agreement() == (updates + 1, updates + 1) == (len(heard.tops),) * 2
    assert heard.trade_steps() == {1: trades - 1}


@needs_recording(ALTS)
def test_four_alternative_coins_are_read_by_the_recordings_own_list_and_snapshots() -> None:
    tape = tape_of(FEED, ALTS)
    assert tape.kinds == {"stray": 4, "depth": 764, "quote": 613, "trade": 91, "candle": 67}
    found = {symbol: (heard.verdicts["APPLIED"], heard.agreement()) for symbol, heard in tape.heard.items()}
    assert found == {
        "SUSHI-USDT-PERP": (252, (253, 253)),
        "AKRO-USDT-PERP": (188, (182, 182)),
        "KEEP-USDT-PERP": (132, (130, 130)),
        "CTK-USDT-PERP": (180, (180, 180)),
    }
    for heard in tape.heard.values():
        assert heard.book.is_live
        assert heard.loads == {"APPLIED": 1}
        assert "GAP" not in heard.verdicts


@needs_recording(ALTS)
def test_aggregates_are_numbered_without_a_hole() -> None:
    lines = [line.data for line in read_capture(ALTS)]
    heard = tape_of(FEED, ALTS).heard.values()
    for symbol in heard:
        for before, after in pairwise(symbol.trades):
            assert int(after.trade_id) == int(before.trade_id) + 1
    assert sum(len(symbol.trades) for symbol in heard) == sum(b"@aggTrade" in data[:64] for data in lines) == 91


@needs_recording(ALTS)
def test_a_candle_on_the_stream_closes_at_the_price_of_the_trade_it_ends_in() -> None:
    aggregates = [
        msgspec.json.decode(line.data)["data"] for line in read_capture(ALTS) if b"@aggTrade" in line.data[:64]
    ]
    prices = {(data["s"], data["l"]): float(data["p"]) for data in aggregates}
    compared = ended = 0
    for line in read_capture(ALTS):
        if b"@kline" in line.data[:64]:
            data = msgspec.json.decode(line.data)["data"]
            symbol = data["s"].replace("USDT", "-USDT-PERP")
            (candle,) = FEED.dialect.parse_candle(line.data, unlisted(FEED.venue, data["s"], symbol), line.ts_ns)
            price = prices.get((data["s"], data["k"]["L"]))
            if price is not None:
                compared += 1
                assert candle.close == price
            assert (candle.ts_venue_ns >= candle.ts_close_ns) == data["k"]["x"]
            ended += data["k"]["x"]
    assert (compared, ended) == (52, 4)


@needs_recording(usdm_file("btcusdt"))
@pytest.mark.parametrize(("venue_symbol", "drops"), [("btcusdt", 6_549), ("ethusdt", 6_584)])
def test_dropping_any_recorded_update_is_noticed_at_the_very_next(venue_symbol: str, drops: int) -> None:
    assert drops_unnoticed(FEED, usdm_file(venue_symbol), venue_symbol.upper(), before=0) == (0, drops)


@needs_recording(ANSWERS)
def test_answers_over_rest_become_events_oldest_first() -> None:
    routes = json.loads(gzip.decompress(ANSWERS.read_bytes()))["routes"]
    told, dialect = unlisted(FEED.venue, "BTCUSDT"), FEED.dialect
    for path in ("/fapi/v1/trades", "/fapi/v1/klines"):
        for answer in routes[path]["GET"]:
            events = listed(dialect, path, answer, told)
            assert len(events) == len(answer["data"]) > 0
            times = [event.ts_venue_ns for event in events]
            assert times == sorted(times)
    for answer in routes["/fapi/v1/depth"]["GET"]:
        found = dialect.parse_snapshot(json.dumps(answer["data"]).encode(), told)
        assert found.ts_venue_ns == answer["data"]["T"] * 1_000_000
        assert [list(level) for level in found.bids] == [list(map(float, level)) for level in answer["data"]["bids"]]
