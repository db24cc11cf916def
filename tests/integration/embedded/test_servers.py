from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import nats
import psutil
import pytest

from seawall_cli.embedded import NatsServer, PostgresServer, free_port
from seawall_cli.errors import PortBusyError, ServerError


async def test_a_stream_survives_kill_dash_nine_of_nats(fresh_nats: NatsServer) -> None:
    connection = await nats.connect(fresh_nats.url)
    await connection.jetstream().add_stream(name="KEPT", subjects=["kept.>"])
    await connection.jetstream().publish("kept.one", b"1")
    await connection.close()
    fresh_nats.kill()
    fresh_nats.start()
    connection = await nats.connect(fresh_nats.url)
    assert (await connection.jetstream().stream_info("KEPT")).state.messages == 1
    await connection.close()


async def test_a_committed_row_survives_kill_dash_nine_of_postgres(fresh_postgres: PostgresServer) -> None:
    password = fresh_postgres.password_file.read_text()
    connection = await asyncpg.connect(fresh_postgres.url, password=password)
    await connection.execute("CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)")
    fresh_postgres.kill()
    fresh_postgres.start()
    connection = await asyncpg.connect(fresh_postgres.url, password=password)
    assert await connection.fetchval("SELECT id FROM kept") == 7
    await connection.close()


async def test_postgres_wants_its_password(fresh_postgres: PostgresServer) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(fresh_postgres.url, password="wrong")


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(PortBusyError, match=f"port {port} for nats-server is busy"):
            NatsServer(tmp_path / "nats", port=port).start()


def test_a_data_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ServerError, match="taken cannot be written"):
        NatsServer(tmp_path / "taken")


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's parent-death signal")
def test_servers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    port = free_port()
    code = (
        "import sys, time; from pathlib import Path; from seawall_cli.embedded import NatsServer\n"
        f"s = NatsServer(Path(sys.argv[1]), port={port}); s.start(); print(s.child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "n")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "nats-server outlived its parent"
        time.sleep(0.05)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder that others cannot enter and still run")
def test_postgres_runs_as_root_under_a_private_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    server = PostgresServer(home / "data")
    server.start()
    assert server.child.pid is not None
    assert psutil.Process(server.child.pid).uids().real != 0
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a copy of the program that others can reach")
def test_postgres_runs_as_root_from_a_private_program_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seawall_cli.embedded.postgres._reachable", lambda path: False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    server = PostgresServer(tmp_path / "data")
    server.start()
    assert tmp_path in server.binaries.parents
    server.stop()
