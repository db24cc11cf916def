"""What the store holds, history by history, from the manifests alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from .names import Dataset
from .schema import Kind
from .store import Store


@dataclass(frozen=True, slots=True)
class Summary:
    """One history: its rows, the times of the first and the last, the candles missing between them, its size.

    ``holes`` is None for funding and trades, which have no grid.
    """

    dataset: Dataset
    rows: int
    ts_from_ns: int | None
    ts_to_ns: int | None
    holes: int | None
    bytes: int
    sources: tuple[str, ...]


def selected(
    store: Store,
    *,
    venue: str = "",
    symbols: Collection[str] = (),
    kind: Kind | None = None,
    interval_ns: int = 0,
) -> list[Dataset]:
    """Return the histories that match all that is said; what is not said matches everything."""
    return [
        each
        for each in store.datasets()
        if (not venue or each.venue == venue)
        and (not symbols or each.symbol in symbols)
        and (kind is None or each.kind == kind)
        and (not interval_ns or each.interval_ns == interval_ns)
    ]


def summarise(store: Store, dataset: Dataset) -> Summary:
    """Return the summary of one history. Raises StoreError where its manifest is damaged."""
    manifest = store.manifest(dataset)
    parts = [] if manifest is None else [part for _, part in sorted(manifest.parts.items())]
    if not parts:
        return Summary(dataset, 0, None, None, 0 if dataset.interval_ns else None, 0, ())
    rows, begin, end = sum(part.rows for part in parts), parts[0].ts_from_ns, parts[-1].ts_to_ns
    holes = (end - begin) // dataset.interval_ns + 1 - rows if dataset.interval_ns else None
    sources = tuple(sorted({source for part in parts for source in part.sources}))
    return Summary(dataset, rows, begin, end, holes, sum(part.bytes for part in parts), sources)
