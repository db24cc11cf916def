"""Errors of the runtime.

ConfigError              a file that is no configuration: says where, what was found, what was expected
BusError                 something about NATS
├── TryAgainError        the outside cannot take it now; the same call may succeed later
│   └── PublishError         a ledger event was not acknowledged within its bounded retries
├── ApiError             JetStream refused a request: its code and words
└── StreamError          a stream or consumer cannot be had as the table declares it
StartError               the service cannot start, and says why in one line
└── PortError                the HTTP port is taken
ServiceError             a service did what its table does not list, or its decision broke: a bug
└── PoisonError              the event that broke it, after it was logged, counted and handed back
"""

from __future__ import annotations


class ConfigError(Exception):
    """A file that is no configuration: says where, what was found, what was expected."""


class BusError(Exception):
    """Something about NATS went wrong."""


class TryAgainError(BusError):
    """The outside cannot take it now. The shell repeats the same call until its patience ends."""


class PublishError(TryAgainError):
    """A ledger event was not acknowledged within its bounded retries; it may or may not be stored."""


class ApiError(BusError):
    """JetStream refused a request."""

    def __init__(self, code: int, err_code: int, description: str) -> None:
        super().__init__(f"JetStream error {err_code} ({code}): {description}")
        self.code = code
        self.err_code = err_code
        self.description = description


class StreamError(BusError):
    """A stream or consumer cannot be had as the table declares it."""


class StartError(Exception):
    """The service cannot start, for a reason that a person must remove; the text says which."""


class PortError(StartError):
    """The HTTP port cannot be opened."""


class ServiceError(Exception):
    """A service did what its table does not list."""


class PoisonError(ServiceError):
    """A decision or an effect broke; the process ends so that its state is built afresh."""
