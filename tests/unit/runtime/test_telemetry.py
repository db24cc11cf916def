"""JSON lines with a trace that every service finds alone."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from seawall_proto import BarClosed, Event
from seawall_runtime.config import TelemetryConfig
from seawall_runtime.telemetry import Handling, configure_logging, current_handling, handling_of, trace_headers


def bar(event_id: str) -> Event:
    return BarClosed(
        id=event_id,
        venue="v",
        symbol="S",
        ts_venue_ns=1,
        interval_ns=1,
        ts_open_ns=0,
        ts_close_ns=1,
        open=1,
        high=1,
        low=1,
        close=1,
        volume=0,
        quote_volume=0,
        buy_volume=0,
        trade_count=0,
    )


def lines(captured: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.splitlines()]


@pytest.fixture(autouse=True)
def _restore_logging() -> Any:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_the_trace_of_a_chain_begins_at_the_root_and_links_each_step() -> None:
    root = Handling("market-data", bar("root"), None)
    second = Handling("feature", bar("second"), root.header)
    third = Handling("signal", bar("third"), second.header)
    assert root.trace_id == second.trace_id == third.trace_id
    assert len(root.trace_id) == 32
    assert (root.parent_id, second.parent_id, third.parent_id) == ("", root.span_id, second.span_id)
    assert len({root.span_id, second.span_id, third.span_id}) == 3


def test_the_same_event_gives_the_same_ids_after_a_restart() -> None:
    assert Handling("risk", bar("one"), None).header == Handling("risk", bar("one"), None).header


@pytest.mark.parametrize("header", ["", "nonsense", "00-xyz-1-01", "00-" + "a" * 32 + "-" + "b" * 16, "ff" * 40])
def test_a_header_that_is_no_traceparent_begins_a_trace_of_its_own(header: str) -> None:
    assert Handling("risk", bar("one"), header).trace_id == Handling("risk", bar("one"), None).trace_id


async def test_a_fact_fed_from_a_command_stays_in_the_trace() -> None:
    handling = Handling("execution", bar("approval"), None)
    with handling_of(handling):
        task = asyncio.create_task(_current())
    assert await task is handling
    assert trace_headers() == {}
    result = Handling("execution", bar("result"), None, handling)
    assert (result.trace_id, result.parent_id) == (handling.trace_id, handling.span_id)


async def _current() -> Handling | None:
    return current_handling()


def test_headers_inside_a_handling_are_a_fresh_dict() -> None:
    with handling_of(Handling("risk", bar("one"), None)) as handling:
        first = trace_headers()
        first["more"] = "x"
        assert trace_headers() == {"traceparent": handling.header}


def test_a_log_line_is_json_with_service_and_trace(capsys: pytest.CaptureFixture[str]) -> None:
    log = configure_logging("risk", "0", TelemetryConfig())
    with handling_of(Handling("risk", bar("one"), None)) as handling:
        log.info("refused", reason="halted")
    logging.getLogger("ccxt").warning("from a library")
    first, second = lines(capsys.readouterr().err)
    assert first["event"] == "refused"
    assert first["reason"] == "halted"
    assert (first["service"], first["instance"], first["level"]) == ("risk", "0", "info")
    assert first["trace_id"] == handling.trace_id
    assert first["event_id"] == "one"
    assert (second["event"], second["service"]) == ("from a library", "risk")


def test_secrets_are_never_logged(capsys: pytest.CaptureFixture[str]) -> None:
    log = configure_logging("risk", "0", TelemetryConfig())
    log.info(
        "connects to postgresql://seawall:canary-1@db/seawall",
        api_key="canary-2",
        secret="canary-3",
        url="nats://user:canary-4@host:4222",
        nested={"password": "canary-5", "url": "nats://u:canary-6@h"},
    )
    try:
        raise ValueError("cannot connect to nats://user:canary-7@host")
    except ValueError:
        log.exception("broke")
    logging.getLogger("asyncpg").error("postgresql://seawall:canary-8@db refused")
    assert "canary" not in capsys.readouterr().err


def test_the_level_of_the_configuration_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    log = configure_logging("risk", "0", TelemetryConfig(log_level="error"))
    log.warning("quiet")
    logging.getLogger("nats").warning("quiet too")
    assert capsys.readouterr().err == ""


def test_an_exception_is_logged_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    log = configure_logging("risk", "0", TelemetryConfig())
    try:
        raise ValueError("the bug")
    except ValueError as error:
        log.error("broke", exc_info=error)
    (line,) = lines(capsys.readouterr().err)
    assert "Traceback" in line["exception"]
    assert "the bug" in line["exception"]
