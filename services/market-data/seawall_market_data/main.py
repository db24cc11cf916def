"""Run market-data: ``python -m seawall_market_data.main --config <file>``."""

from __future__ import annotations

from seawall_runtime.app import App, run

from .effects import MarketDataEffects
from .service import SERVICE, initial

APP = App(service=SERVICE, initial=initial, effects=MarketDataEffects)


def main() -> None:
    """Run until SIGTERM."""
    run(APP)


if __name__ == "__main__":
    main()
