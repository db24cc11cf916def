"""The consolidator as a process: ``seawall-consolidator --config seawall.toml``."""

from __future__ import annotations

from seawall_proto import CurrencyRated, FeedChanged
from seawall_runtime.app import App, CatchUp, run

from .service import SERVICE, initial

CATCH_UP_S = 120.0  # both are repeated every ten seconds; the rest is for the time it was away

APP = App(SERVICE, initial, catch_up=CatchUp((FeedChanged, CurrencyRated), CATCH_UP_S))


def main() -> None:
    """Run until SIGTERM."""
    run(APP)


if __name__ == "__main__":
    main()
