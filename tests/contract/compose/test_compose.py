"""docker-compose.yml: every file, command, host and secret it names is there; nobody gets a key without need."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from seawall_paper_venue.options import parse_options
from seawall_proto import STREAMS
from seawall_runtime import streams as stream_tool
from seawall_runtime.app import _options as service_options
from seawall_runtime.config import Config, load_config
from tests.paths import REPOSITORY

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("market-data", "consolidator", "feature", "signal", "risk", "execution", "stop-guardian", "recorder")
CONFIG_PATH = REPOSITORY / "deploy" / "docker" / "seawall.toml"
NEEDS_LEDGER = {"risk", "execution", "stop-guardian", "recorder", "migrate"}


def config() -> Config:
    return load_config(CONFIG_PATH)


def defaults(text: str) -> str:
    """Return the text with compose's ``${NAME:-default}`` filled in as for an empty environment."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def test_every_process_of_the_system_has_a_service() -> None:
    built = {path.parent.name for path in REPOSITORY.glob("services/*/pyproject.toml")}
    assert built <= SERVICES.keys()
    assert set(OURS) <= SERVICES.keys()
    assert {"nats", "timescaledb", "jaeger", "streams", "migrate"} <= SERVICES.keys()


def test_the_default_profile_is_everything_but_the_observability() -> None:
    assert {name for name, service in SERVICES.items() if service["profiles"] == ["observability"]} == {"jaeger"}
    assert all(service["profiles"] == ["core"] for name, service in SERVICES.items() if name != "jaeger")


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_started_with_the_image_command_that_its_program_understands(name: str) -> None:
    service = SERVICES[name]
    assert service["build"]["args"]["SERVICE"] == name
    assert "command" not in service
    assert "entrypoint" not in service
    command = re.search(r"^CMD \[(.+)\]$", (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE)
    assert command is not None
    options = service_options(name, re.findall(r'"([^"]+)"', command[1]))
    assert str(options.config) == _config_target(service)
    assert options.http == ("0.0.0.0", 8080)
    scripts = tomllib.loads((REPOSITORY / "services" / name / "pyproject.toml").read_text())["project"]["scripts"]
    assert f"seawall-{name}" in scripts


def _config_target(service: dict[str, Any]) -> str:
    (mount,) = service["configs"]
    assert mount["source"] == "seawall"
    return str(mount["target"])


def test_the_jobs_run_commands_that_exist() -> None:
    assert SERVICES["streams"]["entrypoint"][1:] == ["-m", stream_tool.__name__]
    assert SERVICES["migrate"]["entrypoint"] == ["/opt/seawall/bin/seawall-ledger"]
    assert SERVICES["migrate"]["command"][0] == "migrate"
    for job in ("streams", "migrate"):
        assert SERVICES[job]["command"][-2:] == ["--config", _config_target(SERVICES[job])]


def test_the_paper_venue_understands_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [defaults(argument) for argument in SERVICES["paper-venue"]["command"]]
    monkeypatch.setattr("sys.argv", ["seawall-paper-venue", *command])
    options = parse_options()
    assert options.port == urlsplit(config().venues[0].rest_url).port
    health = urlsplit(SERVICES["paper-venue"]["environment"]["HEALTH_URL"])
    assert health.port == options.port


def test_the_configuration_is_valid_and_names_only_hosts_of_the_network() -> None:
    settings = config()
    (venue,) = settings.venues
    urls = [settings.nats.url, settings.database.url, venue.rest_url, venue.websocket_url]
    assert {urlsplit(url).hostname for url in urls} == {"nats", "timescaledb", "paper-venue"} & SERVICES.keys()


def test_files_that_are_mounted_exist_and_secrets_are_made_by_the_script(tmp_path: Path) -> None:
    for entry in COMPOSE["configs"].values():
        assert (REPOSITORY / defaults(entry["file"])).is_file()
    docker = tmp_path / "docker"
    (docker / "secrets").mkdir(parents=True)
    script = shutil.copy(REPOSITORY / "deploy" / "docker" / "make-secrets.sh", docker)
    subprocess.run(["sh", script], check=True)
    made = {path.name: path.read_text() for path in (docker / "secrets").iterdir()}
    assert {Path(entry["file"]).name for entry in COMPOSE["secrets"].values()} == made.keys()
    assert all(made.values())
    pairs = {made["trade_key"]: made["trade_secret"], made["guardian_key"]: made["guardian_secret"]}
    assert yaml.safe_load(made["venue_keys.json"]) == pairs
    assert len({made[name] for name in made}) == len(made)
    subprocess.run(["sh", script], check=True)
    assert {path.name: path.read_text() for path in (docker / "secrets").iterdir()} == made, "what is there stays"


def test_each_service_gets_only_the_secrets_it_needs() -> None:
    settings = config()
    (venue,) = settings.venues
    assert venue.trade_key is not None
    assert venue.guardian_key is not None
    keys = {"execution": venue.trade_key, "stop-guardian": venue.guardian_key}
    for name in (*OURS, "streams", "migrate"):
        wanted = {key.name for key in (keys[name].key_file, keys[name].secret_file)} if name in keys else set()
        if name in NEEDS_LEDGER:
            assert settings.database.password_file is not None
            wanted.add(settings.database.password_file.name)
        assert set(SERVICES[name].get("secrets", [])) == wanted, name
    assert all(secret in COMPOSE["secrets"] for service in SERVICES.values() for secret in service.get("secrets", []))


def test_the_guardian_waits_for_nothing_but_the_venue() -> None:
    assert SERVICES["stop-guardian"]["depends_on"].keys() == {"paper-venue"}


def test_whoever_writes_to_the_ledger_waits_for_its_tables_and_streams() -> None:
    for name in NEEDS_LEDGER - {"stop-guardian", "migrate"}:
        assert {"streams", "migrate"} <= SERVICES[name]["depends_on"].keys()


def test_our_containers_have_no_rights_to_spare() -> None:
    for name in (*OURS, "paper-venue", "streams", "migrate"):
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service


def test_published_ports_are_on_loopback() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_volume_is_declared_and_everyone_has_their_own() -> None:
    used = [mount.partition(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]
    assert sorted(used) == sorted(COMPOSE["volumes"])
    assert all(f"{name}:/data" in SERVICES[name]["volumes"] for name in (*OURS, "paper-venue"))


def test_images_are_named_by_a_full_version() -> None:
    for name in ("nats", "timescaledb", "jaeger"):
        tag = defaults(SERVICES[name]["image"]).rpartition(":")[2]
        assert re.match(r"\d+\.\d+\.\d+", tag), f"{name}: {tag}"


def test_nats_has_room_for_every_stream() -> None:
    text = (REPOSITORY / "deploy" / "docker" / "nats.conf").read_text()
    room = re.search(r"max_file_store: (\d+)GB", text)
    assert room is not None
    assert int(room[1]) * 10**9 >= sum(stream.max_bytes for stream in STREAMS)


def test_docker_compose_itself_accepts_the_file(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("no docker compose plugin on this machine")
    command = [docker, "compose", "--profile", "core", "--profile", "observability", "config", "--quiet"]
    subprocess.run(command, cwd=REPOSITORY, check=True)
