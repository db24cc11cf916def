"""Start the stop-guardian: it protects with nothing but the venue, so it does not wait for the bus."""

from __future__ import annotations

from seawall_runtime.app import App, run
from seawall_stop_guardian.effects import GuardianEffects
from seawall_stop_guardian.service import SERVICE
from seawall_stop_guardian.state import initial

APP = App(service=SERVICE, initial=initial, effects=GuardianEffects, needs_bus=False)


def main() -> None:
    """Run one instance until SIGTERM."""
    run(APP)


if __name__ == "__main__":
    main()
