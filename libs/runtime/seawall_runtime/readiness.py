"""Whether a service can do its work now, part by part."""

from __future__ import annotations

from .metrics import Metrics


class Readiness:
    """Ready when every named part is; a part that was never named does not count."""

    def __init__(self, metrics: Metrics) -> None:
        self.parts: dict[str, tuple[bool, str]] = {}
        self._metrics = metrics

    def set(self, name: str, ok: bool, detail: str = "") -> None:
        """Note one part's state."""
        self.parts[name] = (ok, detail)
        self._metrics.set("seawall_ready", 1 if self.ready else 0)

    @property
    def ready(self) -> bool:
        """True when there is a part and every part is ready."""
        return bool(self.parts) and all(ok for ok, _ in self.parts.values())

    @property
    def detail(self) -> str:
        """What is missing, in one line; empty when ready."""
        missing = [f"{name}: {detail}" if detail else name for name, (ok, detail) in self.parts.items() if not ok]
        return "; ".join(missing)
