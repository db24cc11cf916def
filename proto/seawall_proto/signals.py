"""What strategies and models say."""

from __future__ import annotations

from typing import Literal

from .base import Event, MarketEvent

Direction = Literal["long", "short", "flat"]


class SignalRaised(MarketEvent, frozen=True, kw_only=True, tag_field="type", tag="signals.signal_raised.v1"):
    """A strategy wants to be long, short or flat.

    ``strength`` is in [0, 1]; ``price`` is the mid at the decision, the yardstick for slippage;
    after ``expires_at_ns`` acting on it would be wrong.
    """

    strategy: str
    direction: Direction
    strength: float
    price: float
    horizon_ns: int
    expires_at_ns: int
    model_version: str = ""
    contributions: dict[str, float] = {}


class QuotesProposed(MarketEvent, frozen=True, kw_only=True, tag_field="type", tag="signals.quotes_proposed.v1"):
    """A market maker's wished bid and ask; ``None`` leaves that side unquoted."""

    strategy: str
    bid_price: float | None
    bid_quantity: float
    ask_price: float | None
    ask_quantity: float
    expires_at_ns: int


class ModelPublished(Event, frozen=True, kw_only=True, tag_field="type", tag="signals.model_published.v1"):
    """A model passed its gate and may be loaded; ``sha256`` is of the model text."""

    model: str
    version: str
    sha256: str
    features: tuple[str, ...]
    expires_at_ns: int


class ModelDrifted(Event, frozen=True, kw_only=True, tag_field="type", tag="signals.model_drifted.v1"):
    """A model's inputs or outcomes left the range it was trained on."""

    model: str
    version: str
    measure: str
    value: float
    limit: float
    action: Literal["watch", "reduce", "bench"]
