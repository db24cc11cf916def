"""What the consolidator listens to and what it says."""

from __future__ import annotations

from collections.abc import Callable

from seawall_proto import AssetQuoted, BookChanged, CurrencyRated, FeedChanged, QuoteTicked
from seawall_runtime.config import Config, ConfigError
from seawall_runtime.service import Key, Service, TimerElapsed

from . import on_book_changed, on_currency_rated, on_feed_changed, on_quote_ticked, on_timer_elapsed
from .state import Consolidation, consolidation

EVERYTHING = "everything"
"""The only key: rates are shared by all assets. An event touches one market and its asset, however many there are."""

SERVICE = Service(
    name="consolidator",
    on={
        QuoteTicked: on_quote_ticked.decide,
        BookChanged: on_book_changed.decide,
        FeedChanged: on_feed_changed.decide,
        CurrencyRated: on_currency_rated.decide,
        TimerElapsed: on_timer_elapsed.decide,
    },
    sends=(AssetQuoted, CurrencyRated),
    key=lambda event: EVERYTHING,
)


def initial(config: Config) -> Callable[[Key], Consolidation]:
    """Return the factory of the one state. Raises ConfigError where a currency at par is no stablecoin."""
    settings = config.consolidator
    for name in settings.assume_parity:
        if name not in settings.stablecoins:
            known = ", ".join(settings.stablecoins)
            raise ConfigError(f"consolidator.assume_parity: found {name}, expected one of the stablecoins {known}")
    return lambda key: consolidation(settings)
