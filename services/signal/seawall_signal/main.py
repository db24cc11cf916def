"""The signal service as a process: ``seawall-signal --config seawall.toml``."""

from __future__ import annotations

from seawall_proto import FeaturesComputed, FeedChanged
from seawall_runtime.app import App, CatchUp, run

from .hosting import initial
from .service import SERVICE

CATCH_UP_S = 900.0  # a quarter of an hour of one-second bars of a hundred markets is what one catch-up may hold

APP = App(SERVICE, initial, catch_up=CatchUp((FeedChanged, FeaturesComputed), CATCH_UP_S))


def main() -> None:
    """Run until SIGTERM."""
    run(APP)


if __name__ == "__main__":
    main()
