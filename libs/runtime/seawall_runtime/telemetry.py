"""JSON log lines on stderr, and the trace that one outside fact leaves through every service."""

from __future__ import annotations

import hashlib
import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import msgspec
import structlog

from seawall_proto import Event

from .config import TelemetryConfig

TRACE_HEADER = "traceparent"
_SECRET_KEYS = re.compile(r"secret|password|token|signature|authorization|api_?key", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(://[^/@\s:\"]*:)[^/@\s\"]+@")
_PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}\Z")


class Handling:
    """One event being handled: its place in the trace, worked out only when somebody asks.

    The trace id comes from the root cause's event id, the span id from this event's id, so every
    service finds the same ids without talking to the others.
    """

    __slots__ = ("_parent", "_trace_id", "event", "service")

    def __init__(self, service: str, event: Event, header: str | None, inherited: Handling | None = None) -> None:
        self.service = service
        self.event = event
        self._parent = ""
        self._trace_id = ""
        found = _PARENT.match(header) if header else None
        if found:
            self._trace_id, self._parent = found.group(1), found.group(2)
        elif inherited is not None:
            self._trace_id, self._parent = inherited.trace_id, inherited.span_id

    @property
    def trace_id(self) -> str:
        """32 hex digits, the same for everything that one outside fact set off."""
        if not self._trace_id:
            self._trace_id = hashlib.blake2b(self.event.id.encode(), digest_size=16).hexdigest()
        return self._trace_id

    @property
    def span_id(self) -> str:
        """16 hex digits of this service's handling of this event."""
        return hashlib.blake2b(f"{self.service}\x1f{self.event.id}".encode(), digest_size=8).hexdigest()

    @property
    def parent_id(self) -> str:
        """The span that said this event; empty at the root."""
        return self._parent

    @property
    def header(self) -> str:
        """The W3C ``traceparent`` of whatever this handling says."""
        return f"00-{self.trace_id}-{self.span_id}-01"


_current: ContextVar[Handling | None] = ContextVar("seawall_handling", default=None)


def current_handling() -> Handling | None:
    """Return what is being handled here, also inside a command that a decision gave."""
    return _current.get()


def trace_headers() -> dict[str, str]:
    """Return a fresh dict with the ``traceparent`` of what is being handled; empty outside."""
    handling = _current.get()
    return {TRACE_HEADER: handling.header} if handling is not None else {}


@contextmanager
def handling_of(handling: Handling) -> Iterator[Handling]:
    """Log lines and published events inside carry this handling's trace."""
    token = _current.set(handling)
    try:
        yield handling
    finally:
        _current.reset(token)


def configure_logging(service: str, instance: str, config: TelemetryConfig) -> Any:
    """Send everything, also from libraries, to stderr as JSON lines; return the service's logger."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        _add_trace,
        structlog.processors.format_exc_info,
        _redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(config.log_level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _name_service(service, instance)],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_to_json),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(config.log_level.upper())
    for noisy in ("nats", "asyncio", "urllib3"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    return structlog.get_logger(service).bind(service=service, instance=instance)


def _name_service(service: str, instance: str) -> Any:
    def add(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line.setdefault("service", service)
        line.setdefault("instance", instance)
        return line

    return add


def _add_trace(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    handling = _current.get()
    if handling is not None:
        line.setdefault("trace_id", handling.trace_id)
        line.setdefault("event_id", handling.event.id)
    return line


def _redact(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in line.items():
        if _SECRET_KEYS.search(key):
            line[key] = "***"
        elif isinstance(value, dict):
            line[key] = _redact(_logger, _method, dict(value))
    return line


def _to_json(line: Any, **_options: Any) -> str:
    text = msgspec.json.encode(line, enc_hook=str).decode()
    return _URL_PASSWORD.sub(r"\1***@", text) if "://" in text else text
