"""The risk service as a process: ``seawall-risk --config seawall.toml``."""

from __future__ import annotations

from collections.abc import Callable

from seawall_proto import CurrencyRated, FeedChanged, InstrumentListed
from seawall_runtime.app import App, CatchUp, run
from seawall_runtime.config import Config, ConfigError
from seawall_runtime.service import Key

from .effects import RiskEffects
from .service import SERVICE
from .state import Portfolio, portfolio

CATCH_UP_S = 900.0  # all are repeated within a minute; a feed silent about itself for longer is judged by its age


def initial(config: Config) -> Callable[[Key], Portfolio]:
    """Return the factory of the one portfolio. Raises ConfigError where a venue stands twice."""
    names = [venue.name for venue in config.traded_venues]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"venues: found {twice} twice, expected one account a venue")
    venues = [(venue.name, venue.account, venue.symbols) for venue in config.traded_venues]
    return lambda key: portfolio(config.risk, config.market_data.stale_after_ms, venues)


KINDS = (FeedChanged, InstrumentListed, CurrencyRated)
APP = App(SERVICE, initial, effects=RiskEffects, catch_up=CatchUp(KINDS, CATCH_UP_S))


def main() -> None:
    """Run until SIGTERM."""
    run(APP)


if __name__ == "__main__":
    main()
