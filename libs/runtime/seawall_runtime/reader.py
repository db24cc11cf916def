"""Bytes from the bus to events of this service; anything else is counted, and logged now and then."""

from __future__ import annotations

from typing import Any

from seawall_proto import DecodeError, Event, OversizeError, SubjectError, decode, subject_of

from .metrics import Metrics
from .service import Service

LOG_EVERY = 1_000  # the first bad message is logged, then each thousandth: a flood must not fill the disk


def _belongs_on(event: Event, subject: str) -> bool:
    """NATS permissions are by subject: an approval on a market subject was not said by risk."""
    try:
        return subject_of(event) == subject
    except SubjectError:
        return False


class Reader:
    """Decodes what one service may decide on."""

    def __init__(self, service: Service, metrics: Metrics, log: Any) -> None:
        self._wanted = frozenset(service.on)
        self._metrics = metrics
        self._log = log
        self._bad = 0

    def read(self, subject: str, data: bytes) -> Event | None:
        """Return the event, or None where the bytes are no event that the service listens to."""
        try:
            event = decode(data)
        except OversizeError as error:
            self._refuse("oversize", subject, str(error))
            return None
        except DecodeError as error:
            self._refuse("malformed", subject, str(error))
            return None
        if type(event) not in self._wanted:
            self._refuse("unexpected", subject, f"{type(event).__name__} is not in the service's table")
            return None
        if not _belongs_on(event, subject):
            self._refuse("wrong_subject", subject, f"{type(event).__name__} does not belong there")
            return None
        return event

    def _refuse(self, kind: str, subject: str, reason: str) -> None:
        self._metrics.count("seawall_bad_messages_total", kind=kind)
        if self._bad % LOG_EVERY == 0:
            self._log.error(f"message on {subject} cannot be handled: {reason}", bad_messages=self._bad + 1)
        self._bad += 1
