"""Where the market comes from: a recording, a seeded market of our own, or another exchange."""

from .base import Sink, Source
from .errors import SourceError

__all__ = ["Sink", "Source", "SourceError"]
