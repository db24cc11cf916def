from __future__ import annotations

import os
from pathlib import Path

import pytest

from seawall_cli.commands.control import check_scope, in_scope
from seawall_cli.commands.tail import line_of
from seawall_cli.describe import DESCRIPTIONS, describe
from seawall_cli.errors import NotRunningError, UsageError
from seawall_cli.stack.plan import Endpoints, StackOptions, write_config, write_keys
from seawall_cli.stack.record import StackRecord, find_running, forget, write_record
from seawall_proto import Event, PositionChanged
from seawall_runtime.config import load_config
from tests.tools.samples import sample, samples


@pytest.mark.parametrize("event", samples(), ids=lambda event: type(event).__name__)
def test_every_event_can_be_described_in_one_line(event: Event) -> None:
    assert "\n" not in describe(event)
    assert describe(event)


def test_events_of_the_decision_chain_have_words_of_their_own() -> None:
    chain = {"SignalRaised", "OrderApproved", "OrderRefused", "OrderFilled", "StopChanged", "TradingHalted"}
    assert chain <= DESCRIPTIONS.keys()


def test_bytes_that_are_no_event_are_shown_as_such() -> None:
    class Message:
        subject = "order.x"
        data = b"\xff"

    assert "not an event" in line_of(Message())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "scope", ["global", "venue:binance-usdm", "account:binance-usdm/paper", "symbol:BTC-USDT-PERP"]
)
def test_a_scope_covers_the_position_it_names(scope: str) -> None:
    assert in_scope(check_scope(scope), sample(PositionChanged, full=True))


@pytest.mark.parametrize("scope", ["", "everything", "venue:", "account:x", "symbol:a b", "global;drop"])
def test_a_scope_that_means_nothing_is_refused(scope: str) -> None:
    with pytest.raises(UsageError, match="expected global"):
        check_scope(scope)


def test_a_foreign_symbol_is_not_in_scope() -> None:
    assert not in_scope("symbol:ETH-USDT-PERP", sample(PositionChanged, full=True))


def test_the_written_configuration_is_one_that_services_accept(tmp_path: Path) -> None:
    endpoints = Endpoints("nats://127.0.0.1:1", "postgresql://x", tmp_path / "pw", "http://127.0.0.1:2", {})
    config = load_config(write_config(StackOptions(tmp_path, bar_seconds=0.5), endpoints))
    assert config.market_data.bar_interval_ms == 500
    assert config.venues[0].websocket_url == "ws://127.0.0.1:2"
    assert config.venues[0].trade_key != config.venues[0].guardian_key


def test_keys_are_private_and_kept_from_run_to_run(tmp_path: Path) -> None:
    write_keys(tmp_path)
    secret = tmp_path / "keys" / "trade.secret"
    before = secret.read_text()
    write_keys(tmp_path)
    assert secret.read_text() == before
    assert secret.stat().st_mode & 0o077 == 0


def test_a_running_system_is_found_and_a_dead_one_is_not(tmp_path: Path) -> None:
    write_record(tmp_path, StackRecord(os.getpid(), "seawall.toml", {"risk": 1}))
    assert find_running(tmp_path).http_ports == {"risk": 1}
    forget(tmp_path)
    with pytest.raises(NotRunningError, match="no running system"):
        find_running(tmp_path)
