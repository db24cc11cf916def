"""A small venue on a virtual clock, around the guardian's pure decisions: what is read is what happened."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from seawall_proto import Event, ProtectionChanged, StopChanged
from seawall_runtime.config import Config, StopGuardianConfig
from seawall_runtime.service import step
from seawall_stop_guardian import commands as c
from seawall_stop_guardian import facts as f
from seawall_stop_guardian.service import SERVICE
from seawall_stop_guardian.state import Guarded, initial
from seawall_venues.port import Outcome, VenueFill, VenueStop

MS = 1_000_000
START_NS = 1_700_000_000_000 * MS
VENUE, ACCOUNT, SYMBOL = "binance-usdm", "paper", "BTC-USDT-PERP"
WHO = {"venue": VENUE, "account": ACCOUNT, "symbol": SYMBOL}
TICK, LOT = Decimal("0.1"), Decimal("0.001")
AT_VENUE, DEAD = 0, -1
KEY = (VENUE, ACCOUNT, SYMBOL)

Kind = TypeVar("Kind", bound=msgspec.Struct)


def d(text: str | int | float) -> Decimal:
    return Decimal(str(text))


class World:
    """The guardian, one symbol, and a venue 50 ms away. Faults are plain attributes to set."""

    def __init__(self, *, latency_ms: int = 50, **options: Any) -> None:
        self.options = StopGuardianConfig(**options)
        self.latency_ns = latency_ms * MS
        self.now_ns = START_NS
        self.said: list[Any] = []
        self.said_ns: list[int] = []
        self.journal: f.Memory | None = None
        self.position, self.entry, self.mark = d(0), d(0), d(100)
        self.stops: dict[str, VenueStop] = {}
        self.ended: dict[str, VenueStop] = {}
        self.fills: list[VenueFill] = []
        self.placements = 0
        self.place_outcomes: list[str] = []  # "ok", "lost", "dropped", or "reject:<code>", one per placement
        self.reads_fail = self.look_ups_fail = self.stream_down = self.flattens_fail = False
        self.positions_say: Decimal | None = None  # a degraded venue's answer
        self.ids = itertools.count(1)
        self.queue: list[tuple[int, int, int, Callable[[], None]]] = []
        self.start()

    # --- the guardian's process

    def start(self) -> None:
        """Start a guardian with nothing but the journal."""
        self.states: dict[Any, Any] = {}
        self.initial = initial(Config(stop_guardian=self.options))
        self.generation = next(self.ids)
        self.reading = self.read_again = False
        if self.journal is not None:
            self.tell(f.MemoryRestored(**WHO, memory=self.journal))
        self.tell(f.RulesKnown(**WHO, tick_size=TICK, lot_size=LOT, min_quantity=LOT, market_max_quantity=d(100)))
        self.read()
        self.later(self.options.verify_every_ms * MS, self.verify_round)
        self.later(100 * MS, self.moment)

    def kill(self) -> None:
        """End the guardian at once: what is under way at the venue happens, nobody hears of it."""
        self.generation = DEAD
        self.states = {}

    @property
    def state(self) -> Guarded:
        state: Guarded = self.states[KEY]
        return state

    def tell(self, event: Event) -> list[msgspec.Struct]:
        if not event.id:
            msgspec.structs.force_setattr(event, "id", f"fact-{next(self.ids)}")
        if not event.ts_received_ns:
            msgspec.structs.force_setattr(event, "ts_received_ns", self.now_ns)
        out = step(SERVICE, self.states, self.initial, event)
        for item in out:
            self.said.append(item)
            self.said_ns.append(self.now_ns)
            if isinstance(item, Event):
                assert type(item) in SERVICE.sends
            else:
                self.perform(item)
        return out

    def later(self, after_ns: int, work: Callable[[], None]) -> None:
        """Schedule something that only a living guardian of this start gets to see."""
        heapq.heappush(self.queue, (self.now_ns + after_ns, next(self.ids), self.generation, work))

    def run(self, ms: int) -> None:
        """Let virtual time pass."""
        until_ns = self.now_ns + ms * MS
        while self.queue and self.queue[0][0] <= until_ns:
            self.now_ns, _, generation, work = heapq.heappop(self.queue)
            if generation == AT_VENUE or generation == self.generation != DEAD:
                work()
        self.now_ns = until_ns

    def moment(self) -> None:
        self.tell(f.MomentPassed(**WHO))
        self.later(100 * MS, self.moment)

    def verify_round(self) -> None:
        self.read()
        self.later(self.options.verify_every_ms * MS, self.verify_round)

    # --- what the effects do

    def perform(self, command: msgspec.Struct) -> None:
        if isinstance(command, c.Remember):
            self.journal = None if command.memory.is_empty else command.memory
        elif isinstance(command, c.ReadAccount):
            self.read()
        elif isinstance(command, c.PlaceStop):
            self.journal = command.memory
            self.at_venue(lambda: self.take_stop(command))
        elif isinstance(command, c.CancelStop):
            self.at_venue(lambda: self.cancel_stop(command.client_stop_id))
        elif isinstance(command, c.LookUpStop):
            self.look_up(command.client_stop_id)
        elif isinstance(command, c.FlattenPosition):
            self.journal = command.memory
            self.at_venue(lambda: self.flatten(command))
        elif isinstance(command, c.ReadFills):
            self.answer(lambda fills=tuple(self.fills): f.FillsRead(**WHO, fills=fills, clock_offset_ns=0))

    def at_venue(self, work: Callable[[], None]) -> None:
        """The request arrives even if the guardian dies meanwhile."""
        heapq.heappush(self.queue, (self.now_ns + self.latency_ns // 2, next(self.ids), AT_VENUE, work))

    def answer(self, make: Callable[[], Event]) -> None:
        self.later(self.latency_ns // 2, lambda: self.tell(make()))

    def read(self) -> None:
        if self.reading:
            self.read_again = True
            return
        self.reading = True
        asked_ns = self.now_ns
        self.later(self.latency_ns // 2, lambda: self.read_at_venue(asked_ns))

    def read_at_venue(self, asked_ns: int) -> None:
        failed, stops, mark = self.reads_fail, tuple(self.stops.values()), self.mark
        position = self.position if self.positions_say is None else self.positions_say
        entry = self.entry if position else d(0)

        def arrive() -> None:
            self.reading = False
            if not failed:
                self.tell(f.StopsRead(**WHO, stops=stops, ts_asked_ns=asked_ns))
                self.tell(
                    f.PositionSeen(**WHO, quantity=position, entry_price=entry, source="read", ts_asked_ns=asked_ns)
                )
                if position:
                    self.tell(f.MarkSeen(**WHO, price=mark))
            if self.read_again:
                self.read_again = False
                self.read()

        self.later(self.latency_ns // 2, arrive)

    def look_up(self, stop_id: str) -> None:
        asked_ns = self.now_ns

        def at_venue() -> None:
            found = self.stops.get(stop_id) or self.ended.get(stop_id)
            answered = not self.look_ups_fail
            self.answer(
                lambda: f.StopLookedUp(
                    **WHO,
                    client_stop_id=stop_id,
                    answered=answered,
                    stop=found if answered else None,
                    ts_asked_ns=asked_ns,
                )
            )

        self.later(self.latency_ns // 2, at_venue)

    # --- the venue

    def take_stop(self, command: c.PlaceStop) -> None:
        self.placements += 1
        outcome = self.place_outcomes.pop(0) if self.place_outcomes else "ok"
        who = {**WHO, "client_stop_id": command.client_stop_id}
        if outcome.startswith("reject:"):
            code = outcome.removeprefix("reject:")
            self.answer(lambda: f.StopAnswered(**who, outcome=Outcome.REJECTED, code=code))
            return
        crossed = self.mark <= command.trigger_price if command.side == "sell" else self.mark >= command.trigger_price
        if crossed:
            self.answer(lambda: f.StopAnswered(**who, outcome=Outcome.REJECTED, code="-2021"))
            return
        if outcome != "dropped":
            assert command.client_stop_id not in self.stops, "an id was sent twice"
            self.stops[command.client_stop_id] = VenueStop(
                client_stop_id=command.client_stop_id,
                venue_stop_id=str(next(self.ids)),
                symbol=SYMBOL,
                side=command.side,
                quantity=command.quantity,
                trigger_price=command.trigger_price,
                reduce_only=True,
                active=True,
                state="new",
                ts_venue_ns=self.now_ns,
            )
        if outcome in ("lost", "dropped"):
            self.answer(lambda: f.StopAnswered(**who, outcome=Outcome.UNKNOWN, code="timeout"))
        else:
            venue_stop_id = self.stops[command.client_stop_id].venue_stop_id
            self.answer(lambda: f.StopAnswered(**who, outcome=Outcome.ACCEPTED, venue_stop_id=venue_stop_id))

    def cancel_stop(self, stop_id: str) -> None:
        found = self.stops.pop(stop_id, None)
        if found:
            self.end(found, "canceled")
        outcome = Outcome.ACCEPTED if found else Outcome.REJECTED
        self.answer(lambda: f.CancelAnswered(**WHO, client_stop_id=stop_id, outcome=outcome))

    def end(self, stop: VenueStop, state: str) -> VenueStop:
        ended = msgspec.structs.replace(stop, active=False, state=state, ts_venue_ns=self.now_ns)
        self.ended[stop.client_stop_id] = ended
        return ended

    def vanish(self) -> None:
        """The venue forgets every stop, silently."""
        for stop in self.stops.values():
            self.end(stop, "expired")
        self.stops = {}

    def flatten(self, command: c.FlattenPosition) -> None:
        who = {**WHO, "client_order_id": command.client_order_id}
        if self.flattens_fail:
            self.answer(lambda: f.FlattenAnswered(**who, outcome=Outcome.UNKNOWN, code="timeout"))
            return
        signed = command.quantity if command.side == "buy" else -command.quantity
        if self.position * signed < 0:
            self.trade(signed if abs(signed) <= abs(self.position) else -self.position)
        self.answer(lambda: f.FlattenAnswered(**who, outcome=Outcome.ACCEPTED))

    def trade(self, quantity: Decimal | str | int, price: Decimal | None = None) -> None:
        """A fill: the position changes now, the user stream tells half a round trip later."""
        quantity, price = d(quantity), self.mark if price is None else price
        before, after = self.position, self.position + quantity
        if before * quantity >= 0:
            self.entry = (abs(before) * self.entry + abs(quantity) * price) / abs(after)
        elif before * after < 0:
            self.entry = price
        self.position, entry, filled_ns = after, self.entry, self.now_ns
        self.fills.append(self.fill_of(quantity, price))
        if not self.stream_down:
            self.answer(
                lambda: f.PositionSeen(
                    **WHO, quantity=after, entry_price=entry if after else d(0), source="stream", ts_asked_ns=0
                )
            )
            self.answer(lambda: f.FillSeen(**WHO, quantity=quantity, ts_fill_ns=filled_ns))

    def fill_of(self, quantity: Decimal, price: Decimal) -> VenueFill:
        number = str(next(self.ids))
        return VenueFill(
            fill_id=number,
            client_order_id="",
            venue_order_id=number,
            symbol=SYMBOL,
            side="buy" if quantity > 0 else "sell",
            price=price,
            quantity=abs(quantity),
            fee=d(0),
            fee_asset="USDT",
            maker=False,
            realised_pnl=d(0),
            ts_venue_ns=self.now_ns,
        )

    def move(self, mark: Decimal | str | int, *, native: bool = True) -> None:
        """Move the mark; the venue's own stops act unless ``native`` is False."""
        self.mark = d(mark)
        for stop in list(self.stops.values()) if native else []:
            crossed = self.mark <= stop.trigger_price if stop.side == "sell" else self.mark >= stop.trigger_price
            if crossed:
                self.trigger(stop)

    def trigger(self, stop: VenueStop, *, fills: bool = True) -> None:
        del self.stops[stop.client_stop_id]
        ended = self.end(stop, "triggered")
        if not self.stream_down:
            self.answer(lambda: f.StopReported(**WHO, stop=ended, reason=""))
        signed = stop.quantity if stop.side == "buy" else -stop.quantity
        if fills and self.position * signed < 0:
            self.trade(signed if abs(signed) <= abs(self.position) else -self.position)

    # --- looking

    def heard(self, kind: type[Kind]) -> list[Kind]:
        return [item for item in self.said if isinstance(item, kind)]

    def protections(self) -> list[tuple[str, int]]:
        return [(event.state, event.unprotected_ms) for event in self.heard(ProtectionChanged)]

    def verified(self) -> list[StopChanged]:
        return [event for event in self.heard(StopChanged) if event.verified]

    def only_stop(self) -> VenueStop:
        assert len(self.stops) == 1, self.stops
        return next(iter(self.stops.values()))
