"""A symbol says what it is made of; what is no symbol of ours says nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall_proto import parse_symbol


@pytest.mark.parametrize(
    ("symbol", "parts"),
    [
        ("BTC-USDT", ("BTC", "USDT", "spot")),
        ("1000PEPE-USDT-PERP", ("1000PEPE", "USDT", "perpetual")),
        ("BTC-USD-251226", ("BTC", "USD", "future")),
        ("PERP-USDT", ("PERP", "USDT", "spot")),
        ("A_B-USDC", ("A_B", "USDC", "spot")),
    ],
)
def test_a_symbol_has_a_base_a_quote_and_a_kind(symbol: str, parts: tuple[str, str, str]) -> None:
    assert parse_symbol(symbol) == parts


@pytest.mark.parametrize(
    "symbol",
    ["", "BTC", "BTCUSDT", "-USDT", "BTC-", "BTC-USDT-", "BTC-USDT-SWAP", "BTC-USDT-25122", "BTC-USDT\n"],
)
def test_what_is_no_symbol_has_no_parts(symbol: str) -> None:
    assert parse_symbol(symbol) is None


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    parts = parse_symbol(text)
    assert parts is None or text.startswith(f"{parts.base}-{parts.quote}")
