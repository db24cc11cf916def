"""Trouble with the input of the venue.

SourceError
├── RecordingError      a recording that is absent, empty, cut short or not what it should be
└── UpstreamError       the exchange that a live source relays cannot be followed
"""

from __future__ import annotations


class SourceError(Exception):
    """The market cannot be had: says what, where, and what was expected."""


class RecordingError(SourceError):
    """A recording that cannot be played."""


class UpstreamError(SourceError):
    """The exchange upstream answered with something that is no market."""
