"""When a view is said: at once where its pace allows, else as soon as it does; and at once when its best is gone."""

from __future__ import annotations

from heapq import heappop, heappush

from seawall_proto import AssetQuoted, Event

from .entry import Entry
from .state import Consolidation, Due, View
from .view import look


def price_changed(state: Consolidation, entry: Entry, cause: str) -> list[Event]:
    """The market has a new price, or none any more; return what cannot wait."""
    said: list[Event] = []
    if entry.has_price:
        state.aging[entry] = None
        state.aging.move_to_end(entry)
        touch(state, state.view_of(entry))
    else:
        said += price_gone(state, entry, cause)
    if entry.is_leg:
        state.rates.renew(state.now_ns)
        said += state.rates.say(state.now_ns, cause)
    return said


def price_gone(state: Consolidation, entry: Entry, cause: str) -> list[AssetQuoted]:
    """The market's price counts no longer: say so at once where it was a best one."""
    state.aging.pop(entry, None)
    view = state.view_of(entry)
    if entry in view.best:
        return say_now(state, view, cause)
    touch(state, view)
    return []


def retire_old(state: Consolidation, cause: str) -> list[AssetQuoted]:
    """Take out every price that grew too old, and say each view that lost a best one, once."""
    robbed: dict[View, None] = {}
    while state.aging:
        entry = next(iter(state.aging))
        if state.now_ns - entry.heard_ns <= state.max_age_ns:
            break  # the oldest come first
        del state.aging[entry]
        view = state.view_of(entry)
        if entry in view.best:
            robbed[view] = None
        else:
            touch(state, view)
    return [said for view in robbed for said in say_now(state, view, cause)]


def touch(state: Consolidation, view: View) -> None:
    """The view changed: it is to be said when its pace allows."""
    if view.due_ns:
        return
    view.due_ns = max(view.said_ns + state.every_ns, 1)
    state.waited += 1
    heappush(state.waiting, Due(view.due_ns, state.waited, view))


def say_due(state: Consolidation, cause: str) -> list[AssetQuoted]:
    """Return every view that changed and whose pace has come."""
    said: list[AssetQuoted] = []
    while state.waiting and state.waiting[0].due_ns <= state.now_ns:
        due = heappop(state.waiting)
        if due.view.due_ns == due.due_ns:  # else it was said meanwhile, for a reason that could not wait
            said += say_now(state, due.view, cause)
    return said


def say_now(state: Consolidation, view: View, cause: str) -> list[AssetQuoted]:
    """Return the view and begin its pace anew; one without any price is not said twice."""
    empty_before = view.best == (None, None)
    view.said_ns, view.due_ns = state.now_ns, 0
    said = look(state, view, cause)
    return [] if empty_before and view.best == (None, None) else [said]
