"""Remembering the latest so many ids."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

Id = TypeVar("Id", bound=Hashable)


class Seen(Generic[Id]):
    """A set that forgets the oldest beyond its limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: set[Id] = set()
        self._order: deque[Id] = deque()

    def __contains__(self, one: Id) -> bool:
        return one in self._known

    def add(self, one: Id) -> None:
        """Remember one id."""
        if one in self._known:
            return
        self._known.add(one)
        self._order.append(one)
        if len(self._order) > self._limit:
            self._known.discard(self._order.popleft())

    def clear(self) -> None:
        """Forget all."""
        self._known.clear()
        self._order.clear()
