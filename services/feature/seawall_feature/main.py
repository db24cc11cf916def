"""Run the feature service: ``python -m seawall_feature.main --config <file>``."""

from __future__ import annotations

from seawall_features import FEATURES
from seawall_proto import BarClosed
from seawall_runtime.app import App, CatchUp, run

from .service import SERVICE, initial

BARS = max(feature.warm_up for feature in FEATURES)
SLOWEST_BAR_S = 60  # the default bar; quicker bars reach further back, and the catch-up is bounded anyway
APP = App(service=SERVICE, initial=initial, catch_up=CatchUp((BarClosed,), (BARS + 5) * SLOWEST_BAR_S))


def main() -> None:
    """Run until SIGTERM."""
    run(APP)


if __name__ == "__main__":
    main()
