"""The streams are made once, as the contract says, and stay so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from seawall_cli.embedded import NatsServer, free_port
from seawall_proto import STREAMS, Delivery
from seawall_runtime import streams as streams_module
from seawall_runtime.errors import ApiError, StreamError
from seawall_runtime.streams import ensure_streams, main, missing_streams
from tests.integration.runtime.conftest import MakeBus


async def test_every_stream_is_as_declared_and_declaring_again_changes_nothing(
    server: NatsServer, make_bus: MakeBus
) -> None:
    bus = await make_bus(server.url)
    assert await missing_streams(bus) == ()
    assert all(line.endswith("as declared") for line in await ensure_streams(bus))
    for spec in STREAMS:
        config = (await bus.api(f"STREAM.INFO.{spec.name}"))["config"]
        ledger = spec.delivery is Delivery.LEDGER
        assert config["subjects"] == list(spec.subjects)
        assert config["storage"] == "file"
        assert config["retention"] == "limits"
        assert config["discard"] == ("new" if ledger else "old")
        assert config["deny_delete"] is ledger
        assert config["deny_purge"] is ledger
        assert config["duplicate_window"] == spec.duplicate_window_s * 10**9
        assert config["max_bytes"] == spec.max_bytes
        assert config["max_age"] == spec.max_age_s * 10**9


async def test_the_ledger_can_be_neither_purged_nor_thinned(server: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(server.url)
    published = await bus.publish_stored("control.halt_requested", b"{}", "stays", {})
    with pytest.raises(ApiError):
        await bus.api("STREAM.PURGE.LEDGER")
    with pytest.raises(ApiError):
        await bus.api("STREAM.MSG.DELETE.LEDGER", {"seq": published.seq})


async def test_limits_are_brought_up_to_date(server: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(server.url)
    config = (await bus.api("STREAM.INFO.OPS"))["config"]
    await bus.api("STREAM.UPDATE.OPS", {**config, "max_age": 60 * 10**9, "duplicate_window": 10**9})
    lines = await ensure_streams(bus)
    assert "OPS: brought up to date" in lines
    assert (await bus.api("STREAM.INFO.OPS"))["config"]["max_age"] == 24 * 3_600 * 10**9


async def test_a_stream_of_the_wrong_nature_is_refused_by_name(fresh_nats: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(fresh_nats.url)
    await bus.api("STREAM.CREATE.LEDGER", {"name": "LEDGER", "subjects": ["risk.>"], "retention": "workqueue"})
    with pytest.raises(StreamError, match="LEDGER: retention is 'workqueue', expected 'limits'"):
        await ensure_streams(bus)


async def test_a_server_with_little_room_gets_smaller_streams(
    fresh_nats: NatsServer, make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = await make_bus(fresh_nats.url)
    # takes all but 5 GiB of the server's 16
    await bus.api("STREAM.CREATE.OTHER", {"name": "OTHER", "subjects": ["other"], "max_bytes": 11 << 30})
    lines = await ensure_streams(bus)
    assert await missing_streams(bus) == ()
    assert lines[0] == "LEDGER: created with 4096 MiB"
    assert lines[-1].startswith("MARKET: created with ")
    assert lines[-1] != "MARKET: created with 4096 MiB"
    assert all("created" not in line for line in await ensure_streams(bus))
    monkeypatch.setattr(streams_module, "SMALLEST_BYTES", 16 << 30)
    await bus.api("STREAM.DELETE.OPS")
    await bus.api("STREAM.CREATE.MORE", {"name": "MORE", "subjects": ["more"], "max_bytes": (1 << 30) // 4})
    with pytest.raises(StreamError, match="OPS cannot be created"):
        await ensure_streams(bus)


def test_the_bootstrap_makes_them_from_a_file(
    fresh_nats: NatsServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.toml"
    file.write_text(f'[nats]\nurl = "{fresh_nats.url}"\n')
    assert main(["--config", str(file)]) == 0
    assert capsys.readouterr().out.count("created") == len(STREAMS)
    assert main(["--config", str(file)]) == 0
    assert capsys.readouterr().out.count("as declared") == len(STREAMS)


def test_the_bootstrap_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "c.toml"
    file.write_text("mode = 3\n")
    assert main(["--config", str(file)]) == 2
    assert "$.mode: found 3" in capsys.readouterr().err
    monkeypatch.setattr(streams_module, "CONNECT_PATIENCE_S", 0.6)
    file.write_text(f'[nats]\nurl = "nats://127.0.0.1:{free_port()}"\n')
    assert main(["--config", str(file)]) == 1
    assert "did not answer within 0.6 s" in capsys.readouterr().err


async def test_streams_survive_a_kill_of_the_server(fresh_nats: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(fresh_nats.url)
    await ensure_streams(bus)
    stored = await bus.publish_stored("control.halt_requested", b"{}", "kept", {})
    await asyncio.to_thread(fresh_nats.kill)
    await asyncio.to_thread(fresh_nats.start)
    async with asyncio.timeout(10):
        while not bus.connected:
            await asyncio.sleep(0.02)
    again = await bus.publish_stored("control.halt_requested", b"{}", "kept", {})
    assert again.duplicate
    assert again.seq == stored.seq
