"""Cutting what is asked for into as few messages and connections as a venue's limits allow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def one(_item: object) -> int:
    """Count an item as one."""
    return 1


def batches(items: Iterable[Item], limit: int, size_of: Callable[[Item], int] = one) -> Iterator[tuple[Item, ...]]:
    """Yield the items in their order, as many at a time as together are no larger than the limit.

    Each counts as one where no ``size_of`` is given; one that is too large by itself comes alone.
    """
    batch: list[Item] = []
    total = 0
    for item in items:
        size = size_of(item)
        if batch and total + size > limit:
            yield tuple(batch)
            batch, total = [], 0
        batch.append(item)
        total += size
    if batch:
        yield tuple(batch)
