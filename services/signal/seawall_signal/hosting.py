"""Which strategies run with which options: from the configuration, checked before the first event."""

from __future__ import annotations

from collections.abc import Callable

from seawall_runtime.config import Config, ConfigError
from seawall_runtime.service import Key
from seawall_strategies import Market, StrategyError, load, options_of

from .state import Host, Hosted, host

DEFAULT = "momentum"


def hosted_by(config: Config) -> tuple[Hosted, ...]:
    """Return the configured strategies, momentum with its defaults where none is named. Raises ConfigError."""
    try:
        return tuple(
            Hosted(strategy, options_of(strategy, options))
            for name, options in (config.strategies or {DEFAULT: {}}).items()
            for strategy in (load(name),)
        )
    except StrategyError as error:
        raise ConfigError(str(error)) from error


def initial(config: Config) -> Callable[[Key], Host]:
    """Return the factory of the one state. Raises ConfigError for a strategy or option that is wrong."""
    hosted = hosted_by(config)
    markets = [Market(venue.name, symbol) for venue in config.traded_venues for symbol in venue.symbols]
    return lambda key: host(hosted, markets)
