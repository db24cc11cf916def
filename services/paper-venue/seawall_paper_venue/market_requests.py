"""Requests over a market connection: SUBSCRIBE and its kin, answered in the venue's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from .broadcast import Broadcaster, Subscriber
from .streams import is_market_stream

MAX_STREAMS = 1_024
_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class RequestError(Exception):
    """A request that the venue refuses: ``{"error": {"code": …, "msg": …}}``."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def answer_request(
    text: str | bytes,
    subscriber: Subscriber,
    broadcaster: Broadcaster,
    is_private_stream: Callable[[str], bool],
) -> bytes:
    """Carry out one request and return the answer's JSON."""
    request_id: Any = None
    try:
        request = _parse(text)
        request_id = request.get("id")
        _check_id(request)
        result = _perform(request, subscriber, broadcaster, is_private_stream)
    except RequestError as error:
        return _encode({"error": {"code": error.code, "msg": error.message}, "id": request_id})
    return _encode({"result": result, "id": request_id})


def _parse(text: str | bytes) -> dict[str, Any]:
    try:
        request = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestError(3, f"Invalid JSON: {error}") from error
    if not isinstance(request, dict):
        raise RequestError(2, "Invalid request: expected an object")
    return request


def _check_id(request: dict[str, Any]) -> None:
    given = request.get("id")
    # USD-M takes numbers and, as observed with client libraries, short strings
    is_number = isinstance(given, int) and not isinstance(given, bool) and given >= 0
    if not is_number and not (isinstance(given, str) and 0 < len(given) <= 36):
        raise RequestError(2, "Invalid request: request ID must be an unsigned integer")


def _perform(
    request: dict[str, Any],
    subscriber: Subscriber,
    broadcaster: Broadcaster,
    is_private_stream: Callable[[str], bool],
) -> Any:
    method = request.get("method")
    if method is None:
        raise RequestError(2, "Invalid request: missing field `method`")
    if method not in _METHODS:
        expected = ", ".join(_METHODS)
        raise RequestError(2, f"Invalid request: unknown variant {method}, expected one of {expected}")
    if method == "LIST_SUBSCRIPTIONS":
        return list(subscriber.streams)
    if method in ("SET_PROPERTY", "GET_PROPERTY"):
        return _property(method, request.get("params"), subscriber)
    streams = _streams(request.get("params"), is_private_stream)
    if method == "UNSUBSCRIBE":
        broadcaster.unsubscribe(subscriber, streams)
        return None
    if len(set(subscriber.streams) | set(streams)) > MAX_STREAMS:
        raise RequestError(2, "Invalid request: too many parameters")
    broadcaster.subscribe(subscriber, streams)
    return None


def _streams(params: Any, is_private_stream: Callable[[str], bool]) -> list[str]:
    if not isinstance(params, list) or not params:
        raise RequestError(2, "Invalid request: missing field `params`")
    if len(params) > MAX_STREAMS:
        raise RequestError(2, "Invalid request: too many parameters")
    for name in params:
        if not isinstance(name, str) or not (is_market_stream(name) or is_private_stream(name)):
            raise RequestError(2, "Invalid request: invalid stream")
    return params


def _property(method: str, params: Any, subscriber: Subscriber) -> bool | None:
    if not isinstance(params, list) or not params or not isinstance(params[0], str):
        raise RequestError(2, "Invalid request: property name must be a string")
    if params[0] != "combined":
        raise RequestError(0, "Unknown property")
    if method == "GET_PROPERTY":
        return subscriber.combined
    if len(params) != 2:
        raise RequestError(2, "Invalid request: too many parameters")
    if not isinstance(params[1], bool):
        raise RequestError(1, "Invalid value type: expected Boolean")
    subscriber.combined = params[1]
    return None
