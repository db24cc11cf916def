"""Where third-party recordings lie, and how a test says that they are absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
RECORDINGS = Path(os.environ.get("SEAWALL_RECORDINGS", REPOSITORY.parent / "shared" / "data"))
USDM_RECORDING = RECORDINGS / "binance" / "raw_ws" / "hftbacktest_20240808" / "usdm"


def needs_recording(path: Path) -> pytest.MarkDecorator:
    """Skip the test, naming the path, where a recording is not on this machine."""
    return pytest.mark.skipif(not path.exists(), reason=f"recording {path.name} is not at hand")
