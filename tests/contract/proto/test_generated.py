from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from seawall_proto import ROUTE_OF, ROUTES
from tests.tools.generate import ROOT, edges, outputs, service_tables


@pytest.mark.parametrize("path", list(outputs()), ids=lambda path: str(Path(path).relative_to(ROOT)))
def test_generated_files_are_up_to_date(path: Path) -> None:
    assert path.exists(), "run 'make generate'"
    assert path.read_text() == outputs()[path], "run 'make generate'"


def test_no_schema_is_left_of_an_event_that_is_gone() -> None:
    assert set((ROOT / "proto" / "schemas").iterdir()) <= set(outputs())


def test_no_event_is_an_orphan() -> None:
    tables = service_tables()
    said = {kind for table in tables for kind in table.sends}
    heard = {kind for table in tables if table.name != "recorder" for kind in table.on}
    for kind in heard & set(ROUTE_OF):
        by_command = kind.__name__ in {"HaltRequested", "TradingResumed", "FlattenRequested", "TradingHalted"}
        later = kind.__name__ in {"QuotesProposed", "ModelPublished", "ModelDrifted"}
        assert kind in said or by_command or later, f"{kind.__name__} is heard but never said"
    assert {route.kind for route in ROUTES} >= said, "a service says something that has no route"


def test_the_decision_chain_is_joined_up() -> None:
    joined = {(sender, receiver) for sender, receiver, _ in edges()}
    chain = ("market-data", "feature", "signal", "risk", "execution", "stop-guardian")
    assert set(itertools.pairwise(chain)) <= joined
