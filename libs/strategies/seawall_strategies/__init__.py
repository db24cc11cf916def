"""Strategies: pure functions from features to wishes, found by entry point."""

from .errors import BrokenStrategyError, OptionsError, StrategyError, UnknownStrategyError
from .registry import check, installed, load, options_of
from .strategy import AUDIBLE, GROUP, Market, Options, Strategy
from .wish import Wish
