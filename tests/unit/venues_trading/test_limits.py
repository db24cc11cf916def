"""Entries never use up what protection needs."""

from __future__ import annotations

import json

from seawall_venues.binance.limits import SECOND_NS, RateBudget

MINUTE_NS = 60 * SECOND_NS


def test_a_fifth_is_kept_for_protection() -> None:
    budget = RateBudget()
    assert budget.take(weight=1_920, orders=0, reserved=False, now_ns=0) == ""
    assert "REQUEST_WEIGHT" in budget.take(weight=1, orders=0, reserved=False, now_ns=0)
    assert budget.take(weight=480, orders=0, reserved=True, now_ns=0) == ""
    assert budget.take(weight=1, orders=0, reserved=True, now_ns=0)


def test_orders_are_counted_in_both_windows() -> None:
    budget = RateBudget()
    assert [budget.take(weight=0, orders=1, reserved=False, now_ns=0) for _ in range(240)] == [""] * 240
    assert "ORDERS" in budget.take(weight=0, orders=1, reserved=False, now_ns=0)
    assert budget.take(weight=0, orders=1, reserved=True, now_ns=0) == ""
    assert budget.take(weight=0, orders=1, reserved=False, now_ns=10 * SECOND_NS) == ""


def test_a_refusal_costs_nothing() -> None:
    budget = RateBudget()
    assert budget.take(weight=1_921, orders=1, reserved=False, now_ns=0)
    assert budget.take(weight=1_920, orders=0, reserved=False, now_ns=0) == ""


def test_the_venues_count_wins_because_others_share_the_address() -> None:
    budget = RateBudget()
    budget.observe({"X-MBX-USED-WEIGHT-1M": "1919", "X-MBX-ORDER-COUNT-10S": "240"}, now_ns=0)
    assert budget.take(weight=1, orders=0, reserved=False, now_ns=0) == ""
    assert budget.take(weight=0, orders=1, reserved=False, now_ns=0)
    assert budget.take(weight=1, orders=0, reserved=False, now_ns=0)
    assert budget.take(weight=1, orders=1, reserved=False, now_ns=MINUTE_NS) == ""


def test_a_header_that_is_no_number_changes_nothing() -> None:
    budget = RateBudget()
    budget.observe({"x-mbx-used-weight-1m": "-5", "X-MBX-ORDER-COUNT-10S": "\u0661"}, now_ns=0)
    assert budget.take(weight=1_920, orders=0, reserved=False, now_ns=0) == ""


def test_limits_are_learned_from_exchange_info() -> None:
    budget = RateBudget()
    rows = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 100}]
    budget.learn(b"not json")
    budget.learn(json.dumps({"rateLimits": rows}).encode())
    assert budget.take(weight=81, orders=0, reserved=False, now_ns=0)
    assert budget.take(weight=80, orders=1, reserved=False, now_ns=0) == ""


def test_while_banned_only_protection_leaves() -> None:
    budget = RateBudget()
    budget.deny(418, 30, now_ns=0)
    assert "wait 30.0 s" in budget.take(weight=1, orders=0, reserved=False, now_ns=0)
    assert budget.take(weight=1, orders=1, reserved=True, now_ns=0) == ""
    assert budget.take(weight=1, orders=0, reserved=False, now_ns=30 * SECOND_NS) == ""


def test_slowing_down_lasts_as_long_as_the_venue_says() -> None:
    budget = RateBudget()
    budget.deny(429, 7, now_ns=0)
    budget.deny(429, 2, now_ns=0)
    assert budget.take(weight=1, orders=0, reserved=False, now_ns=6 * SECOND_NS)
    assert budget.take(weight=1, orders=0, reserved=False, now_ns=7 * SECOND_NS) == ""
