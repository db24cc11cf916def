"""Every recording at hand, through the decisions: sequences, checksums and quotes agree, and nothing is imagined."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from seawall_market_data.recordings import Recording
from seawall_market_data.service import settings_of
from seawall_market_data.verify import Report, verify
from seawall_runtime.config import MarketDataConfig
from tests.paths import RECORDINGS, needs_recording

SETTINGS = settings_of(MarketDataConfig())
HFT = "binance/raw_ws/hftbacktest_20240808"
SPOT_BTC = f"{HFT}/spot/btcusdt_20240808.gz"
# files, frames, book messages checked, moments at which a quote said what the top must be
VERIFIED = [
    ([SPOT_BTC], 41_248, 3_448, 3_449),
    ([f"{HFT}/spot/ethusdt_20240808.gz"], 33_617, 3_432, 3_433),
    ([f"{HFT}/usdm/btcusdt_20240808.gz"], 93_953, 6_545, 6_546),
    ([f"{HFT}/usdm/ethusdt_20240808.gz"], 74_654, 6_579, 6_580),
    ([f"{HFT}/spot"], 179_316, 12_960, 12_960),
    (["binance/raw_ws/cryptofeed_v3/BINANCE.jsonl.zst"], 265, 172, 159),
    (["binance/raw_ws/cryptofeed_v3/BINANCE_FUTURES.jsonl.zst"], 1_535, 752, 745),
    (["binance/raw_ws/cryptofeed_v3/BINANCE_US.jsonl.zst"], 480, 332, 317),
    (["bybit/raw_ws/BYBIT.first27s.jsonl.zst"], 2_138, 1_414, 0),
    (["okx/raw_ws/cryptofeed_v3/OKX.jsonl.zst"], 410, 287, 0),
    (["okx/raw_ws/tickvault_20260824/okx_books.top60.jsonl"], 8, 6, 0),
    (["kraken/raw_ws/cryptofeed_v3/KRAKEN.jsonl.zst"], 4_430, 4_259, 0),
    (["kraken/raw_ws/python-kraken-sdk/orderbook-v1.json.gz"], 1_150, 978, 0),
    (["kraken/raw_ws/python-kraken-sdk/orderbook-v2.json.gz"], 510, 509, 0),
    (["kraken/raw_ws/cryptofeed_v3/KRAKEN_FUTURES.jsonl.zst"], 7_175, 7_014, 0),
    (["coinbase/raw_ws/COINBASE.first15s.jsonl.zst"], 649, 476, 0),
]


def verified(names: list[str]) -> Report:
    paths: list[Path] = [RECORDINGS / name for name in names]
    if not all(path.exists() for path in paths):
        pytest.skip(f"recording {paths[0].name} is not at hand")
    return verify(Recording(paths, SETTINGS))


@pytest.mark.parametrize(("names", "frames", "checks", "quotes"), VERIFIED, ids=lambda value: str(value)[-40:])
def test_a_recording_verifies_whole(names: list[str], frames: int, checks: int, quotes: int) -> None:
    report = verified(names)
    assert report.ok, report.details
    assert (report.frames, report.checks, report.checks_failed) == (frames, checks, 0)
    assert (report.quotes_agreed, report.quotes_compared) == (quotes, quotes)
    assert (report.gaps, report.resyncs, report.books_crossed) == (0, 0, 0)


@needs_recording(RECORDINGS / SPOT_BTC)
def test_a_recorders_clock_that_is_behind_is_told() -> None:
    (symbol,) = verified([SPOT_BTC]).symbols.values()
    assert 1_270 < symbol.clock_offset_ms < 1_280


@needs_recording(RECORDINGS / HFT / "spot/btcusdt_20240809.gz")
def test_the_second_half_of_a_recording_alone_is_not_called_right() -> None:
    report = verified([f"{HFT}/spot/btcusdt_20240809.gz"])
    assert not report.ok
    assert "name the recording before this one" in report.details[0]


@needs_recording(RECORDINGS / SPOT_BTC)
def test_one_dropped_update_is_found_and_named() -> None:
    recording = Recording([RECORDINGS / SPOT_BTC], SETTINGS)
    lines = recording.lines
    depths = 0

    def without_one():  # type: ignore[no-untyped-def]
        nonlocal depths
        for line, replays in lines():
            depths += b"@depth" in line.data[:40]
            if depths != 2_000 or b"@depth" not in line.data[:40]:
                yield line, replays

    recording.lines = without_one  # type: ignore[method-assign]
    report = verify(recording)
    assert not report.ok
    assert (report.checks_failed, report.gaps, report.resyncs) == (1, 1, 1)
    assert "sequence gap" in report.details[0]


@needs_recording(RECORDINGS / SPOT_BTC)
def test_the_report_is_one_line_of_json() -> None:
    line = msgspec.json.encode(verified([SPOT_BTC]))
    assert b"\n" not in line
    assert msgspec.json.decode(line)["quotes_compared"] == 3_449
