"""The hands of market-data: a feed for every configured venue."""

from __future__ import annotations

import asyncio

from seawall_runtime.context import Context
from seawall_runtime.effects import BaseEffects

from .service import initial
from .venue_effects import VenueFeed


class MarketDataEffects(BaseEffects):
    """Runs the feeds. Their facts do not pass the shell's inbox: see ``venue_effects``."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        make = initial(context.config)
        self._feeds = [
            VenueFeed(context, venue, {symbol: make((venue.name, symbol)) for symbol in venue.symbols})
            for venue in context.config.venues
        ]

    async def start(self) -> None:
        """Open every feed, each as soon as its venue answers. Raises StartError where a symbol is not listed."""
        await asyncio.gather(*(feed.start() for feed in self._feeds))

    async def stop(self) -> None:
        """Close every socket."""
        for feed in self._feeds:
            await feed.stop()
