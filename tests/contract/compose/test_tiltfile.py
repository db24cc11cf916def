"""The Tiltfile: Starlark is Python's grammar, so its parts can be checked without Tilt."""

from __future__ import annotations

import ast

from tests.contract.compose.test_compose import COMPOSE
from tests.paths import REPOSITORY

TREE = ast.parse((REPOSITORY / "Tiltfile").read_text())


def _calls(name: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(TREE)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]


def test_it_uses_the_compose_file_with_profiles_that_exist() -> None:
    (call,) = _calls("docker_compose")
    assert (REPOSITORY / ast.literal_eval(call.args[0])).is_file()
    (profiles,) = [ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg == "profiles"]
    assert set(profiles) == {profile for service in COMPOSE["services"].values() for profile in service["profiles"]}


def test_it_names_every_resource_of_the_compose_file_and_no_other() -> None:
    lists = [ast.literal_eval(node) for node in ast.walk(TREE) if isinstance(node, ast.List) and _is_names(node)]
    named = {name for names in lists for name in names if name in COMPOSE["services"]}
    named |= {
        ast.literal_eval(call.args[0]) for call in _calls("dc_resource") if isinstance(call.args[0], ast.Constant)
    }
    assert named == COMPOSE["services"].keys()
    loops = [node for node in ast.walk(TREE) if isinstance(node, ast.For)]
    assert len(_calls("dc_resource")) == len(loops) + 1


def _is_names(node: ast.List) -> bool:
    return bool(node.elts) and all(isinstance(element, ast.Constant) for element in node.elts)


def test_the_commands_it_runs_exist() -> None:
    (secrets,) = _calls("local")
    program, script = ast.literal_eval(secrets.args[0]).split()
    assert program == "sh"
    assert (REPOSITORY / script).is_file()
    targets = (REPOSITORY / "Makefile").read_text()
    for call in _calls("local_resource"):
        (command,) = [ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg == "cmd"]
        assert f"\n{command.removeprefix('make ')}:" in targets
