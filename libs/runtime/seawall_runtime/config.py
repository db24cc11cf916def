"""One TOML file, checked: a wrong value is refused with its path, what was found and what was expected."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from .complaint import complain
from .environment import override
from .errors import ConfigError

PositiveInt = Annotated[int, msgspec.Meta(gt=0)]
Fraction = Annotated[float, msgspec.Meta(gt=0, le=1)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]+$")]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; a key that is not declared is refused."""


class NatsConfig(Section, frozen=True):
    """The bus, and on how many servers each stream is kept."""

    url: str = "nats://127.0.0.1:4222"
    replicas: PositiveInt = 1


class DatabaseConfig(Section, frozen=True):
    """PostgreSQL, with or without TimescaleDB. ``password_file`` keeps the secret out of the URL."""

    url: str = "postgresql://seawall@127.0.0.1:5432/seawall"
    password_file: Path | None = None


class TelemetryConfig(Section, frozen=True):
    """Logs go to stderr as JSON lines; traces leave only where ``otlp_endpoint`` is set."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    otlp_endpoint: str = ""


class KeyConfig(Section, frozen=True):
    """Where one API key lies: two files, never values."""

    key_file: Path
    secret_file: Path


VenueName = Literal[
    "binance-usdm",
    "binance-spot",
    "bybit-linear",
    "bybit-spot",
    "okx",
    "kraken",
    "kraken-futures",
    "coinbase",
]
TRADED_VENUES = frozenset({"binance-usdm"})
"""Where orders are spoken; everywhere else a venue must be ``data_only``."""


class VenueConfig(Section, frozen=True):
    """One account at one venue and the symbols traded there, or only looked at where ``data_only``.

    ``trade_key`` is execution's, ``guardian_key`` the stop-guardian's own.
    """

    name: VenueName
    account: Name
    rest_url: str
    websocket_url: str
    symbols: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)]
    data_only: bool = False
    trade_key: KeyConfig | None = None
    guardian_key: KeyConfig | None = None


class MarketDataConfig(Section, frozen=True):
    """Bars, books and staleness.

    A feed silent for ``stale_after_ms`` is stale; once its usual pace is known, that decides. While it is
    not live for ``poll_after_ms``, book and trades are read over REST every ``poll_every_ms``.
    ``depth_every_ms`` is the pace of the venue's own depth stream; 0 is its fastest. ``activity_bars``
    are cut by trades, volume or turnover: ``tick:1000``, ``volume:50``, ``dollar:1000000``.
    """

    bar_interval_ms: PositiveInt = 60_000
    depth_every_ms: Literal[0, 100, 250, 500] = 100
    book_levels: Annotated[int, msgspec.Meta(ge=1, le=20)] = 20
    book_every_ms: PositiveInt = 100
    quote_every_ms: Annotated[int, msgspec.Meta(ge=0)] = 0
    stale_after_ms: PositiveInt = 5_000
    poll_after_ms: PositiveInt = 2_000
    poll_every_ms: Annotated[int, msgspec.Meta(ge=500)] = 2_000
    activity_bars: tuple[Annotated[str, msgspec.Meta(pattern=r"^(tick|volume|dollar):[0-9]+(\.[0-9]+)?$")], ...] = ()


class ConsolidatorConfig(Section, frozen=True):
    """The view of each asset across venues: its pace, what is too old for it, and the currencies it knows.

    ``stablecoins`` are meant to be worth one US dollar, ``currencies`` are others that prices are in; both
    get a rate from live spot markets. ``assume_parity`` names stablecoins that count as one dollar where
    no market says what they are worth. A price older than ``max_age_ms`` leaves the view, one of a market
    between currencies after ``rate_max_age_ms``: those are quiet.
    """

    every_ms: PositiveInt = 100
    max_age_ms: PositiveInt = 5_000
    rate_max_age_ms: PositiveInt = 60_000
    stablecoins: tuple[Name, ...] = ("USDT", "USDC", "DAI", "FDUSD")
    currencies: tuple[Name, ...] = ("EUR", "GBP")
    assume_parity: tuple[Name, ...] = ("USDT", "USDC", "DAI")


class RiskConfig(Section, frozen=True):
    """Limits, as fractions of equity; the defaults are deliberately small.

    ``max_depeg`` is how far a stablecoin may be from one dollar before nothing new is bought or sold in it.
    """

    max_position: Fraction = 0.10
    max_exposure: Fraction = 0.50
    max_drawdown: Fraction = 0.15
    max_daily_loss: Fraction = 0.05
    max_depth_share: Fraction = 0.10
    max_slippage_bps: PositiveInt = 50
    max_orders_per_minute: PositiveInt = 30
    approval_lifetime_ms: PositiveInt = 2_000
    stop_distance_bps: PositiveInt = 300
    max_depeg: Fraction = 0.02


class ExecutionConfig(Section, frozen=True):
    """How orders leave and how often the account is compared with the ledger."""

    reconcile_every_s: PositiveInt = 30
    quarantine_s: PositiveInt = 600
    receive_window_ms: Annotated[int, msgspec.Meta(ge=100, le=5_000)] = 2_000


class StopGuardianConfig(Section, frozen=True):
    """How stops are placed, verified, trailed, and when a position is closed for want of one."""

    trail_bps: PositiveInt = 200
    trail_step_bps: PositiveInt = 10
    default_stop_distance_bps: PositiveInt = 300
    verify_every_ms: PositiveInt = 1_000
    flatten_after_ms: PositiveInt = 2_000
    working_type: Literal["mark", "last"] = "mark"


class Config(Section, frozen=True):
    """The whole file. ``strategies`` maps a strategy's name to its own options."""

    mode: Literal["paper", "testnet", "live"] = "paper"
    data_dir: Path = Path(".data")
    nats: NatsConfig = NatsConfig()
    database: DatabaseConfig = DatabaseConfig()
    telemetry: TelemetryConfig = TelemetryConfig()
    venues: tuple[VenueConfig, ...] = ()
    market_data: MarketDataConfig = MarketDataConfig()
    strategies: dict[Name, dict[str, Any]] = {}
    consolidator: ConsolidatorConfig = ConsolidatorConfig()
    risk: RiskConfig = RiskConfig()
    execution: ExecutionConfig = ExecutionConfig()
    stop_guardian: StopGuardianConfig = StopGuardianConfig()

    @property
    def traded_venues(self) -> tuple[VenueConfig, ...]:
        """The venues where orders may be sent."""
        return tuple(venue for venue in self.venues if not venue.data_only)


