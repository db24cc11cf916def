"""Whatever happens to the frames of a recording, nothing is ever said from a wrong book."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import msgspec
import pytest

from seawall_market_data.recordings import Recording
from seawall_market_data.service import settings_of
from seawall_proto import BookChanged, Event, FeedChanged, QuoteTicked
from seawall_runtime.config import MarketDataConfig
from seawall_venues.capture.line import Line
from tests.paths import RECORDINGS, needs_recording

SETTINGS = msgspec.structs.replace(settings_of(MarketDataConfig()), book_every_ns=1)  # every book is said
MAX_LINES = 2_500
RUNS = 12
NAMES = {
    "binance-usdm": "binance/raw_ws/hftbacktest_20240808/usdm/btcusdt_20240808.gz",
    "binance-spot": "binance/raw_ws/hftbacktest_20240808/spot/btcusdt_20240808.gz",
    "binance-spot alts": "binance/raw_ws/cryptofeed_v3/BINANCE.jsonl.zst",
    "binance-usdm alts": "binance/raw_ws/cryptofeed_v3/BINANCE_FUTURES.jsonl.zst",
    "binance.us": "binance/raw_ws/cryptofeed_v3/BINANCE_US.jsonl.zst",
    "bybit": "bybit/raw_ws/BYBIT.first27s.jsonl.zst",
    "okx": "okx/raw_ws/cryptofeed_v3/OKX.jsonl.zst",
    "okx 2026": "okx/raw_ws/tickvault_20260824/okx_books.top60.jsonl",
    "kraken v1": "kraken/raw_ws/cryptofeed_v3/KRAKEN.jsonl.zst",
    "kraken v1 sdk": "kraken/raw_ws/python-kraken-sdk/orderbook-v1.json.gz",
    "kraken v2 sdk": "kraken/raw_ws/python-kraken-sdk/orderbook-v2.json.gz",
    "kraken-futures": "kraken/raw_ws/cryptofeed_v3/KRAKEN_FUTURES.jsonl.zst",
    "coinbase": "coinbase/raw_ws/COINBASE.first15s.jsonl.zst",
}
Lines = list[Line]
Damage = Callable[[Lines, int, random.Random], Lines]


@cache
def lines_of(name: str) -> tuple[Line, ...]:
    """Return the first lines of a recording, in the order of their playing."""
    recording = opened(name)
    return tuple(line for _, (line, _) in zip(range(MAX_LINES), recording.lines(), strict=False))


def opened(name: str) -> Recording:
    """Return a recording with fresh books."""
    return Recording([RECORDINGS / NAMES[name]], SETTINGS)


def played(name: str, lines: Sequence[Line]) -> Iterator[Event]:
    """Yield what market-data says of these lines."""
    recording = opened(name)
    for line in lines:
        for replay in recording.concerned(line):
            yield from replay.take(line)


@cache
def truth_of(name: str) -> dict[str, BookChanged]:
    """Return every book of the undamaged run, by its id."""
    return {event.id: event for event in played(name, lines_of(name)) if isinstance(event, BookChanged)}


def drop(lines: Lines, at: int, chance: random.Random) -> Lines:
    return [*lines[:at], *lines[at + 1 :]]


def duplicate(lines: Lines, at: int, chance: random.Random) -> Lines:
    later = at + chance.randint(0, 30)
    return [*lines[: at + 1], *lines[at + 1 : later], lines[at], *lines[later:]]


def reorder(lines: Lines, at: int, chance: random.Random) -> Lines:
    later = min(at + chance.randint(1, 12), len(lines) - 1)
    return [*lines[:at], *lines[at + 1 : later + 1], lines[at], *lines[later + 1 :]]


def corrupt(lines: Lines, at: int, chance: random.Random) -> Lines:
    """Overwrite some bytes by others that stand in no number.

    A digit for a digit is what only a checksum can see; the venues without one rely on TLS for that.
    """
    data = bytearray(lines[at].data)
    for _ in range(chance.randint(1, 3)):
        data[chance.randrange(len(data))] = chance.choice(b'xZ"{}[],:\x00\xff')
    return [*lines[:at], lines[at]._replace(data=bytes(data)), *lines[at + 1 :]]


def truncate(lines: Lines, at: int, chance: random.Random) -> Lines:
    data = lines[at].data
    return [*lines[:at], lines[at]._replace(data=data[: chance.randrange(len(data))]), *lines[at + 1 :]]


@pytest.mark.parametrize("damage", [drop, duplicate, reorder, corrupt, truncate], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_said_from_a_wrong_book(name: str, damage: Damage) -> None:
    path: Path = RECORDINGS / NAMES[name]
    if not path.exists():
        pytest.skip(f"recording {path.name} is not at hand")
    lines, truth = list(lines_of(name)), truth_of(name)
    frames = [at for at, line in enumerate(lines) if line.kind == "recv"]
    chance = random.Random(f"{name}/{damage.__name__}")
    assert truth
    for _ in range(RUNS):
        damaged = damage(lines, chance.choice(frames), chance)
        live: dict[str, bool] = {}
        for event in played(name, damaged):
            if isinstance(event, FeedChanged):
                live[event.symbol] = event.state == "live"
            elif isinstance(event, BookChanged) and event.id in truth:
                said, true = (event.bids, event.asks), (truth[event.id].bids, truth[event.id].asks)
                assert said == true, f"{event.id} after {damage.__name__}"
            elif isinstance(event, QuoteTicked):
                assert live[event.symbol], "a quote while the feed is not live"


@needs_recording(RECORDINGS / NAMES["bybit"])
def test_the_same_recording_says_the_same_byte_for_byte() -> None:
    encode = msgspec.json.encode
    first = [encode(event) for event in played("bybit", lines_of("bybit"))]
    assert first == [encode(event) for event in played("bybit", lines_of("bybit"))]
    assert len(first) > 1_000
