"""Venues and clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.paper_venue_trading.venues import Client, HandMarket, RunningVenue


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[RunningVenue]:
    """A venue whose market stands still until the test moves it."""
    running = RunningVenue(tmp_path / "state")
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def market(venue: RunningVenue) -> HandMarket:
    """The market of that venue."""
    return venue.market


@pytest.fixture
async def client(venue: RunningVenue) -> Client:
    """A client of that venue."""
    return venue.client()
