"""Holds a recording against everything it contains that can prove or disprove our reading of it."""

from __future__ import annotations

import hashlib
from collections import Counter

import msgspec

from seawall_proto import encode

from .recordings import Recording
from .replay import FeedReplay
from .state import Market

FAULTS = ("malformed_frame", "lost_frame", "book_gap", "odd_quote", "listing", "bar_differs")
"""Troubles that no undamaged recording has."""
MAX_DETAILS = 20
NS_PER_MS = 1_000_000


class SymbolReport(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol at one venue: counts since the recording began."""

    updates: int
    checks: int
    checks_failed: int
    proof: str
    snapshots: int
    repeats: int
    resyncs: int
    books_crossed: int
    quotes_compared: int
    quotes_agreed: int
    quotes_doubted: int
    feed: str
    clock_offset_ms: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What ``seawall feed verify`` prints. ``fingerprint`` is the SHA-256 of all events, in order."""

    files: list[str]
    venues: list[str]
    frames: int
    events: dict[str, int]
    symbols: dict[str, SymbolReport]
    checks: int
    checks_failed: int
    gaps: int
    resyncs: int
    books_crossed: int
    quotes_compared: int
    quotes_agreed: int
    quotes_doubted: int
    troubles: dict[str, int]
    details: list[str]
    fingerprint: str
    ok: bool


def verify(recording: Recording) -> Report:
    """Play the whole recording and account for it."""
    events: Counter[str] = Counter()
    digest = hashlib.sha256()
    for line, replays in recording.lines():
        for replay in replays:
            for event in replay.take(line):
                events[type(event).__name__] += 1
                digest.update(encode(event))
    for replay in recording.replays.values():
        replay.finish()
    return _report(recording, events, digest.hexdigest())


def _report(recording: Recording, events: Counter[str], fingerprint: str) -> Report:
    replays = list(recording.replays.values())
    symbols = {
        f"{replay.spec.venue}/{symbol}": _symbol(replay, state)
        for replay in replays
        for symbol, state in sorted(replay.states.items())
    }
    troubles: Counter[str] = sum((replay.troubles for replay in replays), Counter())
    books = [report for report in symbols.values() if report.updates]
    is_right = all(
        report.snapshots
        and report.feed != "stale"
        and not report.checks_failed
        and report.quotes_agreed == report.quotes_compared
        for report in books
    )
    return Report(
        files=[file.name for file in recording.files],
        venues=sorted({replay.spec.venue for replay in replays}),
        frames=sum(replay.frames for replay in replays),
        events=dict(events),
        symbols=symbols,
        checks=sum(report.checks for report in books),
        checks_failed=sum(report.checks_failed for report in books),
        gaps=troubles["book_gap"],
        resyncs=sum(report.resyncs for report in books),
        books_crossed=sum(report.books_crossed for report in books),
        quotes_compared=sum(report.quotes_compared for report in books),
        quotes_agreed=sum(report.quotes_agreed for report in books),
        quotes_doubted=sum(report.quotes_doubted for report in books),
        troubles=dict(troubles),
        details=[*_unfounded(symbols), *(detail for replay in replays for detail in replay.details)][:MAX_DETAILS],
        fingerprint=fingerprint,
        ok=bool(symbols) and is_right and not any(troubles[fault] for fault in FAULTS),
    )


def _unfounded(symbols: dict[str, SymbolReport]) -> list[str]:
    """Name the books that could not begin: a recording that goes on from another is verified together with it."""
    return [
        f"{name}: {report.updates} updates and no snapshot they follow on: name the recording before this one, too"
        for name, report in symbols.items()
        if report.updates and not report.snapshots
    ]


def _symbol(replay: FeedReplay, state: Market) -> SymbolReport:
    tally = state.tally
    return SymbolReport(
        updates=tally.updates,
        checks=tally.checks,
        checks_failed=tally.checks_failed,
        proof=replay.spec.dialect.proof,
        snapshots=tally.snapshots,
        repeats=tally.repeats,
        resyncs=tally.resyncs,
        books_crossed=tally.books_crossed,
        quotes_compared=tally.quotes_compared,
        quotes_agreed=tally.quotes_agreed,
        quotes_doubted=tally.quotes_doubted,
        feed=state.feed,
        clock_offset_ms=round((state.clock.venue_ns(replay.now_ns) - replay.now_ns) / NS_PER_MS, 1),
    )
