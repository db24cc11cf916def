"""Wiring only."""

from __future__ import annotations

from seawall_runtime.app import App, run

from .effects import RecorderEffects
from .service import SERVICE

APP = App(service=SERVICE, initial=lambda config: lambda key: None, effects=RecorderEffects)


def main() -> None:
    """Run the recorder."""
    run(APP)


if __name__ == "__main__":
    main()
