"""What runs: the processes, their ports, and the one configuration file they share."""

from __future__ import annotations

import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

SERVICES = ("market-data", "recorder", "consolidator", "feature", "signal", "risk", "execution", "stop-guardian")
"""In the order of starting: what shows life first comes first."""

VENUE = "binance-usdm"
ACCOUNT = "paper"
SYMBOLS = ("BTC-USDT-PERP", "ETH-USDT-PERP")
KEYS = ("trade", "guardian")
PAPER_QUARANTINE_S = 5


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What the user may choose. ``speed`` is a factor on recorded time; ``bar_seconds`` sizes the bars."""

    directory: Path
    source: str = "synthetic"
    speed: float = 1.0
    bar_seconds: float = 1.0
    funds: float = 10_000.0
    latency_ms: float = 0.0
    seed: int = 7
    symbols: tuple[str, ...] = SYMBOLS
    nats_url: str = ""
    database_url: str = ""
    otlp_endpoint: str = ""
    log_level: str = "info"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where everything listens, once ports are known."""

    nats_url: str
    database_url: str
    password_file: Path | None
    venue_url: str
    http_ports: dict[str, int]


def write_keys(directory: Path) -> Path:
    """Make one key a user of the venue, each in its own pair of files; return the venue's list of them."""
    folder = directory / "keys"
    folder.mkdir(mode=0o700, exist_ok=True)
    listed = folder / "venue.json"
    if listed.exists():
        return listed
    pairs = {name: (secrets.token_hex(32), secrets.token_hex(32)) for name in KEYS}
    for name, (key, secret) in pairs.items():
        _write_private(folder / f"{name}.key", key)
        _write_private(folder / f"{name}.secret", secret)
    _write_private(listed, json.dumps(dict(pairs.values())))
    return listed


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def write_config(options: StackOptions, endpoints: Endpoints) -> Path:
    """Write ``seawall.toml`` and return its path."""
    keys = options.directory / "keys"
    password = f"password_file = {_text(endpoints.password_file)}\n" if endpoints.password_file else ""
    websocket = endpoints.venue_url.replace("http", "ws", 1)
    path = options.directory / "seawall.toml"
    path.write_text(
        f"""\
# Written by 'seawall up' and 'seawall demo'. Real deployments write their own.
mode = "paper"
data_dir = {_text(options.directory)}

[nats]
url = {_text(endpoints.nats_url)}

[database]
url = {_text(endpoints.database_url)}
{password}
[telemetry]
log_level = {_text(options.log_level)}
otlp_endpoint = {_text(options.otlp_endpoint)}

[[venues]]
name = "{VENUE}"
account = "{ACCOUNT}"
rest_url = {_text(endpoints.venue_url)}
websocket_url = {_text(websocket)}
symbols = {json.dumps(list(options.symbols))}
trade_key = {{ key_file = {_text(keys / "trade.key")}, secret_file = {_text(keys / "trade.secret")} }}
guardian_key = {{ key_file = {_text(keys / "guardian.key")}, secret_file = {_text(keys / "guardian.secret")} }}

[market_data]
bar_interval_ms = {round(options.bar_seconds * 1000)}

[strategies.momentum]

[execution]
# The paper venue never hides an order that it has. A real one may, for minutes: keep the default there.
quarantine_s = {PAPER_QUARANTINE_S}
"""
    )
    return path


def _text(value: object) -> str:
    return json.dumps(str(value))


def venue_symbol(symbol: str) -> str:
    """Return the paper venue's name of a symbol: ``BTC-USDT-PERP`` is ``BTCUSDT`` there."""
    return symbol.removesuffix("-PERP").replace("-", "")


def service_command(service: str, config: Path, http_port: int) -> list[str]:
    """Return the command line of one service."""
    module = f"seawall_{service.replace('-', '_')}.main"
    return [sys.executable, "-m", module, "--config", str(config), "--http", f"127.0.0.1:{http_port}"]


def venue_command(options: StackOptions, port: int, keys: Path) -> list[str]:
    """Return the command line of the paper venue."""
    symbols = ",".join(map(venue_symbol, options.symbols))
    return [
        *(sys.executable, "-m", "seawall_paper_venue.main", "--host", "127.0.0.1", "--port", str(port)),
        *("--source", options.source, "--speed", str(options.speed), "--symbols", symbols),
        *("--keys", str(keys), "--state", str(options.directory / "paper-venue"), "--funds", str(options.funds)),
        *("--latency-ms", str(options.latency_ms), "--seed", str(options.seed)),
    ]
