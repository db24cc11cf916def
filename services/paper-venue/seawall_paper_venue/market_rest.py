"""Public market requests of the venue: ``/fapi/v1/ping`` to ``/fapi/v1/openInterest``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from itertools import islice
from typing import Any

import msgspec
from aiohttp import web

from .exchange_info import exchange_info
from .klines import INTERVALS, Klines
from .mark_price import INTEREST_RATE
from .market_frames import AggregateTrade, BookSnapshot, Trade
from .market_hub import MarketHub
from .market_queries import (
    KEY_MISSING,
    Refusal,
    find_market,
    integer,
    limit_of,
    mandatory,
    named_markets,
    refuse,
)
from .market_shapes import kline_row, plain, ticker_row
from .symbol_market import SymbolMarket

DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1000)
Answer = Callable[[MarketHub, web.Request], Any]
_encode = msgspec.json.Encoder().encode


def market_rest_routes(hub: MarketHub) -> list[web.RouteDef]:
    """Return the public REST routes over this hub."""
    return [web.get(path, _handler(hub, answer)) for path, answer in _ANSWERS.items()]


def _handler(hub: MarketHub, answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            body = _encode(answer(hub, request))
        except Refusal as refusal:
            return refuse(refusal)
        return web.Response(body=body, content_type="application/json")

    return handle


def _ping(hub: MarketHub, request: web.Request) -> dict[str, Any]:
    return {}


def _time(hub: MarketHub, request: web.Request) -> dict[str, int]:
    return {"serverTime": hub.now_ms()}


def _exchange_info(hub: MarketHub, request: web.Request) -> dict[str, Any]:
    return exchange_info(hub.rules.values(), hub.now_ms())


def _depth(hub: MarketHub, request: web.Request) -> BookSnapshot:
    market = find_market(hub, request)
    limit = integer(request, "limit", 500)
    if limit not in DEPTH_LIMITS:
        raise Refusal(-4021, f"{limit} is not valid depth limit.")
    bids, asks = market.book.top(limit)
    return BookSnapshot(
        last_update_id=market.book.last_update_id,
        event_ms=market.book_event_ms,
        transaction_ms=market.book_transaction_ms,
        bids=bids,
        asks=asks,
    )


def _klines_of(klines: Klines, request: web.Request) -> list[list[Any]]:
    interval = mandatory(request, "interval")
    if interval not in INTERVALS:
        raise Refusal(-1120, "Invalid interval.")
    limit = limit_of(request, default=500, most=1500)
    start, end = integer(request, "startTime", 0), integer(request, "endTime", 0)
    rows = [
        kline_row(candle)
        for candle in klines.candles(interval)
        if candle.open_ms >= start and (not end or candle.open_ms <= end)
    ]
    # with a start the venue answers from there on, without one it answers the latest
    return rows[:limit] if start else rows[-limit:]


def _klines(hub: MarketHub, request: web.Request) -> list[list[Any]]:
    return _klines_of(find_market(hub, request).klines, request)


def _continuous_klines(hub: MarketHub, request: web.Request) -> list[list[Any]]:
    market = find_market(hub, request, "pair")
    if mandatory(request, "contractType") != "PERPETUAL":
        raise Refusal(-1130, "Data sent for parameter 'contractType' is not valid.")
    return _klines_of(market.klines, request)


def _mark_price_klines(hub: MarketHub, request: web.Request) -> list[list[Any]]:
    return _klines_of(find_market(hub, request).mark_klines, request)


def _index_price_klines(hub: MarketHub, request: web.Request) -> list[list[Any]]:
    return _klines_of(find_market(hub, request, "pair").index_klines, request)


def _trade_row(trade: Trade) -> dict[str, Any]:
    return {
        "id": trade.trade_id,
        "price": trade.price,
        "qty": trade.quantity,
        "quoteQty": plain(Decimal(trade.price) * Decimal(trade.quantity)),
        "time": trade.transaction_ms,
        "isBuyerMaker": trade.buyer_is_maker,
    }


def _trades(hub: MarketHub, request: web.Request) -> list[dict[str, Any]]:
    market = find_market(hub, request)
    limit = limit_of(request, default=500, most=1000)
    return [_trade_row(trade) for trade in islice(market.trades, max(0, len(market.trades) - limit), None)]


def _historical_trades(hub: MarketHub, request: web.Request) -> list[dict[str, Any]]:
    if not request.headers.get("X-MBX-APIKEY"):
        raise KEY_MISSING
    market = find_market(hub, request)
    limit = limit_of(request, default=100, most=500)
    start = integer(request, "fromId", 0)
    rows = [_trade_row(trade) for trade in market.trades if trade.trade_id >= start]
    return rows[:limit] if start else rows[-limit:]


def _aggregate_row(aggregate: AggregateTrade) -> dict[str, Any]:
    return {
        "a": aggregate.aggregate_id,
        "p": aggregate.price,
        "q": aggregate.quantity,
        "f": aggregate.first_trade_id,
        "l": aggregate.last_trade_id,
        "T": aggregate.transaction_ms,
        "m": aggregate.buyer_is_maker,
    }


def _aggregate_trades(hub: MarketHub, request: web.Request) -> list[dict[str, Any]]:
    market = find_market(hub, request)
    limit = limit_of(request, default=500, most=1000)
    first = integer(request, "fromId", 0)
    start, end = integer(request, "startTime", 0), integer(request, "endTime", 0)
    rows = [
        _aggregate_row(aggregate)
        for aggregate in market.aggregates
        if aggregate.aggregate_id >= first
        and aggregate.transaction_ms >= start
        and (not end or aggregate.transaction_ms <= end)
    ]
    return rows[:limit] if first or start else rows[-limit:]


def _one_or_all(hub: MarketHub, request: web.Request, row: Callable[[SymbolMarket, int], dict[str, Any] | None]) -> Any:
    """Answer one object for a named symbol, a list for all of them."""
    now_ms = hub.now_ms()
    rows = [made for market in named_markets(hub, request) if (made := row(market, now_ms)) is not None]
    if "symbol" in request.query:
        return rows[0] if rows else {}
    return rows


def _ticker_day(hub: MarketHub, request: web.Request) -> Any:
    return _one_or_all(hub, request, ticker_row)


def _price_row(market: SymbolMarket, now_ms: int) -> dict[str, Any] | None:
    if market.trades:
        last = market.trades[-1]
        return {"symbol": market.symbol, "price": last.price, "time": last.transaction_ms}
    quote = market.best_quote()
    return None if quote is None else {"symbol": market.symbol, "price": quote.bid_price, "time": quote.event_ms}


def _ticker_price(hub: MarketHub, request: web.Request) -> Any:
    return _one_or_all(hub, request, _price_row)


def _quote_row(market: SymbolMarket, now_ms: int) -> dict[str, Any] | None:
    quote = market.best_quote()
    if quote is None:
        return None
    return {
        "symbol": market.symbol,
        "bidPrice": quote.bid_price,
        "bidQty": quote.bid_quantity,
        "askPrice": quote.ask_price,
        "askQty": quote.ask_quantity,
        "time": quote.transaction_ms,
        "lastUpdateId": quote.update_id,
    }


def _book_ticker(hub: MarketHub, request: web.Request) -> Any:
    return _one_or_all(hub, request, _quote_row)


def _premium_row(market: SymbolMarket, now_ms: int) -> dict[str, Any] | None:
    frame = market.mark_frame(now_ms)
    if frame is None:
        return None
    return {
        "symbol": market.symbol,
        "markPrice": frame.mark_price,
        "indexPrice": frame.index_price,
        "estimatedSettlePrice": frame.settle_price,
        "lastFundingRate": frame.funding_rate,
        "interestRate": f"{INTEREST_RATE:.8f}",
        "nextFundingTime": frame.next_funding_ms,
        "time": now_ms,
    }


def _premium_index(hub: MarketHub, request: web.Request) -> Any:
    return _one_or_all(hub, request, _premium_row)


def _funding_rate(hub: MarketHub, request: web.Request) -> list[dict[str, Any]]:
    limit = limit_of(request, default=100, most=1000)
    start, end = integer(request, "startTime", 0), integer(request, "endTime", 0)
    rows = [
        {
            "symbol": market.symbol,
            "fundingTime": funding.at_ms,
            "fundingRate": f"{funding.rate:.8f}",
            "markPrice": f"{funding.mark:.8f}",
        }
        for market in named_markets(hub, request)
        for funding in market.fundings
        if funding.at_ms >= start and (not end or funding.at_ms <= end)
    ]
    rows.sort(key=lambda row: int(str(row["fundingTime"])))
    return rows[:limit] if start else rows[-limit:]


def _funding_info(hub: MarketHub, request: web.Request) -> list[dict[str, Any]]:
    return [
        {
            "symbol": symbol,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": 8,
            "disclaimer": False,
        }
        for symbol in hub.markets
    ]


def _open_interest(hub: MarketHub, request: web.Request) -> dict[str, Any]:
    """No source carries open interest; what has traded since the venue started is the most that can be open."""
    market = find_market(hub, request)
    return {"openInterest": plain(market.traded_quantity), "symbol": market.symbol, "time": hub.now_ms()}


_ANSWERS: dict[str, Answer] = {
    "/fapi/v1/ping": _ping,
    "/fapi/v1/time": _time,
    "/fapi/v1/exchangeInfo": _exchange_info,
    "/fapi/v1/depth": _depth,
    "/fapi/v1/klines": _klines,
    "/fapi/v1/continuousKlines": _continuous_klines,
    "/fapi/v1/markPriceKlines": _mark_price_klines,
    "/fapi/v1/indexPriceKlines": _index_price_klines,
    "/fapi/v1/trades": _trades,
    "/fapi/v1/historicalTrades": _historical_trades,
    "/fapi/v1/aggTrades": _aggregate_trades,
    "/fapi/v1/ticker/24hr": _ticker_day,
    "/fapi/v1/ticker/price": _ticker_price,
    "/fapi/v2/ticker/price": _ticker_price,
    "/fapi/v1/ticker/bookTicker": _book_ticker,
    "/fapi/v1/premiumIndex": _premium_index,
    "/fapi/v1/fundingRate": _funding_rate,
    "/fapi/v1/fundingInfo": _funding_info,
    "/fapi/v1/openInterest": _open_interest,
}
