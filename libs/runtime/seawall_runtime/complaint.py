"""Turning a refused configuration into one line: where, what was found, what was expected."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Mapping
from typing import Any

import msgspec

_AT = re.compile(r"(?P<what>.*?)(?: - at (?P<key>`key` in )?`(?P<path>\$[^`]*)`)?\Z", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`\Z", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`\Z", re.DOTALL)
_EXPECTED = re.compile(r"Expected (?P<wanted>.*?)(?:, got `[^`]*`)?\Z", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_SECRET = re.compile(r"secret|password|token", re.IGNORECASE)
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    dict: "a table",
    list: "a list",
}
_URL_PASSWORD = re.compile(r"(://[^/@\s:]*:)[^/@\s]+@")
_SHOWN = 60  # characters of a wrong value; enough to recognise it


def complain(error: msgspec.ValidationError, table: Mapping[str, Any], root: type[msgspec.Struct]) -> tuple[str, str]:
    """Return the path of the wrong value, such as ``$.risk.max_position``, and what is wrong with it."""
    match = _AT.match(str(error))
    assert match is not None  # the pattern matches every text
    what, path = match["what"], match["path"] or "$"
    steps = [name or index for name, index in _STEP.findall(path)]
    found, kind = _walk(table, root, steps)
    if unknown := _UNKNOWN.match(what):
        return f"{path}.{unknown['name']}", _unknown_key(unknown["name"], kind)
    if missing := _MISSING.match(what):
        keys = ", ".join(found) if isinstance(found, Mapping) and found else "nothing"
        return f"{path}.{missing['name']}", f"found no such key (only {keys}), expected one: it has no default"
    wanted = _EXPECTED.match(what)
    expected = _expected(wanted["wanted"] if wanted else what, kind)
    if match["key"]:
        bad = next((key for key in found if not re.match(r"[A-Za-z0-9_-]+\Z", key)), "") if found else ""
        return path, f"found the key {bad!r}, expected {expected}"
    return path, f"found {_show(found, steps)}, expected {expected}"


def nearest(name: str, known: typing.Iterable[str]) -> str:
    """Return the known name that a wrong one was probably meant to be, or an empty text."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return close[0] if close else ""


def fields_of(kind: Any) -> dict[str, Any]:
    """Return the keys that a section of the file may have, with their types."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return typing.get_type_hints(kind, include_extras=True)
    return {}


def _unknown_key(name: str, kind: Any) -> str:
    known = fields_of(kind)
    guess = nearest(name, known)
    hint = f"did you mean {guess}? " if guess else ""
    return f"found an unknown key, {hint}expected one of {', '.join(known)}"


def _walk(found: Any, kind: Any, steps: list[str]) -> tuple[Any, Any]:
    """Follow the path as far as value and type go. Where a table's key is not told, take the wrong one."""
    for step in steps:
        kind = _inner(kind, step)
        if step == "...":
            values = found.values() if isinstance(found, Mapping) else []
            found = next((value for value in values if not isinstance(value, Mapping)), None)
        elif isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
    return found, kind


def _inner(kind: Any, step: str) -> Any:
    kind = _plain(kind)
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is tuple:
        return arguments[0]
    if typing.get_origin(kind) is dict:
        return arguments[1]
    return fields_of(kind).get(step)


def _plain(kind: Any) -> Any:
    """Take ``Annotated`` and ``| None`` off."""
    while typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    options = [one for one in typing.get_args(kind) if one is not type(None)]
    if type(None) in typing.get_args(kind) and len(options) == 1:
        return _plain(options[0])
    return kind


def _expected(wanted: str, kind: Any) -> str:
    if typing.get_origin(_plain(kind)) is typing.Literal:
        return "one of " + ", ".join(map(repr, typing.get_args(_plain(kind))))
    if wanted.startswith("`Path`"):
        return "a path, as text"
    words = {
        "`float`": "a number",
        "`int`": "a whole number",
        "`str`": "text",
        "`object`": "a table",
        "`array`": "a list",
    }
    for name, word in words.items():
        wanted = wanted.replace(name, word)
    return wanted.replace("matching regex", "matching")


def _show(found: Any, steps: list[str]) -> str:
    if steps and _SECRET.search(steps[-1]) and not steps[-1].endswith("_file"):
        return "a value (not shown)"
    kind = _KINDS.get(type(found), type(found).__name__)
    if isinstance(found, Mapping | list):
        return kind if found else f"an empty {kind.removeprefix('a ')}"
    text = repr(found) if isinstance(found, str) else str(found).lower() if isinstance(found, bool) else str(found)
    text = _URL_PASSWORD.sub(r"\1***@", text)
    return f"{text if len(text) <= _SHOWN else text[:_SHOWN] + '…'} ({kind})"
