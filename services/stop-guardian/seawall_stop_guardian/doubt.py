"""Stops about which something is not proven: when to ask again, and what an answer proves."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from seawall_proto.stops import StopState
from seawall_stop_guardian import protection
from seawall_stop_guardian.commands import LookUpStop, ReadAccount
from seawall_stop_guardian.exposure import TRIGGER_GRACE_NS, lose_cover, stop_changed
from seawall_stop_guardian.ownership import is_ours
from seawall_stop_guardian.position import is_settled
from seawall_stop_guardian.state import Guarded, OwnStop, Phase
from seawall_stop_guardian.trail import closing_side, tightest
from seawall_venues.port import VenueStop

T = TypeVar("T")

MILLISECOND_NS = 1_000_000
LOOK_UP_EVERY_NS = 150 * MILLISECOND_NS
READ_AGAIN_NS = 150 * MILLISECOND_NS  # while something awaits proof
ANSWER_LOST_NS = 3_000 * MILLISECOND_NS  # the effects answer every command within their own time-out of 2 s
NOT_FOUND_PROVES = 3  # look-ups in a row that know nothing of a stop never acknowledged
MAX_REMEMBERED = 256  # departed and foreign ids per symbol; the venue allows 200 conditionals an account

TRIGGERED_WORDS = frozenset({"triggering", "triggered", "finished", "filled"})
REFUSED_WORDS = frozenset({"rejected"})


def see(state: Guarded, stop: OwnStop, found: VenueStop, asked_ns: int, now_ns: int) -> list[msgspec.Struct]:
    """Take what a read says about one of our stops that rests."""
    if stop.phase in (Phase.CANCELING, Phase.TRIGGERED):
        return []
    was = stop.verified
    stop.phase = Phase.RESTING
    stop.venue_stop_id = found.venue_stop_id
    stop.quantity, stop.trigger_price = found.quantity, found.trigger_price
    stop.verified = found.active and found.reduce_only and found.side == stop.side
    stop.acknowledged_ns = stop.acknowledged_ns or now_ns
    stop.last_seen_ns = now_ns
    stop.absent_reads = stop.not_found = 0
    return [stop_changed(state, stop, "resting", "read back")] if stop.verified and not was else []


def adopt(state: Guarded, found: VenueStop, asked_ns: int, offset_ns: int, now_ns: int) -> list[msgspec.Struct]:
    """Take up a resting stop that is not known: ours by its id, or somebody else's, which is left alone."""
    stop_id = found.client_stop_id
    if stop_id in state.foreign or asked_ns <= state.departed.get(stop_id, 0):
        return []
    if stop_id not in state.departed and not is_ours(state.venue, state.account, found, offset_ns):
        _note(state.foreign, stop_id, None)
        return []
    stop = OwnStop(stop_id, found.side, found.quantity, found.trigger_price, Phase.RESTING)
    state.stops[stop_id] = stop
    if state.quantity and stop.side == closing_side(state.quantity):
        own = state.trigger_price
        state.trigger_price = stop.trigger_price if own is None else tightest(stop.side, own, stop.trigger_price)
    return see(state, stop, found, asked_ns, now_ns)


def absent(state: Guarded, stop: OwnStop, asked_ns: int, now_ns: int) -> list[msgspec.Struct]:
    """Take that a read does not list one of our stops; one absence is a doubt, not a proof."""
    if stop.phase is Phase.CANCELING:
        if stop.cancel_answered_ns and asked_ns > stop.cancel_answered_ns:
            return depart(state, stop, "canceled", "", now_ns)
    elif stop.phase is Phase.TRIGGERED:
        if now_ns - stop.last_seen_ns >= TRIGGER_GRACE_NS and asked_ns > stop.last_seen_ns:
            depart(state, stop, "triggered", "", now_ns)
    elif stop.phase is Phase.UNKNOWN:
        stop.absent_reads += 1
    elif stop.phase in (Phase.RESTING, Phase.MISSING) and asked_ns > stop.acknowledged_ns:
        stop.phase = Phase.MISSING
        stop.absent_reads += 1
        return _settle(state, stop, now_ns)
    return []


