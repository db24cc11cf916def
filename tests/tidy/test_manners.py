"""The repository's own manners: anatomy, sizes, names, and what must never be committed."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from tests.paths import REPOSITORY

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_MAIN_LINES = 40
DECIDING = ("market-data", "consolidator", "feature", "signal", "risk", "execution", "stop-guardian")
HEADINGS = ["What it decides", "Listens to", "Says", "Remembers", "When it fails"]
CORE_BANNED = {
    "asyncio",
    "time",
    "random",
    "socket",
    "datetime",
    "secrets",
    "uuid",
    "nats",
    "asyncpg",
    "ccxt",
    "aiohttp",
}
MAX_TRACKED_BYTES = 512 * 1024


def tracked() -> list[Path]:
    """Return every file that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return [path for name in listed.split("\0") if name and (path := REPOSITORY / name).is_file()]


TRACKED = tracked()
PYTHON = [path for path in TRACKED if path.suffix == ".py"]
PRODUCT = [path for path in PYTHON if path.relative_to(REPOSITORY).parts[0] in {"proto", "libs", "services"}]


def package_of(service: str) -> Path:
    return REPOSITORY / "services" / service / f"seawall_{service.replace('-', '_')}"


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def named(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(REPOSITORY)) for path in paths]


def test_no_file_is_too_long() -> None:
    long = [path for path in PYTHON if len(path.read_text().splitlines()) > MAX_FILE_LINES]
    assert not named(long), f"split these: over {MAX_FILE_LINES} lines"


def test_no_function_is_too_long() -> None:
    long = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno} {node.name}"
        for path in PRODUCT
        for node in functions(path)
        if (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
    ]
    assert not long, f"over {MAX_FUNCTION_LINES} lines"


@pytest.mark.parametrize("service", DECIDING)
def test_a_service_reacts_to_an_event_if_and_only_if_it_owns_its_file(service: str) -> None:
    table = import_module(f"seawall_{service.replace('-', '_')}.service").SERVICE
    assert table.name == service
    files = {path.stem for path in package_of(service).glob("on_*.py")}
    assert files == {f"on_{snake(kind.__name__)}" for kind in table.on}
    for kind, decide in table.on.items():
        assert decide.__module__.rpartition(".")[2] == f"on_{snake(kind.__name__)}"
        assert decide.__name__ == "decide"


@pytest.mark.parametrize("service", DECIDING)
def test_cores_decide_without_waiting_clock_or_chance(service: str) -> None:
    package = package_of(service)
    shells = {"main.py", "effects.py", "__init__.py"} | {path.name for path in package.glob("*_effects.py")}
    for path in package.glob("*.py"):
        if path.name in shells or path.name.startswith(("session", "effects_", "journal")):
            continue
        tree = ast.parse(path.read_text())
        awaits = [node for node in ast.walk(tree) if isinstance(node, ast.Await | ast.AsyncFunctionDef)]
        if path.name.startswith("on_") or path.name in {"state.py", "service.py"}:
            assert not awaits, f"{path.name} waits"
            imported = {name.split(".")[0] for node in ast.walk(tree) for name in _imports(node)}
            assert not imported & CORE_BANNED, f"{path.name} imports {imported & CORE_BANNED}"


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []


def test_wiring_is_short() -> None:
    long = [p for p in REPOSITORY.glob("services/*/*/main.py") if len(p.read_text().splitlines()) > MAX_MAIN_LINES]
    assert not [path for path in named(long) if "paper-venue" not in path]


@pytest.mark.parametrize("service", [*DECIDING, "recorder", "paper-venue"])
def test_every_service_readme_has_the_same_five_headings(service: str) -> None:
    text = (REPOSITORY / "services" / service / "README.md").read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS


def test_every_member_is_named_for_its_folder_and_has_a_readme() -> None:
    for project in [*REPOSITORY.glob("libs/*"), *REPOSITORY.glob("services/*"), REPOSITORY / "proto"]:
        assert f'name = "seawall-{project.name}"' in (project / "pyproject.toml").read_text()
        assert (project / "README.md").exists(), f"{project.name} has no README.md"


def test_only_the_shell_catches_every_exception() -> None:
    allowed = {"libs/runtime/seawall_runtime"}
    found = []
    for path in PRODUCT:
        for node in ast.walk(ast.parse(path.read_text())):
            broad = isinstance(node, ast.ExceptHandler) and (
                node.type is None
                or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
            )
            if broad and str(path.relative_to(REPOSITORY).parent) not in allowed:
                found.append(f"{path.relative_to(REPOSITORY)}:{node.lineno}")
    assert not found


def test_public_functions_say_what_they_do() -> None:
    silent = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno} {node.name}"
        for path in PRODUCT
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
    ]
    assert not silent


def test_nothing_is_left_unfinished() -> None:
    words = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|NotImplemented" + r"Error)\b")
    assert not [f"{p.relative_to(REPOSITORY)}" for p in PRODUCT if words.search(p.read_text())]


def test_no_recording_archive_or_large_file_is_tracked() -> None:
    data = {".feather", ".zst", ".parquet", ".gz", ".zip", ".bz2", ".whl"}
    assert not named([path for path in TRACKED if path.suffix in data or path.stat().st_size > MAX_TRACKED_BYTES])


def test_no_download_address_of_a_registry_is_tracked() -> None:
    hosts = [
        "files.python" + "hosted",
        "py" + "pi.org",
        "registry.npm" + "js",
        "proxy.gol" + "ang",
        "crates" + ".io/api",
    ]
    texts = [path for path in TRACKED if path.suffix not in {".png"}]
    assert not named([path for path in texts if any(host in path.read_text(errors="replace") for host in hosts)])


def test_no_machine_path_is_tracked() -> None:
    pattern = re.compile(r"(?<![\w.-])/(wo" + r"rk|ro" + r"ot|ho" + r"me/\w+)/")
    assert not named([path for path in TRACKED if pattern.search(path.read_text(errors="replace"))])


def test_every_requirement_is_pinned_by_hash() -> None:
    text = (REPOSITORY / "requirements.txt").read_text()
    pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert pins
    assert all("==" in line and line.endswith("\\") for line in pins)
