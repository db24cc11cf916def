"""What the name of a file says of its content, in the manners of freqtrade, Kraken and CryptoDataDownload."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from seawall_history.errors import BadInputError
from seawall_history.intervals import MINUTE_NS, interval_ns_of
from seawall_history.schema import Kind

SUFFIXES = (".feather", ".arrow", ".parquet", ".csv", ".csv.gz")

# BTC_USDT_USDT-1m-futures, BTC_USDT-5m, ETH_USDT_USDT-8h-funding_rate, BTC_USDT-trades
_FREQTRADE = re.compile(
    r"(?P<base>[A-Z0-9]+)_(?P<quote>[A-Z0-9]+)(?:_(?P<settle>[A-Z0-9]+))?"
    r"-(?:(?P<interval>[1-9][0-9]*[smhdw])(?:-(?P<what>futures|mark|funding_rate|spot))?|(?P<trades>trades))\Z"
)
_KRAKEN = re.compile(r"(?P<pair>[A-Z0-9]{5,16})_(?P<minutes>[1-9][0-9]{0,4})\Z")
_CRYPTODATADOWNLOAD = re.compile(
    r"(?P<exchange>[A-Za-z]+)_(?P<pair>[A-Z0-9]{5,16})_(?:[0-9]{4}_)?(?P<interval>1h|d|minute)\Z"
)
_BINANCE_VISION = re.compile(
    r"(?P<pair>[A-Z0-9]{5,16})-(?P<interval>[1-9][0-9]*[smhdw])-[0-9]{4}-[0-9]{2}(-[0-9]{2})?\Z"
)
_INTERVAL_OF_WORD = {"1h": "1h", "d": "1d", "minute": "1m"}

# The longest first. TUSD is left out: NXTUSD is a pair with dollars.
_QUOTES = ("FDUSD", "USDT", "USDC", "BUSD", "USD", "EUR", "GBP", "JPY", "TRY", "DAI", "BTC", "ETH", "BNB")
_OLD_NAMES = {"XBT": "BTC", "XDG": "DOGE"}

# An exchange's word in a folder's or file's name: its spot venue and that of its perpetuals, in our words.
_VENUES = {
    "binance": ("binance-spot", "binance-usdm"),
    "bybit": ("bybit-spot", "bybit-linear"),
    "okx": ("okx", "okx"),
    "kraken": ("kraken", "kraken-futures"),
    "krakenfutures": ("", "kraken-futures"),
    "coinbase": ("coinbase", ""),
}


@dataclass(frozen=True, slots=True)
class FileWords:
    """What is known of a file before it is opened; what is not known is empty. ``mark`` holds mark prices."""

    venue: str = ""
    symbol: str = ""
    kind: Kind | None = None
    interval_ns: int = 0
    mark: bool = False


def words_of(path: Path) -> FileWords:
    """Return what a file's name and folders say."""
    name = next((path.name[: -len(suffix)] for suffix in SUFFIXES if path.name.endswith(suffix)), path.stem)
    words = _freqtrade(name) or _kraken(name) or _cryptodatadownload(name) or _binance_vision(name) or FileWords()
    if words.venue or not words.symbol:
        return words
    return replace(words, venue=_venue_in(path.absolute().parts[:-1], words.symbol))


def symbol_of_pair(pair: str) -> str:
    """Return ``BTC-USDT`` for ``BTCUSDT`` or ``XBT/USDT``; empty where the end is no known quote currency."""
    letters = re.sub(r"[^A-Z0-9]", "", pair.upper())
    for quote in (*_QUOTES, *_OLD_NAMES):
        if letters.endswith(quote) and len(letters) > len(quote):
            base = letters[: -len(quote)]
            return f"{_OLD_NAMES.get(base, base)}-{_OLD_NAMES.get(quote, quote)}"
    return ""


def _freqtrade(name: str) -> FileWords | None:
    match = _FREQTRADE.match(name)
    if not match:
        return None
    what, settle = match["what"] or "", match["settle"] or ""
    if settle and settle != match["quote"]:
        return FileWords()  # settled in the base: an inverse contract, whose quantities are not in base units
    perpetual = bool(settle) or what in {"futures", "mark", "funding_rate"}
    return FileWords(
        symbol=f"{match['base']}-{match['quote']}" + ("-PERP" if perpetual else ""),
        kind="trades" if match["trades"] else "funding" if what == "funding_rate" else "candles",
        interval_ns=interval_ns_of(match["interval"]) if match["interval"] and what != "funding_rate" else 0,
        mark=what == "mark",
    )


def _kraken(name: str) -> FileWords | None:
    match = _KRAKEN.match(name)
    if not match or not symbol_of_pair(match["pair"]):
        return None
    return FileWords(
        symbol=symbol_of_pair(match["pair"]), kind="candles", interval_ns=int(match["minutes"]) * MINUTE_NS
    )


def _cryptodatadownload(name: str) -> FileWords | None:
    match = _CRYPTODATADOWNLOAD.match(name)
    if not match:
        return None
    symbol = symbol_of_pair(match["pair"])
    interval_ns = interval_ns_of(_INTERVAL_OF_WORD[match["interval"]])
    return FileWords(_venue_in([match["exchange"]], symbol), symbol, "candles", interval_ns)


def _binance_vision(name: str) -> FileWords | None:
    match = _BINANCE_VISION.match(name)
    # The same name is used for spot and for futures: the symbol is for the user to say.
    return FileWords(kind="candles", interval_ns=interval_ns_of(match["interval"])) if match else None


def _venue_in(words: Iterable[str], symbol: str) -> str:
    for word in reversed([*words]):
        lower = word.lower()
        for spot, perpetual in _VENUES.values():
            if lower in {spot, perpetual} - {""}:
                return lower
        if lower in _VENUES:
            spot, perpetual = _VENUES[lower]
            return perpetual if symbol.endswith("-PERP") else spot
    return ""


def check_suffix(path: Path) -> None:
    """Raise BadInputError where the file's ending is none that can be read."""
    if not path.name.endswith(SUFFIXES):
        raise BadInputError(f"{path}: expected a file that ends in {', '.join(SUFFIXES)}")
