"""The demo's promises, kept: on the synthetic market, on recorded frames, and under kill -9."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.paths import USDM_RECORDING, needs_recording

pytestmark = pytest.mark.timeout(200)


def demo(data_dir: Path, *arguments: str, within_s: float = 150) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        [sys.executable, "-m", "seawall_cli.main", "demo", "--data-dir", str(data_dir), *arguments],
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    assert done.stdout.count("\n") == 1, f"one line was promised:\n{done.stdout}\n{done.stderr}"
    return done.returncode, json.loads(done.stdout), done.stderr


def test_the_synthetic_market_needs_nothing_else(tmp_path: Path) -> None:
    code, summary, errors = demo(tmp_path / "demo", "--duration", "30")
    assert code == 0, errors
    assert summary["frames"] > 1_000
    assert summary["events"]["BarClosed"] > 30
    assert summary["memory_mb"] <= 1_500


@needs_recording(USDM_RECORDING)
def test_recorded_frames_are_traded_with_a_verified_stop_for_every_position(tmp_path: Path) -> None:
    code, summary, errors = demo(tmp_path / "demo", "--duration", "60", "--source", f"recording:{USDM_RECORDING}")
    assert code == 0, errors
    assert summary["orders"] >= 3
    assert summary["fills"] >= 3
    assert summary["stops_verified"] >= summary["positions_opened"] > 0
    assert summary["unprotected_ms_max"] <= 2_000
    for name in ("book_gaps", "duplicate_orders", "unexplained_position", "naked_positions"):
        assert summary[name] == 0, name
    assert summary["restarts"] == {}


def test_everything_may_be_killed_once(tmp_path: Path) -> None:
    code, summary, errors = demo(tmp_path / "demo", "--duration", "60", "--kill", "--seed", "11")
    assert code == 0, errors
    assert set(summary["restarts"].values()) == {1}, summary["restarts"]
    assert len(summary["restarts"]) == 10
    assert summary["duplicate_orders"] == summary["unexplained_position"] == summary["naked_positions"] == 0


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "seawall_cli.main",
            "demo",
            "--data-dir",
            str(tmp_path / "d"),
            "--source",
            "recording:/none",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "/none" in done.stderr


def test_a_directory_that_is_not_a_demos_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = subprocess.run(
        [sys.executable, "-m", "seawall_cli.main", "demo", "--data-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "thesis.txt" in done.stderr
    assert (tmp_path / "thesis.txt").exists()
