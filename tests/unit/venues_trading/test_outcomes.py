"""What a write proves: only the venue's own word."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from seawall_proto import OrderState
from seawall_runtime.clock import now_ns
from seawall_venues.binance import rest
from seawall_venues.binance.errors import KNOWN_REJECTED, outcome_of
from seawall_venues.binance.trading_session import BinanceTradingSession
from seawall_venues.port import OrderRequest, Outcome, StopRequest, VenueError

ORDER = ("POST", "/fapi/v1/order")
CLIENT_ID = "0123456789abcdef0123456789abcdef"
REQUEST = OrderRequest(
    client_order_id=CLIENT_ID,
    symbol="BTC-USDT-PERP",
    side="buy",
    order_type="limit",
    quantity=Decimal("0.0010"),
    limit_price=Decimal("60000.10"),
    time_in_force="IOC",
)


def reply(**changes: Any) -> str:
    fields = {
        "symbol": "BTCUSDT",
        "orderId": 22542179,
        "clientOrderId": CLIENT_ID,
        "side": "BUY",
        "type": "LIMIT",
        "origQty": "0.0010",
        "executedQty": "0.0004",
        "avgPrice": "60000.05000000000000000001",
        "price": "60000.10",
        "reduceOnly": False,
        "status": "PARTIALLY_FILLED",
        "updateTime": 1566818724722,
    }
    return json.dumps(fields | changes)


async def test_an_order_is_accepted_only_with_the_venues_own_id(venue: Any, session: BinanceTradingSession) -> None:
    venue.script[ORDER] = 200, reply()
    result = await session.place_order(REQUEST)
    assert result.outcome is Outcome.ACCEPTED
    assert result.order is not None
    assert result.order.venue_order_id == "22542179"
    assert result.order.state is OrderState.PARTIALLY_FILLED
    assert result.order.average_price == Decimal("60000.05000000000000000001")
    assert abs(now_ns() - result.ts_sent_ns) < 2_000_000_000


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "{}",
        "<html>",
        '{"orderId": "x"}',
        '{"orderId":',
        reply(orderId=None),
        reply(executedQty="NaN"),
    ],
)
async def test_an_answer_that_cannot_be_read_proves_nothing(
    venue: Any, session: BinanceTradingSession, body: str
) -> None:
    venue.script[ORDER] = 200, body
    result = await session.place_order(REQUEST)
    assert result.outcome is Outcome.UNKNOWN
    assert len(venue.asked(*ORDER)) == 1


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (400, -2019, "Margin is insufficient.", Outcome.REJECTED),
        (400, -2022, "ReduceOnly Order is rejected.", Outcome.REJECTED),
        (400, -5022, "Post Only order will be rejected.", Outcome.REJECTED),
        (400, -4164, "Order's notional must be no smaller than 5.", Outcome.REJECTED),
        (400, -1021, "Timestamp for this request is outside of the recvWindow.", Outcome.REJECTED),
        (400, -4120, "Order type not supported for this endpoint.", Outcome.REJECTED),
        (503, -1008, "Request throttled by system-level protection.", Outcome.REJECTED),
        (503, 0, "Service Unavailable.", Outcome.REJECTED),
        (503, -1001, "Internal error; unable to process your request. Please try again.", Outcome.REJECTED),
        (503, -1000, "Unknown error, please check your request or try again later.", Outcome.UNKNOWN),
        (504, -2019, "Gateway", Outcome.UNKNOWN),
        (408, -1007, "Timeout waiting for response from backend server.", Outcome.UNKNOWN),
        (400, -1006, "Execution status unknown.", Outcome.UNKNOWN),
        (400, -9999, "A code nobody has seen.", Outcome.UNKNOWN),
        (409, "", "", Outcome.UNKNOWN),
    ],
)
async def test_only_codes_on_the_list_prove_a_rejection(
    venue: Any, session: BinanceTradingSession, status: int, code: int | str, message: str, expected: Outcome
) -> None:
    venue.script[ORDER] = status, json.dumps({"code": code, "msg": message})
    result = await session.place_order(REQUEST)
    assert result.outcome is expected
    assert len(venue.asked(*ORDER)) == 1, "one POST per generation, whatever came back"
    assert (await session.place_stop(_stop())).outcome is Outcome.UNKNOWN


def test_no_code_that_the_venue_calls_unknown_is_on_the_list() -> None:
    assert not KNOWN_REJECTED & {"-1000", "-1001", "-1006", "-1007", "-4116", ""}
    assert outcome_of(400, "-2019", "") is Outcome.REJECTED


async def test_a_connection_cut_after_sending_proves_nothing(venue: Any, session: BinanceTradingSession) -> None:
    venue.script[ORDER] = None
    result = await session.place_order(REQUEST)
    assert result.outcome is Outcome.UNKNOWN
    assert len(venue.asked(*ORDER)) == 1
    assert result.ts_sent_ns


async def test_a_slow_venue_proves_nothing(
    venue: Any, session: BinanceTradingSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue.script[ORDER] = 200, reply()
    venue.delay_s = 1.0
    session._rest._client.timeout = 100
    result = await session.place_order(REQUEST)
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, "transport")
    assert len(venue.asked(*ORDER)) == 1


async def test_a_request_of_which_nothing_left_is_known_not_to_be_accepted(
    venue: Any, make_session: Callable[..., BinanceTradingSession]
) -> None:
    opened = make_session()
    await opened.open()
    opened._rest._client.urls["api"]["fapiPrivate"] = "http://127.0.0.1:9/fapi/v1"
    result = await opened.place_order(REQUEST)
    assert (result.outcome, result.code, result.ts_sent_ns) == (Outcome.REJECTED, "not-sent", 0)
    await opened.close()
    assert (await opened.place_order(REQUEST)).code == "not-sent"


async def test_a_redirect_is_not_followed(venue: Any, session: BinanceTradingSession) -> None:
    venue.headers["Location"] = f"http://127.0.0.1:{venue.port}/elsewhere"
    venue.script[ORDER] = 307, ""
    result = await session.place_order(REQUEST)
    assert result.outcome is Outcome.UNKNOWN
    assert not [request for request in venue.requests if request.path == "/elsewhere"]


async def test_a_duplicate_id_is_looked_up(venue: Any, session: BinanceTradingSession) -> None:
    venue.script[ORDER] = 400, '{"code": -4116, "msg": "ClientOrderId is duplicated."}'
    venue.script[("GET", "/fapi/v1/order")] = 200, reply(status="FILLED", executedQty="0.0010")
    result = await session.place_order(REQUEST)
    assert result.outcome is Outcome.ACCEPTED
    assert result.order is not None
    assert result.order.state is OrderState.FILLED
    venue.script[("GET", "/fapi/v1/order")] = 400, '{"code": -2013, "msg": "Order does not exist."}'
    assert (await session.place_order(REQUEST)).outcome is Outcome.UNKNOWN


async def test_only_the_venues_own_word_makes_an_order_absent(venue: Any, session: BinanceTradingSession) -> None:
    path = ("GET", "/fapi/v1/order")
    venue.script[path] = 400, '{"code": -2013, "msg": "Order does not exist."}'
    assert await session.find_order("BTC-USDT-PERP", CLIENT_ID) is None
    for answer in [(500, "{}"), (200, ""), None, (400, '{"code": -1003, "msg": "Too many requests"}')]:
        venue.script[path] = answer
        with pytest.raises(VenueError):
            await session.find_order("BTC-USDT-PERP", CLIENT_ID)


async def test_a_failed_read_is_never_flat(venue: Any, session: BinanceTradingSession) -> None:
    for answer in [(500, "[]"), (200, "{}"), (200, "null"), (200, ""), None]:
        venue.script[("GET", "/fapi/v3/positionRisk")] = answer
        with pytest.raises(VenueError):
            await session.positions()


async def test_what_leaves_is_exact_text_signed_with_the_secret(venue: Any, session: BinanceTradingSession) -> None:
    venue.script[ORDER] = 200, reply()
    await session.place_order(REQUEST)
    (request,) = venue.asked(*ORDER)
    sent = request.query
    assert (sent["quantity"], sent["price"], sent["newClientOrderId"]) == ("0.0010", "60000.10", CLIENT_ID)
    assert (sent["timeInForce"], sent["recvWindow"], sent["type"]) == ("IOC", "2000", "LIMIT")
    signed = urlencode({name: value for name, value in sent.items() if name != "signature"})
    expected = hmac.new(b"CANARYSECRET0987654321", signed.encode(), hashlib.sha256).hexdigest()
    assert sent["signature"] == expected
    assert request.headers["x-mbx-apikey"] == "CANARYKEY1234567890"


async def test_a_stop_goes_to_the_algo_endpoint_only(venue: Any, session: BinanceTradingSession) -> None:
    venue.script[("POST", "/fapi/v1/algoOrder")] = (
        200,
        json.dumps(
            {
                "algoId": 2146760,
                "clientAlgoId": CLIENT_ID,
                "symbol": "BTCUSDT",
                "side": "SELL",
                "quantity": "0.001",
                "triggerPrice": "58000.0",
                "algoStatus": "NEW",
                "reduceOnly": True,
                "updateTime": 1750485492076,
            }
        ),
    )
    result = await session.place_stop(_stop())
    assert result.outcome is Outcome.ACCEPTED
    assert result.stop is not None
    assert (result.stop.active, result.stop.reduce_only) == (True, True)
    (request,) = venue.asked("POST", "/fapi/v1/algoOrder")
    assert request.query["algoType"] == "CONDITIONAL"
    assert (request.query["reduceOnly"], request.query["workingType"]) == ("true", "MARK_PRICE")
    assert not venue.asked(*ORDER)


async def test_a_late_clock_is_read_again(venue: Any, session: BinanceTradingSession) -> None:
    readings = len(venue.asked("GET", "/fapi/v1/time"))
    venue.script[("GET", "/fapi/v1/time")] = 200, json.dumps({"serverTime": now_ns() // 1_000_000 - 60_000})
    venue.script[ORDER] = 400, '{"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}'
    await session.place_order(REQUEST)
    assert len(venue.asked("GET", "/fapi/v1/time")) == readings + 1
    assert session.clock_offset_ns < -59_000_000_000
    await session.place_order(REQUEST)
    first, second = venue.asked(*ORDER)
    assert int(first.query["timestamp"]) - int(second.query["timestamp"]) > 59_000


async def test_neither_key_nor_secret_is_ever_shown(
    venue: Any, session: BinanceTradingSession, caplog: pytest.LogCaptureFixture
) -> None:
    texts = [repr(session), repr(session._rest), repr(session._rest._client), str(vars(session._rest))]
    with caplog.at_level(logging.DEBUG):
        for answer in [None, (500, "CANARY?"), (200, "{}"), (400, '{"code": -2015, "msg": "Invalid API-key"}')]:
            venue.script[ORDER] = venue.script[("GET", "/fapi/v1/order")] = answer
            result = await session.place_order(REQUEST)
            texts.append(repr(result))
            with pytest.raises(VenueError) as raised:
                await session.find_order("BTC-USDT-PERP", CLIENT_ID)
            texts += [repr(raised.value), str(raised.value), repr(raised.value.__cause__)]
    shown = "\n".join(texts) + caplog.text
    assert "CANARYKEY" not in shown
    assert "CANARYSECRET" not in shown
    assert "signature" not in shown


async def test_the_clients_limits_are_explicit(session: BinanceTradingSession) -> None:
    client = session._rest._client
    assert client.enableRateLimit is False
    assert client.options["maxRetriesOnFailure"] == 0
    assert client.timeout <= rest.TIMEOUT_MS == 5_000


def _stop() -> StopRequest:
    return StopRequest(
        client_stop_id=CLIENT_ID,
        symbol="BTC-USDT-PERP",
        side="sell",
        quantity=Decimal("0.001"),
        trigger_price=Decimal("58000.0"),
    )


def trade(number: int, time_ms: int) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "id": number,
        "orderId": 5,
        "side": "BUY",
        "price": "60000.1",
        "qty": "0.001",
        "commission": "0.01",
        "commissionAsset": "USDT",
        "maker": False,
        "realizedPnl": "0",
        "time": time_ms,
    }


async def test_fills_are_paged_through_weeks_and_none_is_lost_or_doubled(
    venue: Any, session: BinanceTradingSession
) -> None:
    """More fills than a page in one week, some of one millisecond across the page's end, then an empty week."""
    now_ms = now_ns() // 1_000_000
    start_ms = now_ms - 20 * 24 * 3_600_000
    stored = [trade(number, start_ms + number // 3) for number in range(2_500)] + [trade(9_000, now_ms - 5)]

    def answer(request: Any) -> tuple[int, str]:
        first, last = int(request.query["startTime"]), int(request.query.get("endTime", now_ms))
        assert last - first < 7 * 24 * 3_600_000
        return 200, json.dumps([row for row in stored if first <= row["time"] <= last][:1_000])

    venue.script[("GET", "/fapi/v1/userTrades")] = answer
    found = await session.fills("BTC-USDT-PERP", start_ms * 1_000_000)
    assert [int(fill.fill_id) for fill in found] == [*range(2_500), 9_000]


async def test_a_page_that_cannot_be_passed_is_an_error_not_a_short_list(
    venue: Any, session: BinanceTradingSession
) -> None:
    now_ms = now_ns() // 1_000_000
    venue.script[("GET", "/fapi/v1/userTrades")] = 200, json.dumps([trade(n, now_ms - 9) for n in range(1_000)])
    with pytest.raises(VenueError, match="one millisecond"):
        await session.fills("BTC-USDT-PERP", (now_ms - 9) * 1_000_000)


async def test_an_account_in_hedge_mode_and_a_key_nobody_knows_are_refused_at_the_door(
    venue: Any, make_session: Callable[..., BinanceTradingSession]
) -> None:
    path = ("GET", "/fapi/v1/positionSide/dual")
    venue.script[path] = 200, '{"dualSidePosition": true}'
    with pytest.raises(VenueError, match="hedge mode"):
        await make_session().open()
    venue.script[path] = 401, '{"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}'
    with pytest.raises(VenueError, match="-2015"):
        await make_session().open()
