"""A stop's name says whose it is, without any memory."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall_stop_guardian.ownership import StopContent, is_ours, stop_id
from seawall_venues.port import VenueStop

PLACED_NS = 1_723_161_600_123_456_789
CONTENT = StopContent("binance-usdm", "paper", "BTC-USDT-PERP", "sell", Decimal("0.010"), Decimal("62392.10"))


def resting(name: str, ts_venue_ns: int = PLACED_NS) -> VenueStop:
    return VenueStop(
        client_stop_id=name,
        venue_stop_id="1",
        symbol=CONTENT.symbol,
        side=CONTENT.side,
        quantity=Decimal("0.01"),  # the venue writes numbers its own way
        trigger_price=Decimal("62392.1"),
        reduce_only=True,
        active=True,
        state="new",
        ts_venue_ns=ts_venue_ns,
    )


@settings(deadline=None)
@given(
    generation=st.integers(min_value=0, max_value=3),
    late_ns=st.integers(min_value=-2_500_000_000, max_value=9_500_000_000),
    offset_ns=st.integers(min_value=-3_600_000_000_000, max_value=3_600_000_000_000),
)
def test_our_stop_is_recognised_whatever_the_clocks_and_the_way(generation: int, late_ns: int, offset_ns: int) -> None:
    name = stop_id(CONTENT, PLACED_NS, generation)
    assert is_ours("binance-usdm", "paper", resting(name, PLACED_NS + late_ns + offset_ns), offset_ns)


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": Decimal("0.02")},
        {"trigger_price": Decimal("62392.2")},
        {"side": "buy"},
        {"symbol": "ETH-USDT-PERP"},
        {"ts_venue_ns": PLACED_NS + 60_000_000_000},
        {"client_stop_id": "web_8sk2"},
        {"client_stop_id": "1234567890ab4def8234567890abcdef"},
    ],
)
def test_a_stop_that_differs_in_anything_is_not_ours(change: dict[str, object]) -> None:
    stop = msgspec.structs.replace(resting(stop_id(CONTENT, PLACED_NS, 0)), **change)
    assert not is_ours("binance-usdm", "paper", stop, 0)


def test_a_stop_of_another_account_is_not_ours() -> None:
    assert not is_ours("binance-usdm", "other", resting(stop_id(CONTENT, PLACED_NS, 0)), 0)


def test_equal_stops_of_one_moment_have_different_names() -> None:
    assert len({stop_id(CONTENT, PLACED_NS, generation) for generation in range(4)}) == 4
    assert stop_id(CONTENT, PLACED_NS, 0) != stop_id(CONTENT, PLACED_NS + 100_000_000, 0)
    assert stop_id(CONTENT, PLACED_NS, 0) == stop_id(CONTENT, PLACED_NS + 1, 0)
