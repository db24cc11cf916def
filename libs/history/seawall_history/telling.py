"""Results as lines that a person reads, and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from .download.run import Downloaded
from .importing import Imported
from .intervals import show_time
from .loading import Loaded
from .merge import Merged
from .names import Dataset
from .overview import Summary
from .verify.defects import Report

SHOWN_DEFECTS = 20  # of a kind and a file in the text; the JSON has a thousand
SHOWN_DIFFERENCES = 10
RIGHT = frozenset({"rows", "holes", "bytes"})  # columns of numbers


def _notes(notes: list[str]) -> list[str]:
    return [f"  {note}" for note in dict.fromkeys(notes)]


def _differences(merged: Merged) -> list[str]:
    shown = merged.differences[:SHOWN_DIFFERENCES]
    lines = [
        f"  differs at {show_time(each.ts_ns)}: {each.column} {each.kept!r} ({each.kept_source}) is kept,"
        f" {each.other!r} ({each.other_source}) is not"
        for each in shown
    ]
    more = merged.differing - len({each.ts_ns for each in shown})
    return [*lines, f"  and {more} more rows that differ"] if more > 0 else lines


def _counts(merged: Merged) -> dict[str, Any]:
    counts = {name: getattr(merged, name) for name in ("added", "same", "filled", "differing", "replaced")}
    return {**counts, "differences": [asdict(each) for each in merged.differences]}


def _named(dataset: Dataset) -> dict[str, str]:
    return {"venue": dataset.venue, "symbol": dataset.symbol, "kind": dataset.kind, "interval": dataset.interval}


def show_downloaded(each: Downloaded) -> str:
    """Return what became of a download as lines."""
    line = f"{each.dataset}: {each.merged.added} new rows, {each.requests} requests"
    if not each.missing_ns:
        line = f"{each.dataset}: nothing was missing"
    return "\n".join([line, *_notes(each.notes), *_differences(each.merged)])


def downloaded_json(each: Downloaded) -> dict[str, Any]:
    """Return what became of a download as JSON."""
    spans = {"ts_from_ns": each.wanted[0], "ts_to_ns": each.wanted[1], "missing_ns": each.missing_ns}
    return {**_named(each.dataset), **spans, "requests": each.requests, **_counts(each.merged), "notes": each.notes}


def show_imported(each: Imported) -> str:
    """Return what became of a file as lines."""
    if each.error:
        return f"{each.path.name}: NOT IMPORTED: {each.error}"
    merged = each.merged
    told = {"new": merged.added, "the same": merged.same, "filled": merged.filled}
    told |= {"differ": merged.differing, "replaced": merged.replaced, "left out": each.left_out}
    counts = ", ".join(f"{number} {word}" for word, number in told.items() if number) or "nothing new"
    return "\n".join([f"{each.path.name} -> {each.dataset}: {counts}", *_notes(each.notes), *_differences(merged)])


def imported_json(each: Imported) -> dict[str, Any]:
    """Return what became of a file as JSON."""
    known = {"file": str(each.path), "history": each.dataset, "rows": each.rows, "left_out": each.left_out}
    return {**known, **_counts(each.merged), "notes": each.notes, "error": each.error}


def show_list(rows: list[Summary], folder: Path) -> str:
    """Return what the store holds as a table."""
    if not rows:
        return f"nothing under {folder}"
    head = ("venue", "symbol", "kind", "interval", "rows", "from", "to", "holes", "bytes")
    table = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if name in RIGHT else cell.ljust(width)
            for name, cell, width in zip(head, line, widths, strict=True)
        ).rstrip()
        for line in table
    )


def _cells(row: Summary) -> tuple[str, ...]:
    begin, end = ("-" if ts_ns is None else show_time(ts_ns) for ts_ns in (row.ts_from_ns, row.ts_to_ns))
    holes = "-" if row.holes is None else str(row.holes)
    named = (row.dataset.venue, row.dataset.symbol, row.dataset.kind, row.dataset.interval or "-")
    return (*named, str(row.rows), begin, end, holes, str(row.bytes))


def summary_json(row: Summary) -> dict[str, Any]:
    """Return one history of the store as JSON."""
    spans = {"rows": row.rows, "ts_from_ns": row.ts_from_ns, "ts_to_ns": row.ts_to_ns, "holes": row.holes}
    return {**_named(row.dataset), **spans, "bytes": row.bytes, "sources": list(row.sources)}


def show_report(report: Report) -> str:
    """Return what a check found as lines, the first defects of each kind named."""
    if report.clean:
        return f"ok    {report.label}: {report.rows} rows"
    found = ", ".join(f"{count} {kind}" for kind, count in report.counts.items())
    lines = [f"FAIL  {report.label}: {report.rows} rows: {found}"]
    named: dict[str, int] = {}
    for defect in report.defects:
        named[defect.kind] = named.get(defect.kind, 0) + 1
        if named[defect.kind] <= SHOWN_DEFECTS:
            at = f" ({show_time(defect.ts_ns)})" if defect.ts_ns is not None else ""
            row = f"row {defect.row}{at}: " if defect.row else ""
            lines.append(f"  {defect.kind}: {row}{defect.reason}")
    more = {kind: number - SHOWN_DEFECTS for kind, number in named.items() if number > SHOWN_DEFECTS}
    return "\n".join([*lines, *(f"  {kind}: and {number} more such lines" for kind, number in more.items())])


def report_json(report: Report) -> dict[str, Any]:
    """Return what a check found as JSON."""
    named = {"label": report.label, "kind": report.kind, "interval": report.interval, "rows": report.rows}
    defects = [asdict(each) for each in report.defects]
    return {**named, "clean": report.clean, "counts": report.counts, "defects": defects}


def show_loaded(each: Loaded) -> str:
    """Return what went into the database as lines."""
    return "\n".join([f"{each.dataset}: {each.rows} rows, {each.added} new in the database", *_notes(each.notes)])


def loaded_json(each: Loaded) -> dict[str, Any]:
    """Return what went into the database as JSON."""
    counts = {"rows": each.rows, "added": each.added, "left_out": each.left_out, "stood_in": each.stood_in}
    return {**_named(each.dataset), **counts, "notes": each.notes}
