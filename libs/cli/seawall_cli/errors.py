"""Errors of the command line, each with its exit code.

CliError (1)
├── UsageError (2)         a wrong argument or configuration
├── ServerError (3)        an embedded server did not start or answer
│   └── PortBusyError
├── NotRunningError (4)    there is no running system to talk to
└── UnhealthyError (5)     it ran, and something was not as it must be
"""

from __future__ import annotations


class CliError(Exception):
    """Something the user should read; ``exit_code`` is stable."""

    exit_code = 1


class UsageError(CliError):
    """A wrong argument or configuration."""

    exit_code = 2


class ServerError(CliError):
    """A server did not start or does not answer."""

    exit_code = 3


class PortBusyError(ServerError):
    """Something else listens on a port that was asked for."""


class NotRunningError(CliError):
    """No running system was found."""

    exit_code = 4


class UnhealthyError(CliError):
    """The system ran, but not as it must."""

    exit_code = 5
