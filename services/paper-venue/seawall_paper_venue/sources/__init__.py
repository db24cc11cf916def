"""Where the market comes from: a recording, a seeded market of our own, or another exchange."""

from .base import Sink, Source
from .choice import open_source
from .errors import RecordingError, SourceError, UpstreamError
from .live import LiveSource
from .recording import RecordingSource
from .synthetic import SyntheticSource

__all__ = [
    "LiveSource",
    "RecordingError",
    "RecordingSource",
    "Sink",
    "Source",
    "SourceError",
    "SyntheticSource",
    "UpstreamError",
    "open_source",
]
