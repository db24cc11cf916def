"""Two frames of one history become one: identical rows once, differing rows told with both values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from .errors import BadRowsError
from .schema import Schema

MAX_VERSIONS = 16  # of one row in one file; beyond it the file is not a history of this kind
MAX_NAMED = 1_000  # differences kept word for word; the others are counted


@dataclass(frozen=True, slots=True)
class Difference:
    """One value on which two sources disagree. ``kept`` is the one that is stored."""

    ts_ns: int
    column: str
    kept: Any
    other: Any
    kept_source: str
    other_source: str


@dataclass(slots=True)
class Merged:
    """What came of merging rows: how many were new, were there already, told something unknown, or differed."""

    added: int = 0
    same: int = 0
    filled: int = 0
    differing: int = 0
    replaced: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether a stored row is new or other than before."""
        return bool(self.added or self.filled or self.replaced)

    def add(self, other: Merged) -> None:
        """Add the counts of another merge."""
        self.added += other.added
        self.same += other.same
        self.filled += other.filled
        self.differing += other.differing
        self.replaced += other.replaced
        self.differences.extend(other.differences[: MAX_NAMED - len(self.differences)])


def merge(
    held: pl.DataFrame, incoming: pl.DataFrame, schema: Schema, *, replace: bool = False
) -> tuple[pl.DataFrame, Merged]:
    """Return the rows of both, ordered by time, and what came of it.

    ``held`` holds each key once. Where the two differ, the held row stays, or with ``replace`` the
    incoming one takes its place whole. A value that is unknown in one row is taken from the other.
    """
    merged = Merged()
    rest = incoming.unique(subset=[*schema.key, *schema.values], keep="first", maintain_order=True)
    merged.same = incoming.height - rest.height
    frame = held
    for _ in range(MAX_VERSIONS):
        # one row a key at a time, so that a key that a file holds twice is compared with itself
        once = rest.unique(subset=schema.key, keep="first", maintain_order=True)
        frame, result = _merge_once(frame, once, schema, replace=replace)
        merged.add(result)
        if once.height == rest.height:
            return frame, merged
        rest = rest.join(once, on=[*schema.key, *schema.values], how="anti", nulls_equal=True)
    raise BadRowsError(f"more than {MAX_VERSIONS} different rows for one {' and '.join(schema.key)}: expected one")


def _merge_once(
    held: pl.DataFrame, incoming: pl.DataFrame, schema: Schema, *, replace: bool
) -> tuple[pl.DataFrame, Merged]:
    key = list(schema.key)
    new = incoming.join(held.select(key), on=key, how="anti")
    both = held.join(incoming, on=key, how="inner", suffix="_other", maintain_order="left")
    result = Merged(added=new.height)
    if both.height:
        changed = _compare(both, schema, result, replace=replace)
        if changed.height:
            held = held.update(changed, on=key, include_nulls=True)
    if new.height:
        held = pl.concat([held, new]).sort(schema.time, maintain_order=True)
    return held, result


def _compare(both: pl.DataFrame, schema: Schema, result: Merged, *, replace: bool) -> pl.DataFrame:
    """Count what the pairs of rows say of one another and return the rows that become other than held."""
    differs = {name: (pl.col(name) != pl.col(f"{name}_other")).fill_null(False) for name in schema.values}
    fills = [pl.col(name).is_null() & pl.col(f"{name}_other").is_not_null() for name in sorted(schema.optional)]
    both = both.with_columns(
        pl.any_horizontal(differs.values()).alias("_differs"),
        pl.any_horizontal(fills or [pl.lit(False)]).alias("_fills"),
    )
    differing = both.filter("_differs")
    result.differing = differing.height
    result.differences = _differences(differing, schema, replace=replace)
    filling = both.filter(pl.col("_fills") & ~pl.col("_differs"))
    result.filled = filling.height
    result.same = both.height - differing.height - filling.height
    taken = filling
    if replace:
        result.replaced = differing.height
        taken = both.filter(pl.col("_fills") | pl.col("_differs"))
    return taken.select(*schema.key, *(_taken(name, replace=replace) for name in (*schema.values, "source")))


def _taken(name: str, *, replace: bool) -> pl.Expr:
    """The value that a changed row has from now on; the source stays the first one's where only a gap is filled."""
    first, second = pl.col(name), pl.col(f"{name}_other")
    stays = first if name == "source" else pl.coalesce(first, second)
    if not replace:
        return stays
    return pl.when("_differs").then(second).otherwise(stays).alias(name)


def _differences(differing: pl.DataFrame, schema: Schema, *, replace: bool) -> list[Difference]:
    named: list[Difference] = []
    for row in differing.head(MAX_NAMED).iter_rows(named=True):
        for name in schema.values:
            first, second = row[name], row[f"{name}_other"]
            if first is None or second is None or first == second:
                continue
            sides = [(first, row["source"]), (second, row["source_other"])]
            (kept, kept_source), (other, other_source) = reversed(sides) if replace else sides
            named.append(Difference(row[schema.time], name, kept, other, kept_source, other_source))
    return named[:MAX_NAMED]
