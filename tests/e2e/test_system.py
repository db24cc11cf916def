"""One running system, and every command of the CLI against it, as a person would type them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.timeout(150)

SEAWALL = [sys.executable, "-m", "seawall_cli.main"]
UP_WITHIN_S = 40.0
TRADES_WITHIN_S = 60.0


def seawall(*arguments: str, data_dir: Path | None = None, within_s: float = 30) -> subprocess.CompletedProcess[str]:
    where = ["--data-dir", str(data_dir)] if data_dir else []
    return subprocess.run([*SEAWALL, *arguments, *where], capture_output=True, text=True, timeout=within_s, check=False)


def eventually(look: Callable[[], Any], within_s: float, what: str) -> Any:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.3)
    raise AssertionError(f"{what} within {within_s:g} s")


def processes_of(data_dir: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(data_dir) in word for word in process.info["cmdline"] or []):
            found.append(process)
    return found


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    data_dir = tmp_path_factory.mktemp("system") / "up"
    log = (data_dir.parent / "up.log").open("w")
    process = subprocess.Popen([*SEAWALL, "up", "--source", "synthetic:3", "--data-dir", str(data_dir)], stderr=log)
    try:

        def ready() -> bool:
            assert process.poll() is None, (data_dir.parent / "up.log").read_text()
            return seawall("status", data_dir=data_dir).returncode == 0

        eventually(ready, UP_WITHIN_S, "every service ready")
        yield data_dir
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert not processes_of(data_dir), "something was left running"


def test_doctor_finds_nothing_wrong(system: Path) -> None:
    answer = seawall("doctor", "--json", data_dir=system)
    assert answer.returncode == 0, answer.stdout
    assert {row["check"] for row in json.loads(answer.stdout)} >= {"nats", "database", "disk", "venue binance-usdm"}


def test_tail_shows_events_as_lines_or_as_json(system: Path) -> None:
    readable = seawall("tail", "md.bar.>", "--count", "2", data_dir=system)
    assert readable.stdout.count("md.bar.binance-usdm.") == 2
    raw = seawall("tail", "md.trade.>", "--count", "1", "--json", data_dir=system)
    assert json.loads(raw.stdout)["type"] == "market.trade_printed.v1"


def an_order(system: Path) -> str | None:
    answer = seawall("status", "--json", data_dir=system)
    ledger = json.loads(answer.stdout)
    return ledger["accounts"][0].get("last_order") if ledger.get("accounts") else None


def test_an_order_is_explained_down_to_the_tick(system: Path) -> None:
    order_id = eventually(lambda: an_order(system), TRADES_WITHIN_S, "an order")

    def chain() -> Any:
        answer = seawall("explain", order_id, "--json", data_dir=system)
        kinds = [link["kind"] for link in json.loads(answer.stdout)["causes"]] if answer.returncode == 0 else []
        return kinds if "TradePrinted" in kinds else None

    kinds = eventually(chain, 15, "the chain of causes in the database")
    assert kinds[:3] == ["OrderApproved", "SignalRaised", "FeaturesComputed"]
    assert "BarClosed" in kinds
    shown = seawall("explain", order_id[:12], data_dir=system)
    assert "OrderApproved" in shown.stdout


def test_halt_is_sticky_and_resume_ends_it(system: Path) -> None:
    assert seawall("halt", "--reason", "a test", data_dir=system).returncode == 0
    status = json.loads(seawall("status", "--json", data_dir=system).stdout)
    assert [halt["scope"] for halt in status["halts"]] == ["global"]
    flat = seawall("flatten", "--json", data_dir=system)
    assert json.loads(flat.stdout)["flat"], flat.stdout
    refused = seawall("tail", "risk.refused.>", "--count", "1", "--json", data_dir=system, within_s=60)
    assert json.loads(refused.stdout)["reason"] == "halted"
    assert seawall("resume", data_dir=system).returncode == 0
    assert json.loads(seawall("status", "--json", data_dir=system).stdout)["halts"] == []
    again = seawall("resume", data_dir=system)
    assert again.returncode == 2
    assert "not halted" in again.stderr


def test_a_second_system_in_the_same_place_is_refused(system: Path) -> None:
    second = seawall("up", data_dir=system)
    assert second.returncode == 3
    assert "in use by another running system" in second.stderr


def test_an_unknown_order_is_said_to_be_unknown(system: Path) -> None:
    answer = seawall("explain", "no-such-order", data_dir=system)
    assert answer.returncode == 1
    assert "no-such-order" in answer.stderr


def test_commands_say_where_nothing_runs(tmp_path: Path) -> None:
    for command in (["status"], ["tail"], ["explain", "x"], ["halt"], ["flatten"]):
        answer = seawall(*command, data_dir=tmp_path)
        assert answer.returncode == 4, command
        assert "no running system" in answer.stderr


def test_help_names_every_command() -> None:
    text = seawall("--help").stdout
    for command in ("demo", "up", "status", "tail", "explain", "halt", "resume", "flatten", "doctor"):
        assert command in text


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_ends_a_demo_with_its_line_and_nothing_left(tmp_path: Path) -> None:
    data_dir = tmp_path / "demo"
    demo = subprocess.Popen(
        [*SEAWALL, "demo", "--duration", "300", "--data-dir", str(data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    eventually(lambda: (data_dir / "stack.json").exists(), UP_WITHIN_S, "a running demo")
    time.sleep(4)
    demo.send_signal(signal.SIGINT)
    out, err = demo.communicate(timeout=60)
    assert json.loads(out)["frames"] > 0, err
    assert not processes_of(data_dir)