def looked_up(
    state: Guarded, stop: OwnStop, found: VenueStop | None, asked_ns: int, offset_ns: int, now_ns: int
) -> list[msgspec.Struct]:
    """Take the venue's answer about one stop: it rests, it ended, or it is not known there."""
    if stop.phase not in (Phase.UNKNOWN, Phase.MISSING):
        return []
    if found is None:
        stop.not_found += 1
        return _settle(state, stop, now_ns)
    if found.active:
        return see(state, stop, found, asked_ns, now_ns)
    stop.venue_stop_id = found.venue_stop_id
    return ended(state, stop, found, found.ts_venue_ns - offset_ns, "", now_ns)


def ended(
    state: Guarded, stop: OwnStop, found: VenueStop, when_ns: int, reason: str, now_ns: int
) -> list[msgspec.Struct]:
    """Take the venue's word that a stop no longer rests: it triggered, or it was taken away."""
    word = found.state.lower()
    if word in TRIGGERED_WORDS:
        if stop.phase is Phase.TRIGGERED:
            return []
        stop.phase = Phase.TRIGGERED
        stop.last_seen_ns = state.triggered_ns = now_ns
        return [stop_changed(state, stop, "triggered", reason)]
    if word in REFUSED_WORDS:
        protection.failed(state, now_ns)
        return depart(state, stop, "rejected", reason or word, now_ns, when_ns)
    expected: StopState = "canceled" if stop.phase is Phase.CANCELING else "gone"
    return depart(state, stop, expected, reason or word, now_ns, when_ns)


def _settle(state: Guarded, stop: OwnStop, now_ns: int) -> list[msgspec.Struct]:
    acknowledged = stop.acknowledged_ns > 0
    if stop.absent_reads < 1 or stop.not_found < (1 if acknowledged else NOT_FOUND_PROVES):
        return []
    reason = "no longer at the venue" if acknowledged else "never arrived at the venue"
    if not acknowledged:
        protection.failed(state, now_ns)
    return depart(state, stop, "gone", reason, now_ns, stop.last_seen_ns)


def depart(
    state: Guarded, stop: OwnStop, word: StopState, reason: str, now_ns: int, when_ns: int = 0
) -> list[msgspec.Struct]:
    """Forget a stop that no longer rests; should it turn up after all, it is recognised and cancelled."""
    del state.stops[stop.client_stop_id]
    _note(state.departed, stop.client_stop_id, now_ns)
    if stop.verified:
        lose_cover(state, when_ns, now_ns)
    stop.verified = False
    return [stop_changed(state, stop, word, reason)]


def _note(book: dict[str, T], key: str, value: T) -> None:
    book.pop(key, None)
    book[key] = value
    while len(book) > MAX_REMEMBERED:
        del book[next(iter(book))]


def ask(state: Guarded, now_ns: int) -> list[msgspec.Struct]:
    """Ask again about what is not proven yet, each question no more often than its pause allows."""
    out: list[msgspec.Struct] = []
    for stop in state.stops.values():
        if stop.phase is Phase.PLACING and now_ns - stop.sent_ns > ANSWER_LOST_NS:
            stop.phase = Phase.UNKNOWN
        if stop.phase in (Phase.UNKNOWN, Phase.MISSING) and now_ns >= stop.look_up_ns:
            stop.look_up_ns = now_ns + LOOK_UP_EVERY_NS
            out.append(
                LookUpStop(
                    venue=state.venue,
                    account=state.account,
                    symbol=state.symbol,
                    client_stop_id=stop.client_stop_id,
                )
            )
    if _awaits_read(state) and now_ns >= state.read_wanted_ns:
        state.read_wanted_ns = now_ns + READ_AGAIN_NS
        out.append(ReadAccount(venue=state.venue, account=state.account))
    return out


def _awaits_read(state: Guarded) -> bool:
    at_stake = bool(state.quantity or state.stops or state.protection != "flat")
    unsettled = at_stake and state.quantity is not None and not is_settled(state)
    return bool(unsettled or state.breached_ns or state.flattening or state.triggered_ns) or any(
        stop.phase is not Phase.PLACING and not (stop.phase is Phase.RESTING and stop.verified)
        for stop in state.stops.values()
    )
