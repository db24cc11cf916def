"""A wrong configuration is refused with its place, what was found and what was expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seawall_runtime.config import Config, ConfigError, check_config, load_config
from tests.paths import REPOSITORY

VENUE = {
    "name": "binance-usdm",
    "account": "paper",
    "rest_url": "http://127.0.0.1:1",
    "websocket_url": "ws://127.0.0.1:1",
    "symbols": ["BTC-USDT-PERP"],
}


@pytest.mark.parametrize(
    ("table", "path", "found", "expected"),
    [
        ({"risk": {"max_position": 7}}, "$.risk.max_position", "7 (a whole number)", "a number <= 1.0"),
        ({"risk": {"max_position": "x"}}, "$.risk.max_position", "'x' (text)", "expected a number"),
        ({"mode": "prod"}, "$.mode", "'prod'", "one of 'paper', 'testnet', 'live'"),
        ({"nats": {"replicas": True}}, "$.nats.replicas", "true (true or false)", "a whole number"),
        ({"nats": 3}, "$.nats", "3 (a whole number)", "a table"),
        ({"venues": {}}, "$.venues", "an empty table", "a list"),
        ({"venues": [{**VENUE, "symbols": []}]}, "$.venues[0].symbols", "an empty list", "length >= 1"),
        ({"venues": [{**VENUE, "account": "a b"}]}, "$.venues[0].account", "'a b'", "text matching"),
        ({"strategies": {"a b": {}}}, "$.strategies", "'a b'", "text matching"),
        ({"strategies": {"momentum": 3}}, "$.strategies[...]", "3 (a whole number)", "a table"),
        ({"data_dir": 3}, "$.data_dir", "3 (a whole number)", "a path"),
    ],
)
def test_a_wrong_value_is_named_with_its_path_found_and_expected(
    table: dict[str, Any], path: str, found: str, expected: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        check_config(table, "file.toml")
    text = str(refusal.value)
    assert text.startswith(f"file.toml: {path}: found ")
    assert found in text
    assert expected in text


def test_an_unknown_key_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(ConfigError, match=r"\$\.risk\.max_positon: found an unknown key, did you mean max_position\?"):
        check_config({"risk": {"max_positon": 0.1}}, "file.toml")


def test_an_unknown_key_far_from_all_others_gets_the_list() -> None:
    with pytest.raises(ConfigError, match=r"\$\.zebra: found an unknown key, expected one of mode, data_dir, nats"):
        check_config({"zebra": 1}, "file.toml")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigError, match=r"\$\.venues\[0\]\.account: found no such key \(only name\), expected one"):
        check_config({"venues": [{"name": "binance-usdm"}]}, "file.toml")


def test_a_password_in_a_wrong_value_is_not_shown() -> None:
    with pytest.raises(ConfigError) as refusal:
        check_config({"mode": "postgresql://seawall:hunter2@127.0.0.1/seawall"}, "file.toml")
    assert "hunter2" not in str(refusal.value)


def test_a_file_that_is_absent_or_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: cannot be read: No such file"):
        load_config(tmp_path / "absent.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("mode = ")
    with pytest.raises(ConfigError, match=r"broken\.toml: not TOML"):
        load_config(broken)
    broken.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"broken\.toml: not TOML"):
        load_config(broken)


def test_the_environment_replaces_values_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('mode = "paper"\n[nats]\nurl = "nats://one:4222"\n')
    environment = {
        "SEAWALL__NATS__URL": "nats://two:4222",
        "SEAWALL__RISK__MAX_POSITION": "0.05",
        "SEAWALL__NATS__REPLICAS": "3",
        "SEAWALL__MODE": "testnet",
        "SEAWALL_RECORDINGS": "not ours",
    }
    config = load_config(file, environment)
    assert config.nats.url == "nats://two:4222"
    assert config.nats.replicas == 3
    assert config.risk.max_position == 0.05
    assert config.mode == "testnet"


def test_a_wrong_value_from_the_environment_names_its_variable(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("")
    with pytest.raises(ConfigError, match=r"\$\.risk\.max_position \(set by SEAWALL__RISK__MAX_POSITION\): found 3"):
        load_config(file, {"SEAWALL__RISK__MAX_POSITION": "3"})
    with pytest.raises(ConfigError, match=r"SEAWALL__RISK__MAX_POSITON: unknown key 'max_positon', did you mean MAX_P"):
        load_config(file, {"SEAWALL__RISK__MAX_POSITON": "0.1"})
    with pytest.raises(ConfigError, match=r"SEAWALL__RISK: risk is a table"):
        load_config(file, {"SEAWALL__RISK": "{}"})


def test_the_environment_cannot_carry_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("")
    with pytest.raises(ConfigError, match="secrets are read from files") as refusal:
        load_config(file, {"SEAWALL__DATABASE__URL": "postgresql://seawall:hunter2@db/seawall"})
    assert "hunter2" not in str(refusal.value)
    config = load_config(file, {"SEAWALL__DATABASE__PASSWORD_FILE": "/run/secrets/password"})
    assert config.database.password_file == Path("/run/secrets/password")


def test_the_example_file_is_valid_and_states_the_defaults() -> None:
    config = load_config(REPOSITORY / "libs" / "runtime" / "seawall.example.toml", {})
    default = Config()
    assert config.venues
    for section in ("nats", "database", "telemetry", "market_data", "risk", "execution", "stop_guardian", "mode"):
        assert getattr(config, section) == getattr(default, section)
