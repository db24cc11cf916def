"""Values of the configuration that the environment may replace: ``SEAWALL__<SECTION>__<KEY>``.

Only what is no secret: keys and passwords are files, and a URL with a password in it is refused,
because environments are printed, inherited and kept in crash reports.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import msgspec

from .complaint import fields_of, nearest
from .errors import ConfigError

PREFIX = "SEAWALL__"
_PASSWORD_IN_URL = re.compile(r"://[^/@\s]*:[^/@\s]+@")
_SECRET = re.compile(r"secret|password|token|key", re.IGNORECASE)


def override(
    table: dict[str, Any], environment: Mapping[str, str], root: type[msgspec.Struct]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the table with the environment's values in place, and which variable set which path.

    Raises ConfigError for a variable that names no key, a table or a list, or that holds a secret.
    """
    result = dict(table)
    origins: dict[str, str] = {}
    for variable in sorted(name for name in environment if name.startswith(PREFIX)):
        *sections, key = variable.removeprefix(PREFIX).lower().split("__")
        text = environment[variable]
        if len(sections) > 1:
            raise ConfigError(f"environment variable {variable}: expected {PREFIX}<KEY> or {PREFIX}<SECTION>__<KEY>")
        kind: Any = root
        target = result
        for section in sections:
            kind = _known(variable, section, fields_of(kind))
            inner = result.get(section, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"environment variable {variable}: {section} is no table")
            target = result[section] = dict(inner)
        found = _known(variable, key, fields_of(kind))
        if fields_of(found) or key in ("venues", "strategies"):
            raise ConfigError(f"environment variable {variable}: {key} is a table; set its keys, or the file")
        holds_secret = _SECRET.search(key) and not key.endswith("_file")
        if holds_secret or _PASSWORD_IN_URL.search(text):
            raise ConfigError(f"environment variable {variable}: secrets are read from files, never from here")
        target[key] = _value(text)
        origins["$." + ".".join((*sections, key))] = variable
    return result, origins


def _known(variable: str, name: str, fields: dict[str, Any]) -> Any:
    if name not in fields:
        guess = nearest(name, fields)
        hint = f"did you mean {guess.upper()}? " if guess else ""
        raise ConfigError(
            f"environment variable {variable}: unknown key {name!r}, {hint}expected one of {', '.join(fields)}"
        )
    return fields[name]


def _value(text: str) -> Any:
    """Read a number, a truth value or quoted text as TOML does; anything else is plain text."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return value if isinstance(value, int | float | str | bool) else text
