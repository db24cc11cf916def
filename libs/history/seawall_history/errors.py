"""Errors of the history.

HistoryError
├── BadInputError          a file, a name or an argument is not what was expected
│   └── BadRowsError       a file holds rows that cannot be true; nothing of it was stored
├── StoreError             the folder is damaged, or holds no such history
│   └── StoreBusyError     another command writes the same history
├── DownloadError          the venue did not give what was asked for
│   └── NotOfferedError    this venue has no such history to give
└── LoadError              the database did not take it
"""

from __future__ import annotations


class HistoryError(Exception):
    """Something the user should read: what was found, where, and what was expected."""


class BadInputError(HistoryError):
    """A file, a name or an argument is not what was expected."""


class BadRowsError(BadInputError):
    """A file holds rows that cannot be true; nothing of it was stored."""


class StoreError(HistoryError):
    """The folder is damaged, or holds no such history."""


class StoreBusyError(StoreError):
    """Another command writes the same history."""


class DownloadError(HistoryError):
    """The venue did not give what was asked for; what came before is stored."""


class NotOfferedError(DownloadError):
    """This venue has no such history to give."""


class LoadError(HistoryError):
    """The database did not take it."""
