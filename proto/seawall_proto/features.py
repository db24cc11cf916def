"""What the feature service says."""

from __future__ import annotations

from .base import MarketEvent


class FeaturesComputed(MarketEvent, frozen=True, kw_only=True, tag_field="type", tag="features.features_computed.v1"):
    """Feature values of one instrument as of one closed bar; ``None`` while a window warms up.

    ``expires_at_ns`` is when the next bar is due: older ones warm windows and set nothing off.
    """

    interval_ns: int
    ts_bar_close_ns: int
    close: float
    values: dict[str, float | None]
    version: str
    expires_at_ns: int = 0
