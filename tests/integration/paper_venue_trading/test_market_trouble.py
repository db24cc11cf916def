"""A market that fails before or while the venue serves."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from seawall_cli.embedded import free_port
from seawall_paper_venue.app import PaperVenue
from seawall_paper_venue.options import parse_options
from seawall_paper_venue.serving import serve
from seawall_paper_venue.sources.base import Sink
from seawall_paper_venue.sources.errors import SourceError
from tests.integration.paper_venue_trading.venues import HandMarket


class SilentMarket:
    """Says nothing."""

    async def run(self, sink: Sink, speed: float) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()


class EndingMarket(HandMarket):
    """Shows a market for a moment and fails."""

    async def run(self, sink: Sink, speed: float) -> None:
        """Begin as the other does, then end."""
        try:
            await asyncio.wait_for(super().run(sink, speed), 0.3)
        except TimeoutError:
            raise SourceError("the tape tore") from None


class AbsentMarket:
    """Fails before it showed anything."""

    async def run(self, sink: Sink, speed: float) -> None:
        """Fail."""
        raise SourceError("no such tape")


def venue_of(tmp_path: Path, source: SilentMarket | EndingMarket | AbsentMarket) -> tuple[PaperVenue, int]:
    """Return a venue on a market, and its port."""
    port = free_port()
    return PaperVenue(parse_options(["--port", str(port), "--state", str(tmp_path / "state")]), source), port


def test_venue_ends_and_tells_why_when_its_market_ends(tmp_path: Path):
    venue, port = venue_of(tmp_path, EndingMarket())
    serve(venue.application(), "127.0.0.1", port)
    assert str(venue.failure) == "the tape tore"


def test_venue_does_not_listen_where_there_is_no_market(tmp_path: Path):
    venue, port = venue_of(tmp_path, AbsentMarket())
    with pytest.raises(SourceError, match="no such tape"):
        serve(venue.application(), "127.0.0.1", port)


def test_venue_does_not_wait_for_ever_for_its_first_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("seawall_paper_venue.app.MARKET_WITHIN_S", 0.2)
    venue, port = venue_of(tmp_path, SilentMarket())
    with pytest.raises(SourceError, match="no book within"):
        serve(venue.application(), "127.0.0.1", port)
