"""The images: each installs what its code imports, pinned by hash, and nothing of the tools around it."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from importlib.metadata import packages_distributions
from types import ModuleType

import pytest
from packaging.utils import canonicalize_name

from tests.contract.compose.test_compose import COMPOSE
from tests.paths import REPOSITORY

DOCKER = REPOSITORY / "deploy" / "docker"
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()


def _pins() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pins", DOCKER / "pins.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PINS = _pins()
IMAGES: dict[str, tuple[str, ...]] = PINS.IMAGES
DISTRIBUTIONS = packages_distributions()
RUNNING = tuple(image for image in IMAGES if image != PINS.BUILD)


@pytest.mark.parametrize("image", IMAGES)
def test_the_committed_pins_are_those_of_requirements_txt(image: str) -> None:
    committed = (DOCKER / "requirements" / f"{image}.txt").read_text()
    assert committed == PINS.text_of(image), "run: .venv/bin/python deploy/docker/pins.py"


@pytest.mark.parametrize("image", IMAGES)
def test_every_pin_has_a_version_and_a_hash(image: str) -> None:
    text = (DOCKER / "requirements" / f"{image}.txt").read_text()
    entries = re.split(r"^(?=[A-Za-z])", text, flags=re.MULTILINE)[1:]
    assert entries
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)


def test_every_image_of_the_compose_file_is_one_of_these() -> None:
    built = [service["build"]["args"] for service in COMPOSE["services"].values() if "build" in service]
    assert {arguments["SERVICE"] for arguments in built} == set(RUNNING)
    for arguments in built:
        targets = arguments.get("TARGETS", f"seawall-{arguments['SERVICE']}")
        assert tuple(targets.split()) == IMAGES[arguments["SERVICE"]]


@pytest.mark.parametrize("image", RUNNING)
def test_whatever_the_code_of_an_image_imports_is_installed_in_it(image: str) -> None:
    installed = PINS.closure(IMAGES[image])
    missing = set()
    for member in (name.removeprefix("seawall-") for name in installed if name.startswith("seawall-")):
        for name in _imported_when_loaded(member):
            if not _owners(name) & installed:
                missing.add(f"{member} imports {name}")
    assert not missing - _optional(image)


def _owners(module: str) -> set[str]:
    if module.startswith("seawall_"):
        return {module.replace("_", "-")}
    return {canonicalize_name(owner) for owner in DISTRIBUTIONS.get(module, [])}


def _imported_when_loaded(member: str) -> set[str]:
    """Return the third parties and members that a member's modules import at their top."""
    folders = [REPOSITORY / "proto", *REPOSITORY.glob("libs/*"), *REPOSITORY.glob("services/*")]
    (project,) = [folder for folder in folders if folder.name == member]
    found: set[str] = set()
    for path in (project / f"seawall_{member.replace('-', '_')}").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {f"seawall_{member.replace('-', '_')}"}


def _optional(image: str) -> set[str]:
    """Modules of a member that only other images load: the extras say which."""
    extras = {
        "seawall-venues[feed]": {"venues imports aiohttp", "venues imports websockets", "venues imports zstandard"},
        "seawall-venues[trading]": {"venues imports ccxt", "venues imports websockets"},
        "seawall-ledger[migrate]": {"ledger imports alembic", "ledger imports sqlalchemy"},
    }
    return set().union(*(modules for extra, modules in extras.items() if extra not in _extras_of(image)))


def _extras_of(image: str) -> set[str]:
    declared = set(IMAGES[image])
    for target in IMAGES[image]:
        path = REPOSITORY / "services" / target.removeprefix("seawall-") / "pyproject.toml"
        if path.exists():
            declared |= set(re.findall(r'"(seawall-[a-z-]+\[[a-z]+\])"', path.read_text()))
    return declared


def test_the_images_with_keys_carry_no_tools() -> None:
    for image in ("execution", "stop-guardian"):
        installed = PINS.closure(IMAGES[image])
        assert not installed & {"pip", "setuptools", "alembic", "sqlalchemy", "pytest", "lightgbm", "python-binance"}


def test_the_dockerfile_runs_as_nobody_checks_hashes_and_copies_what_is_there() -> None:
    final = DOCKERFILE.rpartition("FROM ")[2]
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert "HEALTHCHECK" in final
    assert "/healthz" in final
    assert "pip" not in final
    assert DOCKERFILE.count("--require-hashes") == 2
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (REPOSITORY / source.replace("${SERVICE}", "risk")).exists()
            assert _reaches_the_build(source), f".dockerignore keeps {source} out"
    for _, image in re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", DOCKERFILE, re.MULTILINE):
        assert re.search(r":\d+\.\d+\.\d+", image)


def _reaches_the_build(source: str) -> bool:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    return any(source.startswith(line[1:]) for line in lines if line.startswith("!"))
