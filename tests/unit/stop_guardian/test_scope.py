"""Which symbols a control message means."""

from __future__ import annotations

import pytest

from seawall_stop_guardian.scope import covers


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("global", True),
        ("venue:binance-usdm", True),
        ("venue:okx", False),
        ("account:binance-usdm/paper", True),
        ("account:binance-usdm/other", False),
        ("symbol:BTC-USDT-PERP", True),
        ("symbol:ETH-USDT-PERP", False),
        ("strategy:momentum", False),
        ("", False),
    ],
)
def test_a_scope_covers_what_it_names_and_nothing_else(scope: str, expected: bool) -> None:
    assert covers(scope, "binance-usdm", "paper", "BTC-USDT-PERP") is expected
