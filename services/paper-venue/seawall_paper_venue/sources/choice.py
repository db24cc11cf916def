"""Which source a ``--source`` text means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seawall_sim.instruments import InstrumentRules

from .base import Source
from .errors import SourceError
from .live import DEFAULT_REST_URL, DEFAULT_WEBSOCKET_URL, LiveSource
from .recording import RecordingSource
from .synthetic import DEFAULT_SEED, SyntheticSource

EXPECTED = "expected synthetic[:seed], recording:<path> or live[:<rest url>,<websocket url>]"


def open_source(text: str, rules: Mapping[str, InstrumentRules]) -> Source:
    """Return the source that the text names, for the symbols in ``rules``. Raises SourceError."""
    kind, _, rest = text.partition(":")
    if kind == "synthetic":
        if rest and not rest.isdecimal():
            raise SourceError(f"--source {text}: the seed is {rest!r}; {EXPECTED}")
        return SyntheticSource(rules.values(), int(rest) if rest else DEFAULT_SEED)
    if kind == "recording":
        if not rest:
            raise SourceError(f"--source {text}: no path; {EXPECTED}")
        return RecordingSource(Path(rest).expanduser(), rules)
    if kind == "live":
        rest_url, _, websocket_url = rest.partition(",")
        if rest and not (
            rest_url.startswith(("http://", "https://")) and websocket_url.startswith(("ws://", "wss://"))
        ):
            raise SourceError(f"--source {text}: two addresses are needed; {EXPECTED}")
        return LiveSource(rules, rest_url or DEFAULT_REST_URL, websocket_url or DEFAULT_WEBSOCKET_URL)
    raise SourceError(f"--source {text}: unknown; {EXPECTED}")
