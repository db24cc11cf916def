"""Sliding windows in O(1) a value, amortised, that never subtract.

The usual running sum adds what comes and subtracts what goes; after a spike the rounding error of the
spike stays behind for ever. Here a window is two stacks: the newer part is summed as it comes, the
older part holds the sums from each of its values to its newest, so what goes is dropped, not
subtracted. Sums of positive numbers are then right to a few units in the last place however long the
stream, and the variance is merged from two halves by the pairwise formula of Chan, Golub and LeVeque.
"""

from __future__ import annotations

from math import sqrt


class SlidingSum:
    """The sum of the last ``size`` values."""

    __slots__ = ("_newer", "_newer_sum", "_older", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._older: list[float] = []  # sums from a value to the newest of this part; the oldest value's is last
        self._newer: list[float] = []
        self._newer_sum = 0.0

    def __len__(self) -> int:
        return len(self._older) + len(self._newer)

    def push(self, value: float) -> float | None:
        """Add a value; return the sum once there are ``size`` of them, None before."""
        older, newer = self._older, self._newer
        if len(older) + len(newer) == self.size:
            if not older:
                total = 0.0
                while newer:
                    total += newer.pop()
                    older.append(total)
                self._newer_sum = 0.0
            older.pop()
        newer.append(value)
        self._newer_sum += value
        if len(older) + len(newer) < self.size:
            return None
        return self._newer_sum + older[-1] if older else self._newer_sum


class SlidingDeviation:
    """The sample standard deviation (``ddof=1``) of the last ``size`` values."""

    __slots__ = ("_count", "_mean", "_newer", "_older", "_squares", "size")

    def __init__(self, size: int) -> None:
        if size < 2:
            raise ValueError(f"a deviation needs at least 2 values, not {size}")
        self.size = size
        self._older: list[tuple[int, float, float]] = []  # count, mean and squared deviations from a value on
        self._newer: list[float] = []
        self._count = 0
        self._mean = 0.0
        self._squares = 0.0

    def push(self, value: float) -> float | None:
        """Add a value; return the deviation once there are ``size`` of them, None before."""
        older, newer = self._older, self._newer
        if len(older) + len(newer) == self.size:
            if not older:
                self._flip()
            older.pop()
        newer.append(value)
        self._count += 1
        apart = value - self._mean
        self._mean += apart / self._count
        self._squares += apart * (value - self._mean)
        if len(older) + self._count < self.size:
            return None
        squares = self._squares
        if older:
            count, mean, older_squares = older[-1]
            apart = mean - self._mean
            squares += older_squares + apart * apart * (count * self._count / self.size)
        return sqrt(squares / (self.size - 1))

    def _flip(self) -> None:
        count, mean, squares = 0, 0.0, 0.0
        while self._newer:
            value = self._newer.pop()
            count += 1
            apart = value - mean
            mean += apart / count
            squares += apart * (value - mean)
            self._older.append((count, mean, squares))
        self._count, self._mean, self._squares = 0, 0.0, 0.0


class Delay:
    """The value from ``bars`` values ago."""

    __slots__ = ("_at", "_ring", "bars")

    def __init__(self, bars: int) -> None:
        self.bars = bars
        self._ring: list[float] = []
        self._at = 0

    def push(self, value: float) -> float | None:
        """Add a value; return the one ``bars`` before it, None while there is none."""
        ring = self._ring
        if len(ring) < self.bars:
            ring.append(value)
            return None
        past = ring[self._at]
        ring[self._at] = value
        self._at = self._at + 1 if self._at + 1 < self.bars else 0
        return past
