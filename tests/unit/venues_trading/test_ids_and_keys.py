"""Our order ids are derived; our keys are never shown."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seawall_venues.ids import client_order_id
from seawall_venues.keys import ApiKey, read_key
from seawall_venues.port import VenueError

PARTS = ("intent", "binance-usdm", "paper", "entry", 0, 0)


def test_an_id_is_thirty_two_hex_in_the_shape_of_a_random_uuid() -> None:
    for number in range(500):
        assert re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", client_order_id(str(number), "v", "a", "r"))


def test_the_same_intent_gives_the_same_id_and_any_other_part_another() -> None:
    base = client_order_id(*PARTS)
    assert base == client_order_id(*PARTS) == client_order_id("intent", "binance-usdm", "paper", "entry")
    others = [("x", *PARTS[1:])]
    others += [(*PARTS[:place], f"{PARTS[place]}x", *PARTS[place + 1 :]) for place in range(4)]
    others += [(*PARTS[:4], 1, 0), (*PARTS[:4], 0, 1)]
    assert len({client_order_id(*parts) for parts in others} - {base}) == 7  # type: ignore[arg-type]


def test_parts_do_not_run_into_each_other() -> None:
    assert client_order_id("ab", "c", "d", "e") != client_order_id("a", "bc", "d", "e")


def test_a_key_is_redacted_and_does_not_travel(keys: Any) -> None:
    key = read_key(keys)
    assert (key.key, key.secret) == ("CANARYKEY1234567890", "CANARYSECRET0987654321")
    assert "CANARY" not in f"{key!r} {key}"
    with pytest.raises(TypeError):
        copy.deepcopy(key)
    assert isinstance(key, ApiKey)


@pytest.mark.parametrize("content", [b"", b"   \n", b"\xff\xfe", "ключ".encode(), b"x" * 8_193])
def test_a_key_file_that_holds_no_key_is_refused_without_its_content(keys: Any, content: bytes) -> None:
    keys.secret_file.write_bytes(content)
    with pytest.raises(VenueError, match="secret"):
        read_key(keys)


def test_a_missing_key_file_is_named(keys: Any, tmp_path: Path) -> None:
    keys.key_file = tmp_path / "absent"
    with pytest.raises(VenueError, match="absent"):
        read_key(keys)


def test_loading_the_client_loads_one_exchange_and_leaves_ccxt_whole() -> None:
    program = """
import sys
from seawall_venues.binance.ccxt_client import load_exchange_class
exchange = load_exchange_class()
loaded = [name for name in sys.modules if name.startswith("ccxt.async_support.") and name.count(".") == 2]
assert sorted(name.rpartition(".")[2] for name in loaded) == ["base", "binance", "binanceusdm"], loaded
assert "ccxt" not in sys.modules
import ccxt.async_support
assert ccxt.async_support.binanceusdm is exchange
assert ccxt.async_support.kraken().id == "kraken"
assert load_exchange_class() is exchange
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stderr
