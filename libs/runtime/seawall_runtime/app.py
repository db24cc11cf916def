"""From a service's table to a running process: ``run(APP)`` is all that a ``main.py`` does."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .catchup import CatchUp
from .config import Config, load_config
from .context import Context
from .effects import Effects
from .errors import ConfigError, PortError, StartError
from .process import EXIT_CONFIG, EXIT_START, Process
from .service import Key, Service, State
from .telemetry import configure_logging

EXIT_PORT = 3


@dataclass(frozen=True)
class App:
    """A service and what the shell must know to run it.

    ``initial`` makes, from the configuration, the function that makes the state of a key.
    ``effects`` is for services that do more than publish. ``catch_up`` names flow events to re-read
    after a restart or a gap. ``needs_bus=False`` starts the effects before NATS is there (a guardian
    protects without it). ``durable_per_instance`` gives each instance its own copy of the ledger.
    """

    service: Service
    initial: Callable[[Config], Callable[[Key], State]]
    effects: Callable[[Context], Effects] | None = None
    catch_up: CatchUp | None = None
    needs_bus: bool = True
    durable_per_instance: bool = False


def run(app: App, arguments: list[str] | None = None) -> None:
    """Run one instance until SIGTERM, and leave with its exit code.

    0 drained · 1 NATS closed for good · 2 configuration · 3 HTTP port · 4 cannot start ·
    70 a bug · 75 the outside did not take what had to be said.
    """
    sys.exit(main(app, arguments))


def main(app: App, arguments: list[str] | None = None) -> int:
    """Do what ``run`` does, and return the exit code."""
    options = _options(app.service.name, arguments)
    try:
        config = load_config(options.config)
    except ConfigError as error:
        return _refuse(app, EXIT_CONFIG, error)
    log = configure_logging(app.service.name, options.instance, config.telemetry)

    async def live() -> int:
        return await Process(app, config, options.instance, log).run(options.http)

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(live())
    except ConfigError as error:
        return _refuse(app, EXIT_CONFIG, error)
    except PortError as error:
        return _refuse(app, EXIT_PORT, error)
    except StartError as error:
        return _refuse(app, EXIT_START, error)


def _refuse(app: App, code: int, error: Exception) -> int:
    print(f"seawall-{app.service.name}: {error}", file=sys.stderr)
    return code


def _options(name: str, arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"seawall-{name}")
    parser.add_argument("--config", type=Path, required=True, help="the TOML file")
    parser.add_argument("--http", type=_address, default=None, metavar="HOST:PORT", help="health, readiness, metrics")
    parser.add_argument("--instance", type=_token, default="0", help="tells instances of one service apart")
    return parser.parse_args(arguments)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise argparse.ArgumentTypeError(f"expected HOST:PORT, found {text!r}")
    return host, int(port)


def _token(text: str) -> str:
    if not text or not text.replace("-", "").replace("_", "").isalnum() or not text.isascii():
        raise argparse.ArgumentTypeError(f"expected letters, digits, '_' or '-', found {text!r}")
    return text


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    factory: Any = uvloop.new_event_loop
    return factory  # type: ignore[no-any-return]


__all__ = ["App", "CatchUp", "Config", "Context", "Effects", "main", "run"]
