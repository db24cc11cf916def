"""Request parameters: from the query string and the form body, checked in the venue's words."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TypeVar
from urllib.parse import parse_qsl

from .faults import VenueFault, missing

Choice = TypeVar("Choice", bound=str)

# longer numbers are no price or quantity of any instrument
MAX_NUMBER_LENGTH = 40


class Parameters:
    """What a client sent, as text by name."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values

    @classmethod
    def parse(cls, *encoded: str) -> Parameters:
        """Read URL-encoded texts; where a name comes twice, the earlier text wins (the query before the body)."""
        values: dict[str, str] = {}
        for text in encoded:
            for name, value in parse_qsl(text, keep_blank_values=True):
                values.setdefault(name, value)
        return cls(values)

    def has(self, name: str) -> bool:
        """True where the parameter was sent and is not empty."""
        return bool(self.values.get(name))

    def text(self, name: str, default: str = "") -> str:
        """Return the parameter's text."""
        return self.values.get(name) or default

    def required(self, name: str) -> str:
        """Return the parameter's text. Raises VenueFault where it is missing or empty."""
        value = self.values.get(name)
        if not value:
            raise missing(name)
        return value

    def integer(self, name: str) -> int | None:
        """Return a whole number, or None where it was not sent. Raises VenueFault where it is none."""
        if not self.has(name):
            return None
        value = self.values[name]
        if len(value) > MAX_NUMBER_LENGTH or not value.lstrip("-").isdecimal():
            raise VenueFault(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        return int(value)

    def limit(self, default: int, largest: int) -> int:
        """Return ``limit``, kept within what the endpoint allows."""
        wanted = self.integer("limit")
        if wanted is None:
            return default
        if wanted < 1:
            raise VenueFault(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(wanted, largest)

    def decimal(self, name: str) -> Decimal | None:
        """Return an exact number, or None where it was not sent. Raises VenueFault where it is none."""
        if not self.has(name):
            return None
        value = self.values[name]
        try:
            number = Decimal(value) if len(value) <= MAX_NUMBER_LENGTH else None
        except InvalidOperation:
            number = None
        if number is None or not number.is_finite() or abs(number.adjusted()) > MAX_NUMBER_LENGTH:
            raise VenueFault(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        return number

    def required_decimal(self, name: str) -> Decimal:
        """Return an exact number. Raises VenueFault where it is missing."""
        number = self.decimal(name)
        if number is None:
            raise missing(name)
        return number

    def flag(self, name: str, default: bool = False) -> bool:
        """Return true or false. Raises VenueFault for anything else."""
        if not self.has(name):
            return default
        value = self.values[name].lower()
        if value not in ("true", "false"):
            raise VenueFault(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        return value == "true"

    def choice(self, name: str, options: tuple[Choice, ...], fault: VenueFault) -> Choice:
        """Return one of the options. Raises the fault for anything else, and a missing one as missing."""
        value = self.required(name)
        for option in options:
            if value == option:
                return option
        raise fault

    def window_ns(self) -> tuple[int | None, int | None]:
        """Return ``startTime`` and ``endTime`` in nanoseconds, both ends included."""
        start, end = self.integer("startTime"), self.integer("endTime")
        if start is not None and end is not None and start > end:
            raise VenueFault(-1023, "Start time is greater than end time.")
        return (
            None if start is None else start * 1_000_000,
            None if end is None else end * 1_000_000 + 999_999,
        )
