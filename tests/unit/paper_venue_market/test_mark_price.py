"""Mark price and funding where the source has none."""

from __future__ import annotations

import pytest

from seawall_paper_venue.mark_price import FUNDING_INTERVAL_MS, MarkPrice, next_funding_ms


def test_one_wild_trade_does_not_move_the_mark() -> None:
    mark = MarkPrice(100.0, 0)
    for second in range(1, 60):
        mark.update(100.0, 100.0, second * 1_000)
    mark.update(100.0, 150.0, 60_000)
    assert mark.mark == pytest.approx(100.0, rel=1e-4)


def test_mark_follows_the_market_within_seconds() -> None:
    mark = MarkPrice(100.0, 0)
    for quarter in range(1, 80):
        mark.update(101.0, 101.0, quarter * 250)
    assert mark.mark == pytest.approx(101.0, rel=1e-3)


def test_funding_is_interest_while_there_is_no_premium() -> None:
    mark = MarkPrice(100.0, 0)
    mark.update(100.0, 100.0, 1_000)
    assert mark.funding_rate == pytest.approx(0.0001)


def test_time_standing_still_changes_nothing() -> None:
    mark = MarkPrice(100.0, 5_000)
    mark.update(120.0, 120.0, 5_000)
    assert mark.index == 100.0


def test_funding_times_are_every_eight_hours() -> None:
    assert next_funding_ms(0) == FUNDING_INTERVAL_MS
    assert next_funding_ms(FUNDING_INTERVAL_MS - 1) == FUNDING_INTERVAL_MS
    assert next_funding_ms(FUNDING_INTERVAL_MS) == 2 * FUNDING_INTERVAL_MS
