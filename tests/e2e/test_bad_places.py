"""Places where nothing can be kept: said plainly, at once, with nothing left behind."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

SEAWALL = [sys.executable, "-m", "seawall_cli.main"]


def up(data_dir: str, full: bool = False) -> subprocess.CompletedProcess[str]:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    return subprocess.run(
        [*SEAWALL, "up", "--data-dir", data_dir],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=no_room if full else None,
    )


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that even root cannot write")
def test_a_read_only_data_directory_is_named() -> None:
    answer = up("/proc/seawall")
    assert answer.returncode == 3
    assert "data directory /proc/seawall cannot be written" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    answer = up(str(tmp_path / "up"), full=True)
    assert answer.returncode == 3
    assert "cannot be written" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_configuration_with_a_misspelt_key_is_refused_with_its_place(tmp_path: Path) -> None:
    config = tmp_path / "seawall.toml"
    config.write_text("[risk]\nmax_positon = 0.2\n")
    answer = subprocess.run(
        [*SEAWALL, "tail", "--config", str(config)], capture_output=True, text=True, timeout=30, check=False
    )
    assert answer.returncode == 2
    assert "$.risk" in answer.stderr
    assert "max_positon" in answer.stderr


def test_a_source_that_means_nothing_is_refused(tmp_path: Path) -> None:
    answer = subprocess.run(
        [*SEAWALL, "up", "--source", "tea-leaves", "--data-dir", str(tmp_path / "up")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 3
    assert "tea-leaves" in answer.stderr
