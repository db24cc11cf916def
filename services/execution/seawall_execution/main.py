"""Execution as a process."""

from __future__ import annotations

from seawall_runtime.app import App, run

from .effects import ExecutionEffects
from .service import SERVICE
from .state import initial

# orders that work, and fills that arrive, are followed with or without NATS
APP = App(service=SERVICE, initial=initial, effects=ExecutionEffects, needs_bus=False)


def main() -> None:
    """Run one instance until SIGTERM."""
    run(APP)


if __name__ == "__main__":
    main()
