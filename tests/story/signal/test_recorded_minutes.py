"""Recorded minutes of BTC and ETH through features, signal and risk: it trades, and keeps to every limit."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from functools import cache

import pytest

from seawall_features.streaming import FeatureStream
from seawall_proto import (
    ExposureChanged,
    OrderApproved,
    OrderRefused,
    RefusalReason,
    SignalRaised,
)
from seawall_risk.facts import HaltsRead
from seawall_runtime.config import Config
from seawall_runtime.service import TimerElapsed
from seawall_signal.hosting import hosted_by
from tests.paths import needs_recording
from tests.worlds import risk_world, signal_world
from tests.worlds.feed_frames import recording_of
from tests.worlds.recorded_seconds import SECOND, SYMBOL_OF, Second, seconds_of

pytestmark = [needs_recording(recording_of("btcusdt")), needs_recording(recording_of("ethusdt"))]
Answer = OrderApproved | OrderRefused


@cache
def market() -> tuple[Second, ...]:
    """Both symbols' seconds, as time brings them."""
    both = [second for venue_symbol in SYMBOL_OF for second in seconds_of(venue_symbol)]
    return tuple(sorted(both, key=lambda second: (second.end_ns, second.bar.symbol)))


class Desk:
    """Signal and risk, and a venue that fills every approval at once at the touch."""

    def __init__(self) -> None:
        self.signal = signal_world.World(*hosted_by(Config()))
        self.risk = risk_world.World()
        self.streams = {symbol: FeatureStream() for symbol in SYMBOL_OF.values()}
        self.answers: list[tuple[int, Answer]] = []
        self.positions: dict[str, Decimal] = dict.fromkeys(SYMBOL_OF.values(), Decimal(0))
        self.now = market()[0].end_ns - 10 * SECOND
        self._set_time(self.now)
        self.risk.open()
        self._set_time(self.risk.now)

    def _set_time(self, now: int) -> None:
        self.now = self.signal.now = self.risk.now = max(now, self.now)

    def live(self, second: Second) -> None:
        """One symbol's second passes."""
        self._set_time(second.end_ns)
        self.signal.tick()
        self.risk.tell(HaltsRead(**self.risk.head()), second.quote, second.book, TimerElapsed(**self.risk.head()))
        values = self.streams[second.bar.symbol].update(second.bar, second.book)
        features = self.signal.bar(second.bar.symbol, values, close=second.bar.close)
        for signal in self.signal.tell(features):
            assert isinstance(signal, SignalRaised)
            (answer,) = self.risk.tell(signal)
            assert isinstance(answer, OrderApproved | OrderRefused)
            self.answers.append((self.now, answer))
            self.take(answer, second)

    def take(self, answer: Answer, second: Second) -> None:
        """Fill an approval and tell everybody; tell signal of a refusal."""
        if isinstance(answer, OrderRefused):
            self.signal.tell(answer)
            return
        signed = answer.quantity if answer.side == "buy" else -answer.quantity
        self.positions[answer.symbol] += signed
        self.risk.fill_approved(answer)
        sequence = len(self.answers)
        self.signal.tell(self.signal.position(answer.symbol, str(self.positions[answer.symbol]), sequence))


@pytest.fixture(scope="module")
def desk() -> Desk:
    one = Desk()
    for second in market():
        one.live(second)
    return one


def entries(desk: Desk) -> list[tuple[int, OrderApproved]]:
    return [(at, answer) for at, answer in desk.answers if isinstance(answer, OrderApproved) and not answer.reduce_only]


def test_it_enters_several_times_within_the_first_minute(desk: Desk) -> None:
    begin = market()[0].end_ns
    early = [answer.symbol for at, answer in entries(desk) if at < begin + 60 * SECOND]
    assert len(early) >= 4
    assert set(early) == set(SYMBOL_OF.values())
    assert min(at for at, _ in entries(desk)) < begin + 30 * SECOND


def test_it_does_not_churn(desk: Desk) -> None:
    assert 20 <= len(entries(desk)) <= 60, "two symbols over almost six minutes of one-second bars"


def test_every_entry_is_closed_by_an_order_of_its_own_size(desk: Desk) -> None:
    for symbol in SYMBOL_OF.values():
        held = Decimal(0)
        for _, answer in desk.answers:
            if isinstance(answer, OrderApproved) and answer.symbol == symbol:
                signed = answer.quantity if answer.side == "buy" else -answer.quantity
                assert answer.reduce_only == bool(held)
                assert not answer.reduce_only or signed == -held
                held += signed


def test_what_is_refused_is_refused_for_a_reason_of_its_own(desk: Desk) -> None:
    refused = Counter(answer.reason for _, answer in desk.answers if isinstance(answer, OrderRefused))
    assert set(refused) <= {RefusalReason.BELOW_MINIMUM, RefusalReason.NOTHING_TO_CLOSE}
    assert sum(refused.values()) <= len(desk.answers) / 4


def test_no_figure_ever_passes_its_limit(desk: Desk) -> None:
    said = [event for event in desk.risk.said if isinstance(event, ExposureChanged)]
    assert said
    assert max(event.gross_exposure for event in said) <= Decimal("2000") * Decimal("1.01")
    assert not desk.risk.halts()


def test_the_same_minutes_make_the_same_decisions(desk: Desk) -> None:
    again = Desk()
    for second in market()[:240]:
        again.live(second)
    assert again.answers == desk.answers[: len(again.answers)]
    assert len(again.answers) >= 10
