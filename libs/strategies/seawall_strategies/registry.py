"""Finding strategies that installed packages offer, and turning configuration into their options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

import msgspec

from .errors import BrokenStrategyError, OptionsError, UnknownStrategyError
from .strategy import AUDIBLE, GROUP, Options, Strategy

_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`\Z")
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]+)`")


def installed() -> tuple[str, ...]:
    """Return the names of all strategies that installed packages offer."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def load(name: str) -> Strategy:
    """Return the strategy that an installed package offers under ``name``.

    Raises UnknownStrategyError where none does, BrokenStrategyError where it cannot be used or
    where two packages offer the same name.
    """
    points = tuple(entry_points(group=GROUP, name=name))
    if not points:
        raise UnknownStrategyError(f"strategies.{name}: not installed; installed are: {', '.join(installed())}")
    if len({point.value for point in points}) > 1:
        offers = ", ".join(point.value for point in points)
        raise BrokenStrategyError(f"strategies.{name}: offered more than once: {offers}")
    try:
        found = points[0].load()
    except (ImportError, AttributeError, SyntaxError) as error:
        raise BrokenStrategyError(f"strategies.{name}: {points[0].value} cannot be loaded: {error}") from error
    return check(name, found)


def check(name: str, found: object) -> Strategy:
    """Return ``found`` as a strategy that can be hosted under ``name``. Raises BrokenStrategyError."""
    if not isinstance(found, Strategy):
        raise BrokenStrategyError(f"strategies.{name}: found {type(found).__name__}, expected a Strategy")
    if found.name != name or not _NAME.match(name):
        detail = f"calls itself {found.name!r}, expected {name!r} of letters, digits, '_' or '-'"
        raise BrokenStrategyError(f"strategies.{name}: {detail}")
    if not (isinstance(found.options, type) and issubclass(found.options, Options)):
        raise BrokenStrategyError(f"strategies.{name}: options must be a subclass of seawall_strategies.Options")
    inaudible = [kind.__name__ for kind in found.listens_to if kind not in AUDIBLE]
    if inaudible or not found.listens_to:
        heard = ", ".join(kind.__name__ for kind in AUDIBLE)
        wrong = ", ".join(inaudible) or "nothing"
        raise BrokenStrategyError(f"strategies.{name}: listens to {wrong}; expected some of {heard}")
    return found


def options_of(strategy: Strategy, table: Mapping[str, Any]) -> Options:
    """Return the checked options. Raises OptionsError that names path, finding and expectation."""
    try:
        return msgspec.convert(dict(table), strategy.options, strict=True)
    except msgspec.ValidationError as error:
        raise OptionsError(_explained(strategy.name, table, str(error))) from error


def _explained(name: str, table: Mapping[str, Any], message: str) -> str:
    unknown = _UNKNOWN.search(message)
    if unknown:
        return f"strategies.{name}.{unknown['name']}: found a value, expected no such option"
    at = _PATH.search(message)
    path = at["path"] if at else ""
    found: Any = table
    for part in filter(None, path.split(".")):
        found = found.get(part) if isinstance(found, Mapping) else found
    expected = message[: at.start()] if at else message
    where = ".".join(filter(None, ("strategies", name, path)))
    return f"{where}: found {found!r}, {expected[:1].lower()}{expected[1:]}"