def load_config(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Read and check the file, with the environment's values over it. Raises ConfigError.

    ``SEAWALL__NATS__URL=nats://other:4222`` replaces ``$.nats.url``; secrets cannot be set so.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    table, origins = override(table, os.environ if environment is None else environment, Config)
    return _check(table, str(path), origins)


def check_config(table: dict[str, Any], where: str) -> Config:
    """Turn a parsed table into a Config. Raises ConfigError."""
    return _check(table, where, {})


def _check(table: dict[str, Any], where: str, origins: Mapping[str, str]) -> Config:
    try:
        config = msgspec.convert(table, Config, strict=True, str_keys=True, dec_hook=_decode_extra)
    except msgspec.ValidationError as error:
        path, complaint = complain(error, table, Config)
        origin = f" (set by {origins[path]})" if path in origins else ""
        raise ConfigError(f"{where}: {path}{origin}: {complaint}") from error
    for number, venue in enumerate(config.traded_venues):
        if venue.name not in TRADED_VENUES:
            raise ConfigError(
                f"{where}: $.venues[{number}]: found {venue.name} to be traded; expected data_only = true there,"
                f" since orders are spoken only at {', '.join(sorted(TRADED_VENUES))}"
            )
    return config


def _decode_extra(kind: type, value: Any) -> Any:
    if issubclass(kind, Path) and isinstance(value, str):
        return Path(value)
    raise TypeError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")
