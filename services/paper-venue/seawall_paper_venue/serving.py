"""Serving an application until the process is asked to end."""

from __future__ import annotations

import asyncio

from aiohttp import web

# streams never end by themselves; whoever still listens after this is disconnected
CLIENTS_LEAVE_WITHIN_S = 0.2


def serve(app: web.Application, host: str, port: int) -> None:
    """Listen until SIGTERM or SIGINT. Raises OSError where the address cannot be had."""
    web.run_app(
        app,
        host=host,
        port=port,
        access_log=None,
        print=None,
        loop=_new_loop(),
        shutdown_timeout=CLIENTS_LEAVE_WITHIN_S,
    )


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return uvloop where it runs, asyncio's own loop elsewhere."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
