"""A child process that never outlives us."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from seawall_cli.errors import PortBusyError, ServerError

PR_SET_PDEATHSIG = 1
LOG_TAIL_LINES = 8  # enough to show a server's last words


def free_port() -> int:
    """Return a loopback port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def require_free(port: int, what: str) -> None:
    """Raise PortBusyError where something already listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortBusyError(
                f"port {port} for {what} is busy ({error.strerror}): stop what listens there, or name another port"
            ) from error


class Child:
    """One child process with its log file. It gets ``death_signal`` when we die, however we die.

    On Linux that signal follows the thread that started the child, so that thread must live as long as the child
    should: the main one, or a worker of the event loop's own pool, which ends with the loop.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        user: int | None = None,
        death_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self._environment = dict(environment) if environment is not None else None
        self._user = user
        self._death_signal = death_signal
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it. Raises ServerError where the program or its log file cannot be opened."""
        try:
            with self.log.open("ab") as output:
                self._process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops things in order
                    user=self._user,
                    group=self._user,
                    extra_groups=[] if self._user is not None else None,
                    preexec_fn=self._die_with_parent if sys.platform == "linux" else None,
                )
        except OSError as error:
            raise ServerError(f"{self.name}: cannot start {self.command[0]}: {error}") from error

    def _die_with_parent(self) -> None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(self._death_signal))

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs or before it started."""
        return self._process.poll() if self._process is not None else None

    def send(self, signal_number: int) -> None:
        """Send a signal, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal_number)

    def stop(self, *, first: int = signal.SIGTERM, patience_s: float = 6.0) -> None:
        """Ask it to stop; after ``patience_s`` kill it and its group. Always reaps it."""
        if self._process is None:
            return
        self.send(first)
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill -9 and reap."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(5)

    def last_words(self) -> str:
        """Return the end of its log, for an error message."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return "(no log)"
        return "\n".join(lines[-LOG_TAIL_LINES:])


def wait_for_port(child: Child, port: int, *, within_s: float) -> None:
    """Wait until the child accepts connections. Raises ServerError with its last words."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if child.exit_code is not None:
            raise ServerError(f"{child.name} exited with {child.exit_code}:\n{child.last_words()}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=0.5):
                return
        except OSError:
            time.sleep(0.02)
    raise ServerError(f"{child.name} did not listen on port {port} within {within_s:g} s:\n{child.last_words()}")


def writable_directory(path: Path) -> Path:
    """Create a directory and prove that it can be written. Raises ServerError naming it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".write-probe-{os.getpid()}"
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except OSError as error:
        raise ServerError(f"data directory {path} cannot be written: {error.strerror}") from error
    return path.resolve()
