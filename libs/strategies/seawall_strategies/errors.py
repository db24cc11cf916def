"""Errors of strategies, all found before the first event is decided on.

StrategyError
├── UnknownStrategyError   no installed package offers a strategy of this name
├── BrokenStrategyError    an entry point that cannot be loaded or is no Strategy
└── OptionsError           a wrong option: where, what was found, what was expected
"""


class StrategyError(Exception):
    """A strategy cannot be hosted as configured."""


class UnknownStrategyError(StrategyError):
    """The configuration names a strategy that is not installed."""


class BrokenStrategyError(StrategyError):
    """An entry point does not lead to a usable Strategy."""


class OptionsError(StrategyError):
    """The configuration's table for a strategy is not what the strategy takes."""
