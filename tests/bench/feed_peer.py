"""cryptofeed in an environment and a process of its own, asked round by round over stdin and stdout."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.paths import REPOSITORY

from .feed_cases import Case

PYTHON = REPOSITORY / ".bench" / "peers" / "bin" / "python"
SCRIPT = Path(__file__).with_name("cryptofeed_peer.py")


class Peer:
    """The process, or nothing where it was not built; ``trouble`` says why there are no figures."""

    def __init__(self) -> None:
        self.trouble = "" if PYTHON.exists() else "not built here"
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        if not self.trouble:
            self._process = subprocess.Popen([PYTHON, SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        else:
            print("cryptofeed is not built (make peers): its figures are null", file=sys.stderr)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.communicate()

    def take(self, case: Case) -> None:
        """Hand the frames over."""
        self.trouble = self.trouble if self._process is None else ""
        told = {frame.symbol for frame in (*case.opening, *case.frames)}
        self._ask(
            do="case",
            venue=case.venue,
            symbols=[one.venue_symbol for one in case.instruments.values() if one.symbol in told],
            snapshots={
                instrument.venue_symbol: case.snapshots[instrument.symbol].decode()
                for instrument in case.instruments.values()
                if instrument.symbol in case.snapshots
            },
            opening=[frame.payload.decode() for frame in case.opening],
            frames=[payload.decode() for payload in case.payloads],
        )

    def frames_per_s(self, seconds: float, *, has_loop: bool = False) -> float:
        """Return its pace in one round, ``has_loop`` through the loop that reads its sockets as well.

        0 where it cannot read these frames, and ``trouble`` says why.
        """
        answer = self._ask(do="round", seconds=seconds, has_loop=has_loop)
        return float(answer["frames"] / answer["seconds"]) if "frames" in answer else 0.0

    def _ask(self, **question: Any) -> dict[str, Any]:
        if self._process is None:
            return {}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        self.trouble = self.trouble or answer.get("error", "")
        return answer
