"""The paper venue as a process of its own, to connect real client libraries to and to kill."""

from __future__ import annotations

import contextlib
import io
import re
import signal
import subprocess
import sys
import time
import unittest.mock
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from seawall_cli.embedded import free_port
from seawall_paper_venue.main import main
from tests.integration.paper_venue_trading.venues import write_keys

START_WITHIN_S = 20.0


class VenueProcess:
    """``python -m seawall_paper_venue.main`` on a free port."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.state = directory / "state"
        self._log = directory / "venue.log"
        self._arguments = ["--port", str(self.port), "--keys", str(write_keys(directory)), *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers with a book and a mark price."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline:
            try:
                if b'"bids":[[' in self._ask("depth") and b'"markPrice"' in self._ask("premiumIndex"):
                    return
            except (urllib.error.URLError, OSError):
                pass
            assert self._process.poll() is None, self._log.read_text()
            time.sleep(0.05)
        raise AssertionError(f"no book within {START_WITHIN_S} s: {self._log.read_text()}")

    def _ask(self, name: str) -> bytes:
        with urllib.request.urlopen(f"{self.url}/fapi/v1/{name}?symbol=BTCUSDT", timeout=1) as answer:
            return bytes(answer.read())

    def command(self) -> list[str]:
        """Return the command line."""
        return [sys.executable, "-m", "seawall_paper_venue.main", "--state", str(self.state), *self._arguments]

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end and return its exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        return process.wait(10)


def refuse_to_start(*arguments: str) -> str:
    """Start the venue with arguments that must not let it start, and return what it said."""
    with (
        contextlib.redirect_stderr(io.StringIO()) as said,
        unittest.mock.patch.object(sys, "argv", ["seawall-paper-venue", *arguments]),
        pytest.raises(SystemExit) as end,
    ):
        main()
    assert end.value.code
    return f"{said.getvalue()}{end.value.code}"


def rebase(urls: Any, base: str) -> Any:
    """Put another host before every address of a client library's table."""
    if isinstance(urls, dict):
        return {name: rebase(value, base) for name, value in urls.items()}
    if isinstance(urls, str):
        scheme = "ws" if urls.startswith("ws") else "http"
        return re.sub(r"^\w+://[^/]+", base.replace("http", scheme, 1), urls)
    return urls
