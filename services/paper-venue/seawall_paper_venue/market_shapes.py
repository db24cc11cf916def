"""The venue's JSON shapes for candles, tickers and contract lists, of REST and stream alike."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .klines import Candle
from .symbol_market import SymbolMarket

_DAY_MS = 86_400_000


def kline_row(candle: Candle) -> list[Any]:
    """Return a candle as ``GET /fapi/v1/klines`` answers it."""
    return [
        candle.open_ms,
        str(candle.open),
        str(candle.high),
        str(candle.low),
        str(candle.close),
        str(candle.volume),
        candle.close_ms,
        plain(candle.quote_volume),
        candle.count,
        str(candle.taker_buy_volume),
        plain(candle.taker_buy_quote_volume),
        "0",
    ]


def kline_frame(symbol: str, interval: str, candle: Candle, now_ms: int, is_final: bool) -> dict[str, Any]:
    """Return a candle as the ``@kline_<interval>`` stream sends it."""
    body = {"t": candle.open_ms, "T": candle.close_ms, "s": symbol, **_kline_body(interval, candle, is_final)}
    return {"e": "kline", "E": now_ms, "s": symbol, "k": body}


def continuous_kline_frame(symbol: str, interval: str, candle: Candle, now_ms: int, is_final: bool) -> dict[str, Any]:
    """Return a candle as the ``_perpetual@continuousKline_<interval>`` stream sends it."""
    body = {"t": candle.open_ms, "T": candle.close_ms, **_kline_body(interval, candle, is_final)}
    return {"e": "continuous_kline", "E": now_ms, "ps": symbol, "ct": "PERPETUAL", "k": body}


def _kline_body(interval: str, candle: Candle, is_final: bool) -> dict[str, Any]:
    return {
        "i": interval,
        "f": candle.first_trade_id,
        "L": candle.last_trade_id,
        "o": str(candle.open),
        "c": str(candle.close),
        "h": str(candle.high),
        "l": str(candle.low),
        "v": str(candle.volume),
        "n": candle.count,
        "x": is_final,
        "q": plain(candle.quote_volume),
        "V": str(candle.taker_buy_volume),
        "Q": plain(candle.taker_buy_quote_volume),
        "B": "0",
    }


def ticker_row(market: SymbolMarket, now_ms: int) -> dict[str, Any] | None:
    """Return ``GET /fapi/v1/ticker/24hr`` for one symbol, or None before its first trade."""
    day = market.klines.last_day(now_ms)
    if day is None or not market.trades:
        return None
    change = day.close - day.open
    return {
        "symbol": market.symbol,
        "priceChange": str(change),
        "priceChangePercent": f"{change / day.open * 100:.3f}",
        "weightedAvgPrice": market.rules.price_text(_average(day)),
        "lastPrice": str(day.close),
        "lastQty": market.trades[-1].quantity,
        "openPrice": str(day.open),
        "highPrice": str(day.high),
        "lowPrice": str(day.low),
        "volume": str(day.volume),
        "quoteVolume": plain(day.quote_volume),
        "openTime": now_ms - _DAY_MS,
        "closeTime": now_ms,
        "firstId": day.first_trade_id,
        "lastId": day.last_trade_id,
        "count": day.count,
    }


def ticker_frame(market: SymbolMarket, now_ms: int) -> dict[str, Any] | None:
    """Return the ``24hrTicker`` frame, or None before the first trade."""
    row = ticker_row(market, now_ms)
    if row is None:
        return None
    return {
        "e": "24hrTicker",
        "E": now_ms,
        "s": market.symbol,
        "p": row["priceChange"],
        "P": row["priceChangePercent"],
        "w": row["weightedAvgPrice"],
        "c": row["lastPrice"],
        "Q": row["lastQty"],
        "o": row["openPrice"],
        "h": row["highPrice"],
        "l": row["lowPrice"],
        "v": row["volume"],
        "q": row["quoteVolume"],
        "O": row["openTime"],
        "C": row["closeTime"],
        "F": row["firstId"],
        "L": row["lastId"],
        "n": row["count"],
    }


def mini_ticker_frame(market: SymbolMarket, now_ms: int) -> dict[str, Any] | None:
    """Return the ``24hrMiniTicker`` frame, or None before the first trade."""
    row = ticker_row(market, now_ms)
    if row is None:
        return None
    return {
        "e": "24hrMiniTicker",
        "E": now_ms,
        "s": market.symbol,
        "c": row["lastPrice"],
        "o": row["openPrice"],
        "h": row["highPrice"],
        "l": row["lowPrice"],
        "v": row["volume"],
        "q": row["quoteVolume"],
    }


def _average(day: Candle) -> Decimal:
    return day.quote_volume / day.volume if day.volume else day.close


def plain(value: Decimal) -> str:
    """Write a sum without exponent, as the venue does."""
    return f"{value:f}"
